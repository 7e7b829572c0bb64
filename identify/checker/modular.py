"""Floats modulo a prime, and elimination there: a rank modulo p never exceeds the true rank.

Floats are dyadic rationals, so for odd p each maps to exactly one residue. A minor that is not 0
modulo p is not 0.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import FloatArray, IntArray

LARGEST_PRIME = 2**23
"""With residues below it, sums of ``_BLOCK`` products are exact in float64."""

_BLOCK = 64


def is_usable_prime(p: int) -> bool:
    """Whether p is an odd prime below the limit, by trial division."""
    return 2 < p < LARGEST_PRIME and all(p % q for q in range(2, int(p**0.5) + 2) if q < p)


def float_residues(matrix: FloatArray, p: int) -> FloatArray:
    """Map finite floats to their residues: numerator times a power of two, by the odd prime p."""
    mantissa, exponent = np.frexp(matrix)
    numerators = (mantissa * 2.0**53).astype(np.int64) % p
    lowest = int(exponent.min(initial=0)) - 53
    powers = [pow(2, lowest + k, p) for k in range(int(exponent.max(initial=0)) - lowest - 52)]
    return (numerators * np.array(powers)[exponent - 53 - lowest] % p).astype(np.float64)


def product_residues(A: FloatArray, B: FloatArray, p: int) -> FloatArray:
    """Multiply two matrices of residues."""
    total = np.zeros((A.shape[0], B.shape[1]))
    for k in range(0, A.shape[1], _BLOCK):
        total = _reduced(total + A[:, k : k + _BLOCK] @ B[k : k + _BLOCK], p)
    return total


def independent_minor(residues: FloatArray, p: int) -> tuple[IntArray, IntArray]:
    """Return rows and columns, as many as the rank modulo p, whose minor is not 0 modulo p."""
    A, rows = residues.copy(), np.arange(len(residues))
    columns: list[int] = []
    m, n = A.shape
    for start in range(0, n, _BLOCK):
        stop, first = min(start + _BLOCK, n), len(columns)
        # within a block of columns step by step, elsewhere by one product of matrices
        for k in range(start, stop):
            r = len(columns)
            below = np.flatnonzero(A[r:, k])
            if not len(below):
                continue
            _swap(A, rows, r, r + int(below[0]))
            columns.append(k)
            factors = A[r + 1 :, k] * pow(int(A[r, k]), -1, p) % p
            rest = A[r + 1 :, k + 1 : stop]
            rest[:] = _reduced(rest - factors[:, None] * A[r, k + 1 : stop], p)
            A[r + 1 :, k] = factors
        if stop < n and len(columns) > first:
            _eliminate(A, first, columns[first:], stop, p)
        if len(columns) == m:
            break
    return np.sort(rows[: len(columns)]), np.array(columns, dtype=np.int64)


def _eliminate(A: FloatArray, first: int, pivots: list[int], stop: int, p: int) -> None:
    # the factors stand below the pivots: forward substitution, then the rows below
    last = first + len(pivots)
    L = A[first:, pivots]
    top = A[first:last, stop:]
    for k in range(len(pivots) - 1):
        top[k + 1 :] = _reduced(top[k + 1 :] - L[k + 1 : len(pivots), k, None] * top[k], p)
    A[last:, stop:] = _reduced(A[last:, stop:] - L[len(pivots) :] @ top, p)


def _swap(A: FloatArray, rows: IntArray, i: int, k: int) -> None:
    if i != k:
        A[[i, k]], rows[[i, k]] = A[[k, i]], rows[[k, i]]


def _reduced(values: FloatArray, p: int) -> FloatArray:
    # |values| < 2^53, so that the quotient's floor is exact
    return values - p * np.floor(values / p)
