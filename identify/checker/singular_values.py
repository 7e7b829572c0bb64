"""Verified singular values: a computed decomposition, and what it misses with all rounding.

For computed U, V with nearly orthonormal columns, T = U^T M V and E = M - U S V^T,

    (min_i over the first k of |T_ii| - |T - diag T|) / (|U| |V|) <= sigma_k(M)
                                            <= S_k |U| |V| + |E|        (Weyl; compressions).

Rounding of a sum of k products is at most gamma_k = k u / (1 - k u) times the sum of their absolute
values, in any order of summation (Higham 2002, section 3.1). It is overestimated below by a factor
of two, which covers the rounding of the bounds themselves.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import FloatArray


def singular_value_bounds(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Enclose all singular values of a matrix of floats.

    Args:
        matrix: Finite floats, (m, n).

    Returns:
        Lower and upper ends, decreasing, (min(m, n),) each. They are 0 and inf where the entries
        leave the range in which float64 computes without underflow or overflow.
    """
    M = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    k, size = min(M.shape), float(np.max(np.abs(M), initial=0.0))
    if k == 0 or size == 0:
        return np.zeros(k), np.zeros(k)
    shift = 2.0 ** -int(np.frexp(size)[1]) if 1e-290 < size < 1e290 else np.nan
    if np.isnan(shift):
        return np.zeros(k), np.full(k, np.inf)
    scaled = M * shift
    scaled = np.where(np.abs(scaled) < 1e-140, 0.0, scaled)  # |M - scaled| <= 1e-140 an entry
    lost = 1e-140 * M.size
    U, S, Vt = np.linalg.svd(scaled, full_matrices=False)
    V = Vt.T
    norms = np.sqrt((1 + _defect(U)) * (1 + _defect(V)))
    MV, gamma = scaled @ V, _gamma(max(M.shape))
    T = U.T @ MV
    # |U|_F |V|_F |M|_F bounds the absolute values of all products involved
    rounding = 2 * gamma * np.sqrt(k) * np.sqrt(k) * float(np.linalg.norm(scaled)) * 2
    off = float(np.linalg.norm(T - np.diag(np.diag(T)))) + rounding + lost
    lower = np.minimum.accumulate(np.abs(np.diag(T))) - off
    E = float(np.linalg.norm(scaled - (U * S) @ Vt)) + rounding + lost
    upper = np.maximum.accumulate(S[::-1])[::-1] * norms + E
    slack = 1 + 4 * gamma
    return np.maximum(lower, 0) / (norms * slack) / shift, upper * slack / shift


def _gamma(k: int) -> float:
    u = 2.0**-53
    return 2 * (k + 4) * u / (1 - 2 * (k + 4) * u)


def _defect(Q: FloatArray) -> float:
    """Bound |Q^T Q - 1|."""
    k = Q.shape[1]
    found = float(np.linalg.norm(Q.T @ Q - np.eye(k)))
    return found * (1 + _gamma(k * k)) + 2 * _gamma(len(Q)) * k
