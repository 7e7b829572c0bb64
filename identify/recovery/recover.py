"""From the determined tensor to samples, their bounds and what may be claimed of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import FloatArray
from identify.equations.pose import Problem
from identify.equations.system import Equations
from identify.findings import Assumed, Recovery, Verdict
from identify.options import Options
from identify.recovery import hypotheses
from identify.recovery.bounds import (
    CLAIM,
    chance_of_fit,
    equation_error,
    sample_bounds,
)
from identify.recovery.hidden import assumed
from identify.recovery.fit import Fit
from identify.recovery.norms import (
    Scaled,
    keep_norms,
    margin_norms,
    oriented,
    stated_twice,
    unit_norms,
)
from identify.recovery.pencil import range_basis
from identify.recovery.starts import solve_components
from identify.recovery.training_path import Ends, PathFit, refine_along_path
from identify.tensor.interpolation import Interpolation, interpolate

CHANCE = 1e-6
"""Chance of a meaningless tensor fitting as well, above which the number of samples is not
inferred.
"""

EXCESS = 100.0
"""Variance ratio above which n samples do not explain the tensor that the weights determine."""

PATH_LIMIT = 2 * 10**7
"""Largest m r n for which training paths are computed (seconds each)."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What recovery led to.

    Attributes:
        verdict: The verdict.
        sentences: The reasons for it.
        recovery: The samples, or None.
        hypotheses: What they and their bounds rest on, as sentences.
        assumed: The numbers among them, or None.
    """

    verdict: Verdict
    sentences: tuple[str, ...]
    recovery: Recovery | None
    hypotheses: tuple[str, ...] = ()
    assumed: Assumed | None = None


def recover(problem: Problem, interpolation: Interpolation, options: Options) -> Recovered:
    """Recover the samples from a determined tensor and decide what is known of them.

    Args:
        problem: The equations.
        interpolation: Their tensors, determined, of degree at least 3.
        options: What the caller knows.

    Returns:
        Verdict, reasons and samples.
    """
    rng = np.random.default_rng(options.seed)
    equations = problem.equations
    tensor = interpolation.tensors[equations.activation.degree]
    if equations.by_value:
        basis, _ = range_basis(tensor, rng)
    else:
        basis = np.eye(equations.points.shape[1])
    n = basis.shape[1]
    contradiction = _count_contradiction(n, options.n_samples)
    if contradiction is not None:
        return contradiction

    fit = solve_components(
        equations, interpolation, basis, rng, progress=lambda e: options.report("refinement", e)
    )
    scale = float(np.linalg.norm(equations.right_side))
    sentences = [f"{n} samples reproduce the weights' equations to {fit.residual / scale:.2g}."]
    excess = _excess(equations, interpolation, fit, problem.evaluations.rounding) > EXCESS
    if excess:
        sentences.append(
            f"The polynomial alone reproduces them to {_carried_residual(interpolation):.2g}: what "
            f"these {n} samples leave unexplained is either more samples or a fit that did not end."
        )
    signed = equations.by_value
    if equations.free_b and not signed:
        x, b, signed = oriented(equations, problem.evaluations.values, fit.x, fit.b)
        fit = replace(fit, x=x, b=b)
    path = _along_path(problem, basis, fit, options)
    if path is not None:
        fit, excess = path.fit, False
        problem = replace(problem, equations=path.equations)
        sentences.append(
            "Full-batch gradient descent on the squared loss from the initial weights on these "
            f"samples, at {path.rate:.3g} over the largest eigenvalue of the tangent kernel, ends "
            f"within {fit.residual / scale:.2g} of the change of the weights."
        )
    counted = options.n_samples is not None or _chance(interpolation, fit, scale) <= CHANCE
    error = equation_error(problem, fit, along_path=path is not None)
    bound = np.full(n, np.inf)
    if counted and not excess:
        bound = sample_bounds(
            problem,
            fit,
            error,
            rng,
            tensor=tensor if path is None else None,
            counted=options.n_samples is not None,
        )
    scaled = _scaled(problem, fit, options, bound, signed=signed)
    recovery = Recovery(
        x=scaled.x,
        b=scaled.b * np.exp(problem.log_b),
        error_bound=scaled.error_bound,
        norm_known=scaled.norm_known,
        residual=fit.residual / scale,
        equivalences=scaled.equivalences,
    )
    sentences.append(scaled.reason)
    verdict, more = _judge(problem, interpolation, fit, recovery, options, excess=excess)
    rests_on = assumed(problem, fit, error, stated=options.n_samples is not None)
    said = (
        hypotheses.of_setting(problem, path_end=None if path is None else recovery.residual),
        *hypotheses.of_samples(problem, options, rests_on, error / scale),
    )
    return Recovered(verdict, (*sentences, *more), recovery, said, rests_on)


def _count_contradiction(n: int, stated: int | None) -> Recovered | None:
    if stated is None or stated == n:
        return None
    if stated < n:
        reason = (
            f"The weights span {n} dimensions above the rounding of their type, which {stated} "
            "samples cannot: there are more samples than stated, or noise beside the model."
        )
        return Recovered(Verdict.UNDECIDED, (reason,), None)
    reason = (
        f"Of the {stated} samples stated only {n} directions are seen: samples are dependent, or "
        "differ only outside the row space, or are not active. This decomposition needs "
        "independent samples."
    )
    return Recovered(Verdict.UNDECIDED, (reason,), None)


def _carried_residual(interpolation: Interpolation) -> float:
    carried = interpolation.carried_by
    assert carried is not None
    return carried.residual


def _excess(equations: Equations, interpolation: Interpolation, fit: Fit, rounding: float) -> float:
    """Return the variance that n samples leave over that which the polynomial leaves."""
    carried = interpolation.carried_by
    assert carried is not None
    scale = float(np.linalg.norm(equations.right_side))
    extra = equations.right_side.size - fit.unit.size - carried.spare
    if extra <= 0:
        return 0.0
    left = max(fit.residual**2 - (carried.residual * scale) ** 2, 0.0) / extra
    computing = 100 * np.finfo(float).eps * scale / np.sqrt(equations.right_side.size)
    return left / max(carried.noise, rounding, computing) ** 2


def _along_path(problem: Problem, basis: FloatArray, fit: Fit, options: Options) -> PathFit | None:
    """Follow the training path where both layers moved and the size allows it."""
    weights, equations, space = problem.weights, problem.equations, problem.space.basis
    applies = (
        problem.setting == "known-init"
        and problem.evaluations.base == "midpoint"
        and not problem.scaled
        and np.any(problem.evaluations.values)
        and equations.points.size * len(fit.x) <= PATH_LIMIT
        and fit.factor is not None
    )
    if not applies or weights.a0 is None or weights.W0 is None:
        return None
    ends = Ends(weights.a0, weights.W0 @ space, weights.a, weights.W @ space, equations.activation)
    rng = np.random.default_rng(options.seed)

    def again(corrected: Equations, current: Fit) -> Fit:
        interpolation = interpolate(corrected, problem.evaluations.rounding)
        if interpolation.carried_by is None:
            return current
        known = current.x / np.linalg.norm(current.x, axis=1, keepdims=True)
        return solve_components(corrected, interpolation, basis, rng, known=known)

    with np.errstate(all="ignore"):
        path = refine_along_path(
            equations,
            fit,
            ends,
            again=again,
            progress=lambda e: options.report("training path", e),
        )
    return path if path is not None and path.fit.residual < 0.5 * fit.residual else None


def _chance(interpolation: Interpolation, fit: Fit, scale: float) -> float:
    spare = interpolation.symmetric_dimension - fit.unit.size
    return chance_of_fit(fit.residual / scale, spare)


def _scaled(
    problem: Problem, fit: Fit, options: Options, bound: FloatArray, *, signed: bool
) -> Scaled:
    """Lift to the full space and fix the norms."""
    activation, x = problem.equations.activation, fit.x @ problem.space.basis.T
    if problem.equations.free_b:
        return keep_norms(activation, x, fit.b, bound, output_seen=signed)
    if options.margin is None:
        return unit_norms(activation, x, fit.b, bound, given=bool(options.unit_norm))
    weights = problem.weights
    error = float(np.nan_to_num(problem.data_free or 0.0))
    scaled = margin_norms(
        activation, weights.a, weights.W, x, fit.b, bound, options.margin, output_error=error
    )
    if scaled.consistent and options.unit_norm:
        return stated_twice(unit_norms(activation, x, fit.b, bound, given=True), scaled)
    if scaled.consistent:
        return scaled
    reason = (
        "The signs of b and of Phi at the samples disagree, so these are no active samples of a "
        "max-margin problem and no margin fixes their norms; they are shown with norm 1."
    )
    return replace(unit_norms(activation, x, fit.b, bound, given=False), reason=reason)


def _judge(
    problem: Problem,
    interpolation: Interpolation,
    fit: Fit,
    recovery: Recovery,
    options: Options,
    *,
    excess: bool,
) -> tuple[Verdict, tuple[str, ...]]:
    """Decide what the bounds and the spare equations allow to be said."""
    n, norms = len(recovery.x), np.linalg.norm(recovery.x, axis=1)
    claimed = int(np.sum(recovery.error_bound < CLAIM * norms))
    chance = _chance(interpolation, fit, float(np.linalg.norm(problem.equations.right_side)))
    if options.n_samples is None and chance > CHANCE:
        spare = max(0, interpolation.symmetric_dimension - fit.unit.size)
        reason = (
            f"The tensor has {spare} coefficients more than {n} samples have unknowns, so {n} "
            f"samples would fit as well by chance ({chance:.1g}): their number cannot be inferred. "
            "Pass n_samples if it is known."
        )
        return Verdict.UNDECIDED, (reason,)
    if claimed < n or excess or not fit.converged:
        verdict = Verdict.PARTIALLY_IDENTIFIABLE if claimed else Verdict.UNDECIDED
        reason = (
            f"{claimed} of {n} samples are pinned to within {CLAIM:g} of their norm by the "
            "residual and the Jacobian of the equations; nothing is claimed beyond them."
        )
        return verdict, (reason,)
    worst = float(np.max(recovery.error_bound / norms))
    among = f"at most {n} samples" if options.n_samples is None else f"{n} samples"
    more = [
        f"All {n} samples are pinned, the worst to within {worst:.2g} of its norm.",
        (
            f"Among sets of {among} these are the only ones that satisfy the equations: a set "
            f"of {n} that explains weights of rank {n} is independent, and its decomposition is "
            "unique (Jennrich)."
        ),
    ]
    if problem.setting == "kkt" and options.n_samples is None and n < problem.space.basis.shape[0]:
        more.append(
            "A larger set whose members differ only orthogonally to the neurons would leave the "
            "same weights; pass n_samples to exclude it."
        )
    return Verdict.GLOBALLY_IDENTIFIABLE, tuple(more)
