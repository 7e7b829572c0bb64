"""Known initialisation beyond the lazy regime: the equations corrected along the training path.

The midpoint equations leave an error of the second order in the movement of the weights. Full-batch
gradient descent on the squared loss leaves none that the samples do not determine: the targets a
fitted network was trained to are its own outputs, so the whole path from the known initial weights
can be computed from candidate samples. Its end, minus what the midpoint equations predict, corrects
their right-hand sides; solving again is Newton's method with the Jacobian of the midpoint.

The hypothesis (squared loss, full batch, trained to fit) is tested, not assumed: the computed path
has to end at the given weights, m (r + 1) equations against n (r + 1) unknowns and one learning
rate. A path that does not improve the fit changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.system import Equations
from identify.recovery.fit import Fit, project_out
from identify.recovery.flow.ends import Ends
from identify.recovery.gradient_descent import Path, descend_to_outputs
from identify.recovery.levenberg import refine

_RATES = (0.02, 0.1, 0.25, 0.5, 1.0, 1.5)
"""Learning rates tried first, in units of the reciprocal of the largest eigenvalue of K."""


@dataclass(frozen=True, slots=True)
class PathFit:
    """Samples whose computed training path ends at the given weights.

    Attributes:
        fit: The corrected least-squares fit; ``fit.residual`` is the distance of the computed end
            of the path from the given first layer.
        equations: The equations with right-hand sides corrected so that their residual at the fit
            is that distance.
        rate: The learning rate found, in units of the reciprocal of the largest eigenvalue of K.
        rounds: Number of corrections that were computed.
    """

    fit: Fit
    equations: Equations
    rate: float
    rounds: int


def refine_along_path(
    equations: Equations,
    start: Fit,
    ends: Ends,
    *,
    again: Callable[[Equations, Fit], Fit],
    max_rounds: int = 25,
    progress: Callable[[float], None] | None = None,
) -> PathFit | None:
    """Return samples whose training path ends nearer to the weights than ``start`` fits, or None.

    ``again`` solves corrected equations afresh, given the fit so far; it is called when the fit
    stalls, since a sample that the error of the midpoint equations hid may have become visible.
    ``progress`` is called with the relative residual after each correction.
    """
    scale = float(np.linalg.norm(equations.right_side)) or 1.0
    fit, best, stalled = start, start.residual, 0
    result: PathFit | None = None
    log_rate = _first_rate(equations, fit, ends, _unit_samples(equations, fit))
    for kept in range(1, max_rounds + 1):
        x = _unit_samples(equations, fit)
        path = None if log_rate is None else descend_to_outputs(ends, x, float(np.exp(log_rate)))
        if path is None or log_rate is None:
            break
        miss = ends.U - path.U
        error = float(np.linalg.norm(miss))
        if progress is not None:
            progress(error / scale)
        if error < best:
            # what is left when the path from these samples is computed: the residual that counts
            ends_at = equations.with_right_side(equations.predict(fit.x, fit.b) + miss)
            rate = float(np.exp(log_rate))
            result = PathFit(replace(fit, residual=error), ends_at, rate, kept)
        slow = error > 0.5 * best
        stalled = 0 if error < 0.95 * best else stalled + 1
        best = min(best, error)
        if error <= 1e-12 * scale or stalled == 3 or (slow and best < 1e-6 * scale):
            break
        # Gauss-Newton in samples and rate: the rest of the miss goes to the samples
        log_rate, by_rate = _next_rate(equations, fit, ends, path, x, log_rate)
        left = equations.predict(x, path.beta) + (miss - by_rate)
        corrected = equations.with_right_side(left)
        fit = refine(corrected, fit.x, fit.b, damping=1e-8, max_steps=8, chord=True)
        if slow:
            fit = min(fit, again(corrected, fit), key=lambda option: option.residual)
    return result


def _next_rate(
    equations: Equations,
    fit: Fit,
    ends: Ends,
    path: Path,
    x: Float64[FloatArray, "n r"],
    log_rate: float,
) -> tuple[float, Float64[FloatArray, "m r"]]:
    """Return the next rate, and what of the miss of the path the change of rate explains.

    The rate is found through the part of the change it makes that no movement of the samples can
    follow.
    """
    nearby = descend_to_outputs(ends, x, float(np.exp(log_rate + 0.02)))
    if nearby is None:
        return log_rate, np.zeros_like(path.U)
    by_rate = (nearby.U - path.U) / 0.02
    left_over, visible = (project_out(equations, fit, v) for v in (ends.U - path.U, by_rate))
    step = np.vdot(visible, left_over) / max(np.vdot(visible, visible), 1e-300)
    step = float(np.clip(step, -0.5, 0.5))
    return float(np.clip(log_rate + step, *np.log((_RATES[0], _RATES[-1])))), step * by_rate


def _unit_samples(equations: Equations, fit: Fit) -> Float64[FloatArray, "n r"]:
    """Return samples the path is computed with: of norm 1 where the equations leave it open."""
    if equations.free_b:
        return fit.x
    return fit.x / np.linalg.norm(fit.x, axis=1, keepdims=True)


def _first_rate(
    equations: Equations, fit: Fit, ends: Ends, x: Float64[FloatArray, "n r"]
) -> float | None:
    """Return the logarithm of the trial rate whose path misses least beyond the samples' reach."""
    misses = {}
    for rate in _RATES:
        path = descend_to_outputs(ends, x, rate, single_steps=50)
        if path is not None:
            miss = project_out(equations, fit, ends.U - path.U)
            misses[float(np.log(rate))] = float(np.linalg.norm(miss))
    return min(misses, key=lambda rate: misses[rate]) if misses else None
