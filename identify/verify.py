"""From weights to a verdict: Theorem 4.1, reduced to the row space, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import Polynomial, parse_activation
from identify.equations.pose import Problem, pose
from identify.equations.weights import Weights, as_weights
from identify.findings import Assumed, Neurons, Partial, RankReport, Recovery, Verdict, Witness
from identify.options import Options, check_options
from identify.recovery.hypotheses import of_setting
from identify.recovery.recover import recover
from identify.report import IdentifiabilityReport
from identify.tensor.base_point import best_base, misfit
from identify.tensor.conditions import rank_report
from identify.tensor.interpolation import Interpolation
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
) -> IdentifiabilityReport:
    """Decide whether the weights of a two-layer network determine its training samples.

    The network is Phi(x) = sum_j a_j sigma(W_j.x). Theorem 4.1 of arXiv 2602.08723, corrected and
    reduced to the row space; the samples are recovered where a rank condition holds.

    Args:
        a: Output weights, (m,): NumPy array, torch tensor or list.
        W: First layer, (m, d).
        activation: An int alpha for t**alpha, or the coefficients c_0, ..., c_alpha.
        init: None for weights trained to a KKT point (max margin, weight decay); ``(a0, W0)`` where
            the initial weights are known; ``(a0, None)`` where W was frozen.
        n_samples: Number of samples (kkt: of active ones) if known; otherwise the smallest number
            that explains the weights is found and the verdict is conditional on it.
        unit_norm: True if the samples are known to have norm 1; None decides from what the
        equations
            fix.
        margin: kkt: the active samples' common margin y_i Phi(x_i), 1 if the weights solve the
            max-margin problem as stated; None if unknown.
        certify: Also prove the rank in exact arithmetic.
        seed: Seed of the random slices.
        progress: Called with the step under way and its relative residual (nan where none).

    Returns:
        The report.

    Raises:
        ValueError: If an argument is unusable; names it, what was found and what to pass.
    """
    sigma = parse_activation(activation)
    weights = as_weights(a, W, init)
    options = Options(n_samples, unit_norm, margin, certify, seed, progress)
    return verify_weights(weights, sigma, check_options(options, weights.setting))


def verify_weights(
    weights: Weights, activation: Polynomial, options: Options
) -> IdentifiabilityReport:
    """Decide for validated weights; see :func:`verify_identifiability`.

    Args:
        weights: The weights.
        activation: sigma.
        options: Validated options.

    Returns:
        The report.

    Raises:
        ValueError: If the weights cannot be evaluated or did not move.
    """
    options.report("equations")
    problem = pose(weights, activation)
    argument = Argument(weights, activation, problem, options)
    if not problem.space.dimension:
        argument.say(_unseen(problem))
        return argument.conclude(Verdict.UNDECIDED)
    if problem.setting == "kkt" and problem.data_free is not None:
        argument.say(_front_door(problem))
        argument.residual = problem.data_free
        if problem.data_free > REJECT_KKT:
            fails = f"fail by {problem.data_free:.2g}, more than {REJECT_KKT:g}"
            argument.say(f"{_DATA_FREE['kkt']} {fails}.")
            return argument.conclude(Verdict.MODEL_REJECTED)
        argument.say(f"{_DATA_FREE['kkt']} hold to {problem.data_free:.2g}.")

    options.report("interpolation")
    problem, interpolation = best_base(problem, activation)
    argument.problem = problem
    if problem.setting != "kkt":
        argument.say(_front_door(problem))
        if problem.data_free is not None:
            argument.say(f"{_DATA_FREE['known-init']} hold to {problem.data_free:.2g}.")
    argument.rank, sentences = rank_report(problem, interpolation, certify=options.certify)
    argument.say(*sentences)
    miss = misfit(problem, interpolation)
    if miss > REJECT_FIT:
        argument.residual = miss
        argument.say(_not_of_setting(problem, activation, miss))
        return argument.conclude(Verdict.MODEL_REJECTED)
    carried = interpolation.carried_by
    if carried is None:
        if activation.degree <= 2:
            return argument.conclude(Verdict.UNDECIDED)
        return _decide_deficient(argument, problem, interpolation, options)
    if problem.setting != "kkt":
        argument.residual = carried.residual
    if activation.degree <= 2:
        return _decide_low_degree(argument, problem, interpolation, options)

    recovered = recover(problem, interpolation, options)
    argument.say(*recovered.sentences)
    if recovered.recovery is None and recovered.verdict is Verdict.UNDECIDED:
        return _decide_deficient(argument, problem, interpolation, options)
    argument.recovery = recovered.recovery
    argument.hypotheses, argument.assumed = recovered.hypotheses, recovered.assumed
    if problem.setting != "kkt" and recovered.recovery is not None:
        argument.residual = recovered.recovery.residual
    return argument.conclude(recovered.verdict)


_DATA_FREE = {
    "kkt": "The equations that hold at every KKT point, alpha a_j^2 = |W_j|^2,",
    "known-init": (
        "The equations that hold along every gradient path, <W_j, dW_j> = alpha a_j da_j,"
    ),
}


@dataclass(slots=True)
class Argument:
    """The report in the making."""

    weights: Weights
    activation: Polynomial
    problem: Problem
    options: Options
    reasons: list[str] = field(default_factory=list)
    rank: RankReport | None = None
    residual: float = float("nan")
    recovery: Recovery | None = None
    witness: Witness | None = None
    partial: Partial | None = None
    hypotheses: tuple[str, ...] = ()
    assumed: Assumed | None = None

    def say(self, *sentences: str) -> None:
        """Add sentences to the reasons.

        Args:
            *sentences: Full sentences.
        """
        self.reasons.extend(sentences)

    def conclude(self, verdict: Verdict) -> IdentifiabilityReport:
        """Close the report.

        Args:
            verdict: The verdict.

        Returns:
            The report.
        """
        return IdentifiabilityReport(
            verdict=verdict,
            evidence="numerical",
            setting=self.problem.setting,
            reasons=tuple(self.reasons),
            rank=self.rank,
            residual=self.residual,
            recovery=self.recovery,
            witness=self.witness,
            neurons=_neurons(self.problem),
            activation=str(self.activation),
            n_neurons=len(self.weights.a),
            seed=self.options.seed,
            partial=self.partial,
            hypotheses=self.hypotheses or (of_setting(self.problem),),
            assumed=self.assumed,
        )


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


def _not_of_setting(problem: Problem, activation: Polynomial, miss: float) -> str:
    tried = " from either base point" if problem.setting == "known-init" else ""
    return (
        f"The best polynomial of degree {activation.degree} misses the weights' equations by "
        f"{miss:.2g}{tried}, more than {REJECT_FIT:g}: the weights are not of this setting, or "
        "noise drowns it."
    )


def _decide_deficient(
    argument: Argument, problem: Problem, interpolation: Interpolation, options: Options
) -> IdentifiabilityReport:
    found = explain_deficient(problem, interpolation, options)
    argument.say(*found.sentences)
    argument.recovery, argument.witness = found.recovery, found.witness
    argument.partial = found.partial
    if problem.setting != "kkt" and found.recovery is not None:
        argument.residual = found.recovery.residual
    return argument.conclude(found.verdict)


def _decide_low_degree(
    argument: Argument, problem: Problem, interpolation: Interpolation, options: Options
) -> IdentifiabilityReport:
    argument.say(determined_part(argument.activation))
    pair = witness_pair(problem, interpolation, options)
    if pair is None:
        argument.say(why_no_pair(problem, interpolation, options))
        return argument.conclude(Verdict.UNDECIDED)
    argument.recovery, argument.witness = pair
    argument.say(
        f"Two sets of {len(pair[1].x)} samples, {pair[1].distance:.2g} apart (norms scaled to 1), "
        f"satisfy the weights' equations to {max(pair[0].residual, pair[1].residual):.1e}."
    )
    return argument.conclude(Verdict.NOT_IDENTIFIABLE)


def _neurons(problem: Problem) -> Neurons:
    weights = problem.weights
    seen = None if problem.setting == "random-features" else problem.evaluations.right_side
    return neurons_of(weights.a, weights.W, seen)


def neurons_of(a: FloatArray, W: FloatArray, seen: FloatArray | None = None) -> Neurons:
    """Return the neurons as the figures show them.

    Args:
        a: Output weights, (m,).
        W: First layer, (m, d).
        seen: Rows whose two strongest directions span the plane, (m', d); those of W for None.

    Returns:
        Norms, output weights and directions in the plane.
    """
    norm = np.linalg.norm(W, axis=1)
    shown = W if seen is None else seen
    _, _, right = np.linalg.svd(
        np.linalg.qr(shown, mode="r") if len(shown) > shown.shape[1] else shown,
        full_matrices=False,
    )
    plane = np.zeros((len(norm), 2))
    unit = W / np.where(norm > 0, norm, 1.0)[:, None]
    plane[:, : min(2, len(right))] = unit @ right[:2].T
    return Neurons(norm, a, plane)
