"""Distances between sample sets, up to order and sign."""

from __future__ import annotations

import numpy as np

from identify.arrays import FloatArray

SampleSet = tuple[FloatArray, FloatArray]


HEAVY = 0.01
"""Share of the weight of the heaviest sample from which a sample counts when sets are compared."""


def set_distance(x: FloatArray, y: FloatArray) -> float:
    """Return the Hausdorff distance of two sample sets, modulo sign, all scaled to norm 1.

    Args:
        x: (n, d).
        y: (n', d).

    Returns:
        The distance, between 0 and sqrt 2.
    """
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    y = y / np.linalg.norm(y, axis=1, keepdims=True)
    nearest = np.sqrt(np.maximum(2 - 2 * np.abs(x @ y.T), 0.0))
    return float(max(nearest.min(axis=0).max(), nearest.min(axis=1).max()))


def clear_distance(first: SampleSet, second: SampleSet, degree: int) -> float:
    """Return the distance of two sets, in which faint samples are no reason to call them different.

    Sets that differ in how a sample is split into equal ones are at distance 0.

    Args:
        first: Samples (n, d) and coefficients (n,).
        second: Samples (n', d) and coefficients (n',).
        degree: Degree of the activation, with which a sample weighs |b_i| |x_i|^degree.

    Returns:
        The largest distance of a sample of either set, that weighs at least ``HEAVY`` times the
        heaviest one, to the nearest of the other, modulo sign, all scaled to norm 1.
    """
    units, heavy = [], []
    for x, b in (first, second):
        norms = np.linalg.norm(x, axis=1)
        weight = np.abs(b) * norms**degree
        units.append(x / norms[:, None])
        heavy.append(weight >= HEAVY * weight.max())
    nearest = np.sqrt(np.maximum(2 - 2 * np.abs(units[0] @ units[1].T), 0.0))
    return float(max(nearest.min(axis=1)[heavy[0]].max(), nearest.min(axis=0)[heavy[1]].max()))
