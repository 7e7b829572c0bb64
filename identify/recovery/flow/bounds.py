"""Bounds on the samples of a flow: what an error without preferred direction does to them.

The miss of the last fit is what residual functions of few terms, finite steps and rounding leave.
Its part along the samples cannot be seen; of an error without preferred direction it is sigma
sqrt(p), with sigma the root mean square over the spare equations and p the number of unknowns.
``_SHARE`` times that is allowed. How far the equations are from linear over such a distance is
measured: along every singular direction of J and along random ones, the part of what the tangent
leaves that moves the samples has to stay below a quarter of the error itself.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincinv

from identify.arrays import Float64, FloatArray
from identify.recovery.flow.linearised import Linearised

_QUANTILE = 1e-6
"""Chance left to the miss over the spare equations being small by luck."""

_SHARE = 3.0
"""Errors of training (few residual functions, steps, momentum) moved samples by up to .52 times the
bound that this gives, in the 92 networks of ``benchmarks/ordinary_training.py``."""

_RANDOM = 32
_BENT = 0.25


def flow_bounds(
    linear: Linearised, noise: float, rng: np.random.Generator
) -> tuple[Float64[FloatArray, " n"], float]:
    """Return bounds on the distance of every sample of the fit from the truth, inf where none is.

    ``noise`` is the root mean square error of a stored weight. Also the error of the equations that
    they rest on, relative to the right-hand sides.
    """
    equations, fit, found = linear.equations, linear.fit, linear.found
    nothing = np.full(len(fit.x), np.inf)
    if found.directions is None or linear.spare <= 0:
        return nothing, np.inf
    quantile = 2 * float(gammaincinv(linear.spare / 2, _QUANTILE))  # of chi^2
    sigma = max(fit.residual / np.sqrt(quantile), noise * linear.weight)
    error = _SHARE * sigma * np.sqrt(equations.right_side.size - linear.spare)
    relative = error / float(np.linalg.norm(equations.right_side))
    bent = _bent(linear, error, rng)
    if not bent < _BENT:
        return nothing, relative
    bounds = found.x * error * (1 + 2 * bent) + found.step
    near = bounds < np.linalg.norm(fit.x, axis=1) / 4
    return np.where(near, bounds, np.inf), relative


def _bent(linear: Linearised, error: float, rng: np.random.Generator) -> float:
    """Return the largest part of what the tangent leaves that moves samples, over the error."""
    directions, fit = linear.found.directions, linear.fit
    assert directions is not None
    y = rng.standard_normal((_RANDOM, len(directions.values)))
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    start, r, worst = linear.equations.predict(fit.x, fit.b), fit.x.shape[1], 0.0
    for along in np.concatenate([np.eye(y.shape[1]), y]) * error:
        step = directions.moves @ (along / directions.values)
        b = fit.b + step[:, r] if linear.equations.free_b else fit.b
        moved = [
            linear.equations.predict(fit.x + sign * step[:, :r], fit.b + sign * (b - fit.b)) - start
            for sign in (1, -1)
        ]
        second = (moved[0] + moved[1]).ravel() / 2  # the tangent drops out
        worst = max(worst, float(np.linalg.norm(directions.left.T @ second)))
    return worst / error if error > 0 else 0.0
