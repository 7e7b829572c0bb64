"""The rank of a matrix from both sides, with a witness that others can check."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import FloatArray
from identify.checker.modular import float_residues, independent_minor
from identify.checker.ranks import RankWitness, check_rank, exact_integers
from identify.checker.singular_values import singular_value_bounds

PRIMES = (8388593, 8388587, 8388581)
"""The largest primes below 2^23: a rank is missed by accident in one of some thousand matrices at
the first, so others are tried where it is not full."""

_KERNEL_BITS = 10**8
"""Largest size of a kernel that is computed, in bits by the bound of Hadamard (some seconds)."""


@dataclass(frozen=True, slots=True)
class RankBounds:
    """A rank from both sides; unpacks as ``lower, upper``.

    Attributes:
        lower: Every matrix within ``eps`` has at least this rank.
        upper: Some matrix within ``eps`` has at most this rank; for 0 the matrix itself.
        eps: Distance in the spectral norm.
        witness: What proves it for ``eps`` 0, for :func:`identify.check_rank`; None for others,
            where :func:`identify.singular_value_bounds` proves it anew from the matrix.
    """

    lower: int
    upper: int
    eps: float
    witness: RankWitness | None

    def __iter__(self) -> Iterator[int]:
        return iter((self.lower, self.upper))


def rank_bounds(matrix: object, *, eps: float = 0.0) -> RankBounds:
    """Prove the rank of a matrix of floats as stored, or of all matrices near it.

    Floats are dyadic rationals: for ``eps`` 0 the rank is exact, from below by a minor modulo a
    prime, from above by an integer kernel where that is not too large to be written down. A matrix
    that was rounded has full rank nearly always; what its rank was is asked with the ``eps`` of the
    rounding, and answered by verified singular values.

    Args:
        matrix: (m, n), floats or integers that float64 holds exactly; may be empty.
        eps: Largest distance in the spectral norm, not negative.

    Returns:
        Both ends and the witness.

    Raises:
        ValueError: If the matrix is not finite, not two-dimensional or not exact in float64, or eps
            is negative or not finite.
    """
    M = _exact_matrix(matrix)
    if not (isinstance(eps, int | float | np.floating) and 0 <= eps < np.inf):
        raise ValueError(f"eps: found {eps!r}; pass a number that is not negative")
    if eps > 0:
        low, high = singular_value_bounds(M)
        return RankBounds(int(np.sum(low > eps)), int(np.sum(high > eps)), float(eps), None)
    witness = _lower_witness(M)
    r = len(witness.rows)
    if r < min(M.shape):
        witness = _with_kernel(M, witness)
    lower, upper = check_rank(M, witness)
    return RankBounds(lower, upper, 0.0, witness)


def _lower_witness(M: FloatArray) -> RankWitness:
    best = RankWitness(PRIMES[0], (), ())
    for p in PRIMES:
        rows, columns = independent_minor(float_residues(M, p), p)
        if len(rows) > len(best.rows):
            best = RankWitness(p, tuple(rows.tolist()), tuple(columns.tolist()))
        if len(rows) == min(M.shape):
            break
    return best


def _with_kernel(M: FloatArray, witness: RankWitness) -> RankWitness:
    """Add the kernel of the independent rows, where it is that of the whole matrix."""
    from flint import fmpz_mat

    r, transposed = len(witness.rows), M.shape[0] < M.shape[1]
    rows = witness.columns if transposed else witness.rows
    A = M.T if transposed else M
    n = A.shape[1]
    if r == 0:
        if np.any(M):
            return witness
        unit = tuple(tuple(int(i == k) for i in range(n)) for k in range(n))
        return replace(witness, kernel=unit, transposed=transposed)
    integers = exact_integers(A)
    bits = max(abs(value).bit_length() for row in integers for value in row)
    if (bits + 12) * r * r * (n - r) > _KERNEL_BITS:
        return witness
    found, nullity = fmpz_mat([integers[k] for k in rows]).nullspace()
    kernel = [[int(found[i, k]) for i in range(n)] for k in range(int(nullity))]
    if any((fmpz_mat(integers) * fmpz_mat(kernel).transpose()).entries()):
        return witness  # the rank modulo the primes was smaller than the rank
    divided = [tuple(t // math.gcd(*column) for t in column) for column in kernel]
    return replace(witness, kernel=tuple(divided), transposed=transposed)


def _exact_matrix(matrix: object) -> FloatArray:
    expected = "pass a finite real matrix, (m, n), exact in float64"
    try:
        given = np.asarray(matrix)
    except ValueError as error:
        raise ValueError(f"matrix: found rows of different lengths; {expected}") from error
    if given.ndim != 2 or given.dtype.kind not in "biuf":
        raise ValueError(f"matrix: found shape {given.shape}, type {given.dtype}; {expected}")
    with np.errstate(over="ignore"):
        M = given.astype(np.float64)
    if not np.all(np.isfinite(M)):
        raise ValueError(f"matrix: found {int(np.sum(~np.isfinite(M)))} values nan or infinite")
    if given.dtype != np.float64 and any(map(_changed, given.ravel().tolist(), M.ravel().tolist())):
        raise ValueError(f"matrix: found numbers that float64 does not hold; {expected}")
    return M


def _changed(given: float, stored: float) -> bool:
    return given != stored
