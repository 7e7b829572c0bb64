"""Numerical rank against a stated noise level, and rank proved from below in exact arithmetic.

A noisy matrix has full rank almost surely, so a rank is only worth its tolerance: singular values
are counted when they stand above both rounding and the level at which the noise of the equations
would drown the coefficients they determine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from identify.arrays import Float64, FloatArray
from identify.tensor.features import monomial_indices

PRIME = 2**31 - 1
"""The Mersenne prime that exact ranks are computed modulo."""

EXACT_LIMIT = 3000
"""Largest N whose rank is computed exactly (some seconds)."""


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


def exact_feature_rank(
    points: Float64[FloatArray, "m d"], basis: Float64[FloatArray, "d r"], k: int
) -> int | None:
    """Return a proved lower bound on the rank of the degree-k features of the points as stored.

    Floats are dyadic rationals, so they map exactly into the field of 2^31 - 1 elements, and a rank
    there never exceeds the rank over the rationals. The points are projected by the basis as
    stored, exactly; a linear map cannot raise the rank, so what is proved holds for the points
    themselves and for the Gram matrix K_pq = (w_p.w_q)^k. None where N exceeds ``EXACT_LIMIT``.
    """
    from flint import nmod_mat

    indices = monomial_indices(basis.shape[1], k)
    if len(indices) > EXACT_LIMIT:
        return None
    # more rows than N add nothing but time; a few spares make up for accidents modulo the prime
    residues = _residues(points[: len(indices) + 64]) @ _residues(basis) % PRIME
    columns = []
    for monomial in indices:
        column = np.ones(len(residues), dtype=object)
        for index in monomial:
            column = column * residues[:, index] % PRIME
        columns.append(column)
    entries = [int(value) for value in np.array(columns).T.ravel()]
    return int(nmod_mat(len(residues), len(columns), entries, PRIME).rank())


def _residues(points: FloatArray) -> NDArray[np.object_]:
    """Map floats exactly into the field: numerator over a power of two."""
    mantissa, exponent = np.frexp(points)
    integers = (mantissa * 2.0**53).astype(np.int64).astype(object)
    powers = np.array([pow(2, int(e) - 53, PRIME) for e in exponent.ravel()], dtype=object)
    return integers * powers.reshape(points.shape) % PRIME
