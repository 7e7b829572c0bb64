"""From the determined tensor to samples: pencil, coefficients, refinement, path, bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.pose import Problem
from identify.equations.system import Equations
from identify.findings import Recovery
from identify.options import Options
from identify.recovery import hypotheses
from identify.recovery.bounds import equation_error, sample_bounds
from identify.recovery.fit import Fit
from identify.recovery.gradient_descent import Ends
from identify.recovery.hidden import assumed
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
from identify.recovery.training_path import PathFit, refine_along_path
from identify.recovery.verdict import CHANCE, Recovered, chance_of_fit, count_contradiction, judge
from identify.tensor.interpolation import Interpolation, interpolate

EXCESS = 100.0
"""Variance ratio above which n samples do not explain the tensor that the weights determine."""

PATH_LIMIT = 2 * 10**7
"""Largest m r n for which training paths are computed (seconds each)."""


@dataclass(frozen=True, slots=True)
class _Solved:
    """The samples before bounds and norms.

    Attributes:
        problem: The equations they satisfy: corrected along a training path where one was found.
        fit: The samples.
        signed: Whether their signs are determined by values.
        excess: Whether the polynomial alone reproduces the equations much better.
        path: The training path they rest on, or None.
        sentences: What was done.
    """

    problem: Problem
    fit: Fit
    signed: bool
    excess: bool
    path: PathFit | None
    sentences: tuple[str, ...]


def recover(problem: Problem, interpolation: Interpolation, options: Options) -> Recovered:
    """Recover the samples from tensors of degree at least 3, and decide what is known of them."""
    rng, stated = np.random.default_rng(options.seed), options.n_samples
    equations = problem.equations
    tensor = interpolation.tensors[equations.activation.degree]
    # gradients span the samples alone, points need not
    r = equations.points.shape[1]
    basis = range_basis(tensor, rng) if equations.by_value else np.eye(r)
    n = basis.shape[1]
    contradiction = count_contradiction(n, stated)
    if contradiction is not None:
        return contradiction

    solved = _solve(problem, interpolation, basis, rng, options)
    problem, fit, path = solved.problem, solved.fit, solved.path
    scale = float(np.linalg.norm(equations.right_side))
    residual = fit.residual / scale

    error = equation_error(problem, fit, along_path=path is not None)
    counted = stated is not None or chance_of_fit(interpolation, fit, residual) <= CHANCE
    bound = np.full(n, np.inf)
    if counted and not solved.excess:
        left = tensor if path is None else None
        bound = sample_bounds(problem, fit, error, rng, tensor=left, counted=stated is not None)
    scaled = _scaled(problem, fit, options, bound, signed=solved.signed)
    recovery = Recovery(
        x=scaled.x,
        b=scaled.b * np.exp(problem.log_b),
        error_bound=scaled.error_bound,
        norm_known=scaled.norm_known,
        residual=residual,
        equivalences=scaled.equivalences,
    )

    verdict, more = judge(problem, interpolation, fit, recovery, stated, excess=solved.excess)
    rests_on = assumed(problem, fit, error, stated=stated is not None)
    said = (
        hypotheses.of_setting(problem, path_end=None if path is None else residual),
        *hypotheses.of_samples(problem, options, rests_on, error / scale),
    )
    sentences = (*solved.sentences, scaled.reason, *more)
    return Recovered(verdict, sentences, recovery, said, rests_on)


def _solve(
    problem: Problem,
    interpolation: Interpolation,
    basis: Float64[FloatArray, "r n"],
    rng: np.random.Generator,
    options: Options,
) -> _Solved:
    """Find the samples: pencil, coefficients, refinement, signs, training path."""
    equations, n = problem.equations, basis.shape[1]
    fit = solve_components(
        equations, interpolation, basis, rng, progress=lambda e: options.report("refinement", e)
    )
    scale = float(np.linalg.norm(equations.right_side))
    sentences = [f"{n} samples reproduce the weights' equations to {fit.residual / scale:.2g}."]
    excess = _excess(equations, interpolation, fit, problem.evaluations.rounding) > EXCESS
    if excess:
        assert interpolation.carried_by is not None
        sentences.append(
            f"The polynomial alone reproduces them to {interpolation.carried_by.residual:.2g}: "
            f"what these {n} samples leave unexplained is either more samples or a fit that did "
            "not end."
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
    return _Solved(problem, fit, signed, excess, path, tuple(sentences))


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
    return float(left / max(carried.noise, rounding, computing) ** 2)


def _along_path(
    problem: Problem, basis: Float64[FloatArray, "r n"], fit: Fit, options: Options
) -> PathFit | None:
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


def _scaled(
    problem: Problem, fit: Fit, options: Options, bound: Float64[FloatArray, " n"], *, signed: bool
) -> Scaled:
    """Lift to the full space and fix the norms."""
    activation, x = problem.equations.activation, fit.x @ problem.space.basis.T
    if problem.equations.free_b:
        return keep_norms(activation, x, fit.b, bound, output_seen=signed)
    if options.margin is None:
        return unit_norms(activation, x, fit.b, bound, given=bool(options.unit_norm))
    error = float(np.nan_to_num(problem.data_free or 0.0))
    scaled = margin_norms(
        problem.weights, activation, x, fit.b, bound, margin=options.margin, output_error=error
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
