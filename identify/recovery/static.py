"""The samples of a determined tensor: pencil, refinement, and the path of full-batch descent."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.pose import Problem
from identify.equations.system import Equations
from identify.options import Options
from identify.recovery import hypotheses
from identify.recovery.fit import Fit
from identify.recovery.flow.ends import Ends
from identify.recovery.flow.ordinary import Ordinary
from identify.recovery.norms import oriented
from identify.recovery.starts import solve_components
from identify.recovery.training_path import PathFit, refine_along_path
from identify.tensor.interpolation import Interpolation, interpolate

EXCESS = 100.0
"""Variance ratio above which n samples do not explain the tensor that the weights determine."""

_LAZY = 0.1
"""Relative residual up to which the midpoint equations are near enough to a path to correct them
along it."""

PATH_LIMIT = 2 * 10**7
"""Largest m r n for which training paths are computed (seconds each)."""


@dataclass(frozen=True, slots=True)
class Solved:
    """The samples before bounds and norms.

    Attributes:
        problem: The equations they satisfy: corrected along a training path where one was found.
        fit: The samples.
        signed: Whether their signs are determined by values.
        excess: Whether the polynomial alone reproduces the equations much better.
        along: The training they rest on, as a sentence, or None.
        sentences: What was done.
        flow: The flow they rest on, or None.
    """

    problem: Problem
    fit: Fit
    signed: bool
    excess: bool
    along: str | None
    sentences: tuple[str, ...]
    flow: Ordinary | None = None


def static_samples(
    problem: Problem,
    interpolation: Interpolation,
    basis: Float64[FloatArray, "r n"],
    rng: np.random.Generator,
    options: Options,
) -> Solved:
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
    path, along = None, None
    if fit.residual < _LAZY * scale:
        path = _along_path(problem, basis, fit, options)
    if path is not None:
        fit, excess = path.fit, False
        problem = replace(problem, equations=path.equations)
        along = hypotheses.of_setting(problem, path_end=fit.residual / scale)
        sentences.append(
            "Full-batch gradient descent on the squared loss from the initial weights on these "
            f"samples, at {path.rate:.3g} over the largest eigenvalue of the tangent kernel, ends "
            f"within {fit.residual / scale:.2g} of the change of the weights."
        )
    return Solved(problem, fit, signed, excess, along, tuple(sentences))


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
    follows = (
        problem.setting == "known-init"
        and problem.evaluations.base == "midpoint"
        and not problem.scaled
        and np.any(problem.evaluations.values)
        and equations.points.size * len(fit.x) <= PATH_LIMIT
        and fit.factor is not None
        and options.training.full_batch_squared
        and not (weights.bias or weights.output_bias)  # the path is that of samples of norm 1
    )
    if not follows or weights.a0 is None or weights.W0 is None:
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
