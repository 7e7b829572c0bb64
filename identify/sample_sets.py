"""Distances between sample sets and their matching, up to order and sign: once for everybody."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from identify.arrays import FloatArray

SampleSet = tuple[FloatArray, FloatArray]
"""Samples (n, d) and their coefficients b (n,)."""

HEAVY = 0.01
"""Share of the weight of the heaviest sample from which a sample counts when sets are compared."""


class Pairs(NamedTuple):
    """Two sample sets paired one to one.

    Attributes:
        first: Indices into the first set, (min(n, n'),).
        second: Indices of their partners in the second set.
        sign: Signs that turn the second samples towards the first.
        cosine: Cosines after turning, between 0 and 1.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    sign: FloatArray
    cosine: FloatArray


def match_samples(first: ArrayLike, second: ArrayLike) -> Pairs:
    """Pair samples (n, d) and (n', d) by the largest total absolute cosine; inf and nan count 0."""
    first, second = (np.nan_to_num(x, posinf=0.0, neginf=0.0) for x in (first, second))
    cosine = unit_rows(first) @ unit_rows(second).T
    rows, columns = one_to_one(-np.abs(cosine))
    paired = cosine[rows, columns]
    sign = np.where(paired < 0, -1.0, 1.0)
    return Pairs(rows, columns, sign, np.minimum(np.abs(paired), 1.0))


def one_to_one(cost: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows and columns of the pairs of least total cost, (min(n, n'),) each."""
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(cost)


def chords(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the distances of x (n, d) from y (n', d), modulo sign, scaled to norm 1: (n, n').

    For unit vectors min |u -+ v|^2 = 2 - 2 |u.v|; the square root resolves 1e-8, not rounding.
    """
    cosine = np.abs(unit_rows(x) @ unit_rows(y).T)
    return np.sqrt(np.maximum(2 - 2 * cosine, 0.0))


def set_distance(x: FloatArray, y: FloatArray) -> float:
    """Return the Hausdorff distance of two sample sets, by ``chords``: between 0 and sqrt 2."""
    apart = chords(x, y)
    return float(max(apart.min(axis=0).max(), apart.min(axis=1).max()))


def clear_distance(first: SampleSet, second: SampleSet, degree: int) -> float:
    """Return the distance of two sets, in which faint samples are no reason to call them different.

    It is the largest distance of a sample of either set, that weighs |b_i| |x_i|^degree at least
    ``HEAVY`` times the heaviest one, to the nearest of the other. Sets that differ in how a sample
    is split into equal ones are at distance 0.
    """
    apart = chords(first[0], second[0])
    one, other = _heavy(first, degree), _heavy(second, degree)
    return float(max(apart.min(axis=1)[one].max(), apart.min(axis=0)[other].max()))


def unit_rows(x: ArrayLike) -> FloatArray:
    """Scale rows to norm 1; a row of zeros stays one."""
    x = np.asarray(x, dtype=np.float64)
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(norms > 0, norms, 1.0)


def _heavy(samples: SampleSet, degree: int) -> NDArray[np.bool_]:
    x, b = samples
    weight = np.abs(b) * np.linalg.norm(x, axis=1) ** degree
    return weight >= HEAVY * weight.max()
