"""From weights to a verdict: Theorem 4.1, reduced to the row space, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from identify.argument import Argument
from identify.equations.activation import Polynomial, parse_activation
from identify.equations.bias import without_odd_bias
from identify.equations.gradients import no_gradients
from identify.equations.pose import Problem, pose
from identify.equations.span import span_of_samples
from identify.equations.weights import Weights, as_weights, with_bias
from identify.findings import Verdict
from identify.network import verify_relu
from identify.options import Options, check_options
from identify.recovery.recover import recover, recover_by_flow
from identify.recovery.verdict import Recovered
from identify.report import IdentifiabilityReport
from identify.tensor.base_point import best_base, misfit
from identify.tensor.conditions import rank_report
from identify.training import UNKNOWN, Training, contradictions
from identify.undetermined.explain import explain_deficient
from identify.undetermined.low_degree import determined_part, why_no_pair, witness_pair

REJECT_KKT = 0.05
"""Relative residual of the data-free equations above which weights are no KKT point."""

REJECT_FIT = 0.3
"""Relative residual of the best polynomial above which the weights are not of the setting."""


def verify_identifiability(
    a: object,
    W: object,
    *,
    activation: int | Sequence[float] | str = 3,
    init: tuple[object, object] | None = None,
    n_samples: int | None = None,
    unit_norm: bool | None = None,
    margin: float | None = None,
    certify: bool = False,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
    training: Training | None = None,
    bias: bool = False,
) -> IdentifiabilityReport:
    """Decide whether the weights of a two-layer network determine its training samples.

    The network is Phi(x) = sum_j a_j sigma(W_j.x). Theorem 4.1 of arXiv 2602.08723, corrected and
    reduced to the row space; the samples are recovered where a rank condition holds.

    Args:
        a: Output weights, (m,): NumPy array, torch tensor or list.
        W: First layer, (m, d).
        activation: An int alpha for t**alpha, the coefficients c_0, ..., c_alpha, or "relu", where
            ``init=(a0, W0)`` is needed (:func:`identify.verify_network` reads deeper networks).
        init: None for weights trained to a KKT point (max margin, weight decay); ``(a0, W0)`` where
            the initial weights are known; ``(a0, None)`` where W was frozen.
        n_samples: Number of samples (kkt: of active ones) if known; otherwise the smallest number
            that explains the weights is found and the verdict is conditional on it.
        unit_norm: True if the samples are known to have norm 1; None decides from what the
            equations fix.
        margin: kkt: the active samples' common margin y_i Phi(x_i), 1 if the weights solve the
            max-margin problem as stated; None if unknown.
        certify: Also prove what can be proved: the rank in exact arithmetic, the samples in ball
            arithmetic; see ``report.certificate``.
        seed: Seed of the random slices.
        progress: Called with the step under way and its relative residual (nan where none).
        training: init=(a0, W0): what is known of how the weights were trained; it is used, and
            tested against them.
        bias: init=(a0, W0): whether the last column of W and W0 is the bias of the first layer, an
            input that is always 1; it fixes the norms of the samples.

    Returns:
        The report.

    Raises:
        ValueError: If an argument is unusable; names it, what was found and what to pass.
    """
    known = UNKNOWN if training is None else training
    options = Options(n_samples, unit_norm, margin, certify, seed, progress, known)
    if isinstance(activation, str) and activation == "relu":
        if bias is not False:
            raise ValueError(
                f"bias: found {bias!r} with activation='relu'; pass two checkpoints to "
                "verify_network, which reads biases"
            )
        return verify_relu(as_weights(a, W, init), options)
    sigma = parse_activation(activation)
    weights = with_bias(as_weights(a, W, init), bias=bias)
    return verify_weights(weights, sigma, check_options(options, weights.setting))


def verify_weights(
    weights: Weights, activation: Polynomial, options: Options
) -> IdentifiabilityReport:
    """Decide for validated weights; see :func:`verify_identifiability`."""
    options.report("equations")
    # W_j = a_j grad P(W_j), P(w) = sum_i b_i sigma(x_i.w): eqs. 4.1 and 4.4, on the row space
    read, odd_bias = without_odd_bias(weights, activation)
    argument = Argument(weights, activation, options, pose(read, activation), odd_bias)
    verdict = (
        _data_free(argument)  # equations that hold whatever the data: alpha a_j^2 = |W_j|^2
        or _interpolation(argument)  # the form p, hence T, from its gradients f(W_j): eq. A.3
        or _rank_condition(argument)  # rank(K) = N, or the symmetric condition: eq. 4.2
        or _recovery(argument)  # T = sum_i b_i x_i^{(x) alpha}: eqs. A.6 and A.9
    )
    return argument.conclude(_with_span(argument, verdict))


def _data_free(argument: Argument) -> Verdict | None:
    """Look at what needs no samples: whether anything is seen, and whether it is a KKT point."""
    problem = argument.problem
    if not problem.space.dimension:
        argument.say(_unseen(problem))
        return Verdict.UNDECIDED
    if argument.odd_bias is not None:
        argument.say(_front_door(problem), argument.odd_bias)
        return Verdict.UNDECIDED
    if problem.data_free is None:
        return None
    if problem.setting == "known-init":
        reason = no_gradients(problem)
        if reason is None:
            return None
        argument.residual = problem.data_free
        argument.say(_front_door(problem), reason)
        return Verdict.MODEL_REJECTED
    argument.say(_front_door(problem))
    argument.residual = problem.data_free
    if problem.data_free > REJECT_KKT:
        fails = f"fail by {problem.data_free:.2g}, more than {REJECT_KKT:g}"
        argument.say(f"{_DATA_FREE['kkt']} {fails}.")
        return Verdict.MODEL_REJECTED
    argument.say(f"{_DATA_FREE['kkt']} hold to {problem.data_free:.2g}.")
    return None


def _interpolation(argument: Argument) -> Verdict | None:
    """Interpolate P, at the base point that the weights speak for; reject what no P fits."""
    argument.options.report("interpolation")
    problem, interpolation = best_base(argument.problem)
    argument.problem, argument.interpolation = problem, interpolation
    if problem.setting != "kkt":
        argument.say(_front_door(problem))
        if problem.data_free is not None:
            argument.say(f"{_DATA_FREE['known-init']} hold to {problem.data_free:.2g}.")
        argument.say(*problem.layers.sentences(problem.decay))
    certify = argument.options.certify
    argument.rank, sentences = rank_report(problem, interpolation, certify=certify)
    argument.say(*sentences)
    miss = misfit(problem, interpolation)
    if miss <= REJECT_FIT:
        return None
    by_flow = _flow(argument)
    if by_flow is not None:
        return by_flow
    argument.residual = miss
    argument.say(_not_of_setting(argument, miss))
    return Verdict.MODEL_REJECTED


def _rank_condition(argument: Argument) -> Verdict | None:
    """Go on where T is determined and gives the samples; say what is known where it does not."""
    carried, degree = argument.interpolation.carried_by, argument.activation.degree
    if carried is not None and argument.problem.setting != "kkt":
        argument.residual = carried.residual
    if degree <= 2:  # a matrix or a vector has no unique decomposition
        return Verdict.UNDECIDED if carried is None else _low_degree(argument)
    return None if carried is not None else _flow(argument) or _deficient(argument)


def _recovery(argument: Argument) -> Verdict:
    """Take T apart: span and pencil (A.6, A.9), coefficients, refinement on eq. 4.1, bounds."""
    found = recover(argument.problem, argument.interpolation, argument.options)
    argument.say(*found.sentences)
    if found.recovery is None and found.verdict is Verdict.UNDECIDED:
        return _deficient(argument)
    return _taken(argument, found)


def _flow(argument: Argument) -> Verdict | None:
    """Follow every neuron where no tensor tells: an ordinary training from known weights."""
    if argument.activation.degree <= 2:
        return None
    found = recover_by_flow(argument.problem, argument.interpolation, argument.options)
    if found is None:
        return None
    argument.say(*found.sentences)
    return _taken(argument, found)


def _taken(argument: Argument, found: Recovered) -> Verdict:
    argument.found(found.recovery)
    argument.hypotheses, argument.assumed = found.hypotheses, found.assumed
    argument.course, argument.error, argument.along = found.course, found.error, found.along
    return found.verdict


def _with_span(argument: Argument, verdict: Verdict) -> Verdict:
    """Add what does not rest on the model: the span of the samples; test what was stated."""
    options = argument.options
    argument.say(*contradictions(options.training, argument.shown(), options.n_samples))
    if verdict not in {Verdict.UNDECIDED, Verdict.MODEL_REJECTED}:
        return verdict
    span = span_of_samples(argument.problem)
    if span is None:
        return verdict
    argument.say(span)
    return Verdict.PARTIALLY_IDENTIFIABLE if verdict is Verdict.UNDECIDED else verdict


def _deficient(argument: Argument) -> Verdict:
    """Fit sample sets to the equations where no decomposition of T tells."""
    if argument.problem.weights.bias:
        argument.say(_BIASED)
        return Verdict.UNDECIDED
    found = explain_deficient(argument.problem, argument.interpolation, argument.options)
    argument.say(*found.sentences)
    argument.found(found.recovery)
    argument.witness, argument.partial = found.witness, found.partial
    return found.verdict


def _low_degree(argument: Argument) -> Verdict:
    """Show two sets of one T, which degrees 1 and 2 always leave open."""
    asked = argument.problem, argument.interpolation, argument.options
    argument.say(determined_part(argument.activation))
    if argument.problem.weights.bias:
        argument.say(_BIASED)
        return Verdict.UNDECIDED
    pair = witness_pair(*asked)
    if pair is None:
        argument.say(why_no_pair(*asked))
        return Verdict.UNDECIDED
    argument.recovery, argument.witness = pair
    argument.say(
        f"Two sets of {len(pair[1].x)} samples, {pair[1].distance:.2g} apart (norms scaled to 1), "
        f"satisfy the weights' equations to {max(pair[0].residual, pair[1].residual):.1e}."
    )
    return Verdict.NOT_IDENTIFIABLE


_BIASED = (
    "Other sets of samples are not looked for where the first layer has a bias: they would have to "
    "keep its constant input."
)
_DATA_FREE = {
    "kkt": "The equations that hold at every KKT point, alpha a_j^2 = |W_j|^2,",
    "known-init": (
        "The equations that hold along every gradient path, <W_j, dW_j> = alpha a_j da_j,"
    ),
}


def _front_door(problem: Problem) -> str:
    m, d = problem.evaluations.points.shape
    size = f"{m} neurons in {d} dimensions"
    if problem.setting == "kkt":
        return f"The {size} are read as a KKT point: every W_j = a_j grad P(W_j) (eq. 4.1)."
    if problem.setting == "random-features":
        return f"The {size} are frozen; the change of a gives the values P(W_j)."
    where = "midpoints of" if problem.evaluations.base == "midpoint" else "initial points of"
    return f"The change of the {size} gives the gradients of P at the {where} the training path."


def _unseen(problem: Problem) -> str:
    changed = problem.evaluations.right_side
    return (
        f"The change of W, {np.abs(changed).max():.1e} at the most, lies within what the rounding "
        f"of the stored numbers ({problem.evaluations.rounding:.1e}) can bring about: nothing can "
        "be read from it. The same weights in a wider type may tell."
    )


def _not_of_setting(argument: Argument, miss: float) -> str:
    tried = " from either base point" if argument.problem.setting == "known-init" else ""
    return (
        f"The best polynomial of degree {argument.activation.degree} misses the weights' equations "
        f"by {miss:.2g}{tried}, more than {REJECT_FIT:g}: the weights are not of this setting, or "
        "noise drowns it."
    )
