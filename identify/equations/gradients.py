"""Whether weights can have moved along gradients at all, before anything is fitted.

Along a gradient path <w_j, dW_j> = alpha s_j da_j, whatever the samples; where the two layers had
different learning rates, up to one factor. Adam divides every entry by the size of its own
gradients and keeps no such relation.
"""

from __future__ import annotations

from math import comb

import numpy as np

from identify.equations.pose import Problem
from identify.equations.span import seen_records

_MISS, _SINE = 0.7, 0.3
"""Gradient descent missed the equations by .67 at most (rates of the layers 1 to 3; .56 with large
steps and momentum), and stood at an angle of sine .44 with them; Adam missed by .86, .38 at least,
in 26 networks. Both have to be exceeded, at both base points."""


def no_gradients(problem: Problem) -> str | None:
    """Say why the weights did not move along gradients, or None where they may have.

    Asked where interpolation alone could not reject them cheaply and the data-free equations count
    with it: the neurons are too few for the Gram test, and no span of records shows.

    Args:
        problem: The equations of known initial weights.

    Returns:
        A sentence, or None.
    """
    m, r = problem.evaluations.points.shape[0], problem.space.dimension
    N = sum(comb(r + k - 2, k - 1) for k in problem.evaluations.activation.support)
    doors = [problem.evaluations, problem.alternative]
    misses = [door.data_free for door in doors if door is not None and door.data_free is not None]
    if len(misses) < 2 or m >= N or min(misses) <= _MISS or seen_records(problem) is not None:
        return None
    sine = min(_sine(problem, base) for base in (0.0, 0.5))
    if sine <= _SINE:
        return None
    return (
        "Whatever the samples are, weights that move along gradients satisfy <W_j, dW_j> = alpha "
        f"a_j da_j; these miss it by {min(misses):.2g}, and by {sine:.2g} if the two layers had "
        f"rates of their own. The changes span all {r} dimensions that moved, with no gap above "
        "noise: neither shows an optimiser that is linear in the gradients, and Adam is not."
    )


def _sine(problem: Problem, base: float) -> float:
    """Return the sine of the angle between both sides of the data-free equations."""
    weights = problem.weights
    assert weights.W0 is not None
    assert weights.a0 is not None
    points = (1 - base) * weights.W0 + base * weights.W
    scale = (1 - base) * weights.a0 + base * weights.a
    left = np.sum(points * (weights.W - weights.W0), axis=1)
    right = scale * (weights.a - weights.a0)
    sizes = float(np.linalg.norm(left) * np.linalg.norm(right))
    cosine = float(left @ right) / sizes if sizes > 0 else 0.0
    return float(np.sqrt(max(0.0, 1 - cosine**2)))
