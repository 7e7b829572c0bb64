"""Known initialisation: where the gradients are taken, at the initial weights or half way.

At the initial weights the equations are exact for one gradient step, half way they are of second
order in a short training. The equations that hold whatever the data, <w, dW_j> = alpha a_j da_j,
tell the two apart where they clearly differ; where noise or the activation leaves that open, both
are interpolated and the one that fits better is taken. Nothing is rejected before both were tried.
"""

from __future__ import annotations

import numpy as np

from identify.equations.pose import Problem
from identify.tensor.interpolation import Interpolation, interpolate

_CLEAR = 0.1
"""Ratio of the data-free residuals below which the better base point needs no second opinion."""

_CLOSE = 0.05
"""Residual of the interpolation above which the other base point is tried all the same."""


def best_base(problem: Problem) -> tuple[Problem, Interpolation]:
    """Interpolate at the base point that the weights speak for."""
    first, other = _interpolated(problem), problem.other()
    if other is None or (_speaks_for(problem, other) and misfit(problem, first) < _CLOSE):
        return problem, first
    second = _interpolated(other)
    if _worth(other, second) < _worth(problem, first):
        return other, second
    return problem, first


def misfit(problem: Problem, interpolation: Interpolation) -> float:
    """Return how far the weights are from the equations of their setting.

    This is the relative residual of the best polynomial; where it is not determined, and so fits
    too easily, that of the data-free equations if it is larger.
    """
    carried = interpolation.carried_by
    if carried is not None:
        return float(np.nan_to_num(carried.residual))
    tests = (interpolation.gram, interpolation.symmetric)
    misses = [test.residual for test in tests if test and np.isfinite(test.residual)]
    return max([*misses, problem.data_free or 0.0])


def _speaks_for(first: Problem, other: Problem) -> bool:
    """Whether the data-free equations alone prefer the first base point clearly."""
    if first.data_free is None or other.data_free is None:
        return False
    return first.data_free < _CLEAR * other.data_free


def _interpolated(problem: Problem) -> Interpolation:
    return interpolate(problem.equations, problem.evaluations.rounding)


def _worth(problem: Problem, interpolation: Interpolation) -> tuple[bool, float]:
    return interpolation.carried_by is None, misfit(problem, interpolation)
