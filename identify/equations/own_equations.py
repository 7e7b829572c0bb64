"""How well samples satisfy the weights' own equations, and which misfit rounding explains.

A second data set is one only if it satisfies the equations as well as stored numbers can tell:
whatever a best fit misses beyond that, every other set misses too, and proves nothing.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.evaluations import Evaluations

WORST = 1e-6
"""Relative residual that is never put down to rounding, whatever the type of the weights."""


def relative_residual(
    evaluations: Evaluations, x: Float64[FloatArray, "n d"], b: Float64[FloatArray, " n"]
) -> float:
    """Return the relative residual of the equations of the trained layer, in the full space.

    Where sigma is no power, so that gradients do not imply values, it is the larger of both layers.
    """
    if evaluations.gradients is None or not evaluations.activation.is_power:
        return total_residual(evaluations, x, b)
    return _of_gradients(evaluations, x, b)


def total_residual(
    evaluations: Evaluations, x: Float64[FloatArray, "n d"], b: Float64[FloatArray, " n"]
) -> float:
    """Return the larger of the relative residuals of both layers, in the full space."""
    residual = _of_values(evaluations, x, b)
    if evaluations.gradients is None:
        return residual
    return max(residual, _of_gradients(evaluations, x, b))


def rounding_level(evaluations: Evaluations, least: float) -> float:
    """Return the relative residual that the rounding of the stored weights explains, with factor 4.

    It is at least ``least``, which the arithmetic needs in any case, and at most ``WORST``.
    """
    right = evaluations.right_side
    stored = evaluations.rounding * np.sqrt(right.size) / (np.linalg.norm(right) or 1.0)
    return min(max(least, 4 * float(stored)), WORST)


def _of_gradients(
    evaluations: Evaluations, x: Float64[FloatArray, "n d"], b: Float64[FloatArray, " n"]
) -> float:
    assert evaluations.gradients is not None
    first = evaluations.activation(evaluations.points @ x.T, 1) * b
    miss = evaluations.gradients - evaluations.scale[:, None] * (first @ x)
    return _relative(miss, evaluations.gradients)


def _of_values(
    evaluations: Evaluations, x: Float64[FloatArray, "n d"], b: Float64[FloatArray, " n"]
) -> float:
    """Return 0 where the output layer was not trained."""
    values = evaluations.values
    if values is None or not np.any(values):
        return 0.0
    return _relative(values - evaluations.activation(evaluations.points @ x.T) @ b, values)


def _relative(miss: FloatArray, size: FloatArray) -> float:
    return float(np.linalg.norm(miss) / (np.linalg.norm(size) or 1.0))
