"""Numerical rank against a stated noise level.

A noisy matrix has full rank almost surely, so a rank is only worth its tolerance: singular values
are counted when they stand above both rounding and the level at which the noise of the equations
would drown the coefficients they determine.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import Float64, FloatArray


def rounding_tolerance(singular_values: Float64[FloatArray, " k"], shape: tuple[int, ...]) -> float:
    """Return the level below which a singular value is rounding: max(shape) 2^-52 of the first."""
    if not len(singular_values):
        return 0.0
    return float(singular_values[0] * max(shape) * np.finfo(float).eps)


def gap_rank(
    singular_values: Float64[FloatArray, " k"], floor: float, *, largest: int
) -> tuple[int, float]:
    """Return the rank at which a spectrum falls into its noise, and the ratio by which it falls.

    It falls where the ratio of neighbours is largest among the values above the floor, which are
    more than rounding of the stored weights. Where nothing falls the rank is ``largest``, that of a
    matrix of full rank, and the ratio inf.
    """
    above = int(np.sum(singular_values > floor))
    if above == 0:
        return 0, np.inf
    values = np.maximum(singular_values[: above + 1], np.finfo(float).tiny)
    if above < len(singular_values):
        values[above] = max(values[above], floor / 100)
    ratios = values[:-1] / values[1:]
    if not len(ratios):
        return above, np.inf
    best = int(np.argmax(ratios)) + 1
    if above == largest and ratios[best - 1] < 100:
        return above, np.inf
    return best, float(ratios[best - 1])
