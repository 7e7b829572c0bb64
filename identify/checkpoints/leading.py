"""The few leading singular triplets of a large matrix by subspace iteration, with what they leave.

A basis of k random combinations, improved by products with D and D^T, holds the leading directions
once the spectrum falls within it (Halko, Martinsson and Tropp 2011, algorithm 4.4): some products
of 2 h d k flops in place of a decomposition of h d min(h, d). What is returned is checked, not
hoped for: D^T U = V S holds by construction, and the iteration goes on until D V - U S is nothing
beside what is left, E = D - U S V^T, which is formed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray

SMALLEST = 512
"""Shorter side from which a matrix is large."""

_FIRST, _SHARE = 128, 4
"""Directions tried first; they are doubled up to this part of the shorter side."""

_BESIDE = 8
"""Directions beyond the gap that have to be seen below it."""

_LEVEL = 4.0
"""Noise is level: what is seen below the gap does not fall by more."""

_ROUNDS = 12
_SETTLED = 1e-6
"""Share of the largest singular value left out by which D V and U S may differ."""

_ROUNDING = 1e3 * float(np.finfo(float).eps)
"""What rounding may leave of it, relative to the largest singular value, once it falls no more."""

_TOP_BLOCK, _TOP_ROUNDS, _TOP_MARGIN = 16, 8, 1.05
"""Vectors and rounds by which the largest singular value left out is found, from below to some per
cent, and what it is raised by."""


@dataclass(frozen=True, slots=True)
class Leading:
    """D = U S V^T + E with U^T E = 0, the gap lying between S and E.

    Attributes:
        left: U, orthonormal columns.
        values: S, decreasing.
        right: V^T, orthonormal rows.
        top: Largest singular value of E, some per cent too large rather than too small.
        square: |E|_F^2.
    """

    left: Float64[FloatArray, "h r"]
    values: Float64[FloatArray, " r"]
    right: Float64[FloatArray, "r d"]
    top: float
    square: float


def leading(D: Float64[FloatArray, "h d"], clear: float) -> Leading | None:
    """Return what stands above the last gap of a factor ``clear`` that few directions show.

    Args:
        D: The matrix.
        clear: Ratio of the singular values beside a gap.

    Returns:
        The leading part; None where a quarter of the directions shows no gap, or the iteration does
        not settle.
    """
    rng, k = np.random.default_rng(0), _FIRST
    while k <= min(D.shape) // _SHARE:
        P = np.linalg.qr(D.T @ (D @ rng.standard_normal((D.shape[1], k))))[0]
        values = np.linalg.svd(D @ P, compute_uv=False)
        gaps = np.flatnonzero(values[:-1] >= clear * np.maximum(values[1:], 1e-300)) + 1
        level = max(_LEVEL * values[-1], _ROUNDING * values[0])
        gaps = gaps[(gaps <= k - _BESIDE) & (values[gaps] <= level)]
        if len(gaps):
            return _settled(D, P, int(gaps[-1]), clear)
        k *= 2
    return None


def _settled(D: FloatArray, P: FloatArray, rank: int, clear: float) -> Leading | None:
    """Iterate on a few directions more than the rank until the leading triplets stand."""
    before = np.inf
    for _ in range(_ROUNDS):
        U, _, _ = np.linalg.svd(D @ P, full_matrices=False)
        U = U[:, : rank + _BESIDE]
        rotation, values, V = np.linalg.svd(U.T @ D, full_matrices=False)
        U, P = (U @ rotation)[:, :rank], V.T
        S, V = values[:rank], V[:rank]
        miss = float(np.linalg.norm(D @ V.T - U * S))
        rounded = miss > before / 2 and miss <= _ROUNDING * values[0]
        if miss <= _SETTLED * values[rank] or rounded:
            break
        before = miss
    else:
        return None
    E = D - (U * S) @ V
    top = _largest(E)
    if S[-1] < clear * top:
        return None
    return Leading(U, S, V, top, float(np.linalg.norm(E.ravel()) ** 2))


def _largest(E: FloatArray) -> float:
    """Return the largest singular value by subspace iteration, raised by its error."""
    Z = np.random.default_rng(1).standard_normal((E.shape[1], _TOP_BLOCK))
    for _ in range(_TOP_ROUNDS):
        Z = np.linalg.qr(E.T @ (E @ Z))[0]
    return _TOP_MARGIN * float(np.linalg.svd(E @ Z, compute_uv=False)[0])
