"""The decay factor rho of W_T = rho W_0 + C X.

Every v orthogonal to the n records X has W_T v = rho W_0 v: rho is an eigenvalue of W_0^+ W_T, of
multiplicity d - n at least; every u orthogonal to the columns of C has u^T W_T = rho u^T W_0: it is
one of W_T W_0^+, of multiplicity h - n at least. The shorter side of the matrix decides which is
used. The change D(rho) = W_T - rho W_0 then gives back those orthogonal directions as the singular
vectors of its smallest singular values, and they give rho by least squares.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from identify.arrays import FloatArray

_STEPS = 8
"""Rounds of directions and rho in turn: the error of rho is squared in each of them."""

_ROWS = 4096
"""Rows of a large matrix that are handled at a time."""

_SMALLEST = 16
"""One in this many of all singular directions is used before the rank is known."""


def decay_factor(trained: FloatArray, initial: FloatArray) -> float:
    """Estimate rho from both weight matrices (h, d); 1 where nothing else explains more."""
    A, B = (trained, initial) if len(trained) >= trained.shape[1] else (trained.T, initial.T)
    p = A.shape[1]
    if not initial.any() or p < 2:
        return 1.0
    if len(A) > 2 * p:  # [B A] = Q R: singular values and scalar products of R are theirs
        B, A = np.hsplit(np.linalg.qr(np.hstack([B, A]))[1], 2)
    smallest = max(4, p // _SMALLEST)
    starts = (1.0, _densest(_eigenvalues(A, B)))
    rho, left = min((_alternate(A, B, start, smallest) for start in starts), key=lambda f: f[1])
    still = np.linalg.svd(A - B, compute_uv=False)[-smallest:]
    return 1.0 if np.sqrt(np.mean(still**2)) <= 1.05 * left + 1e-15 * np.linalg.norm(B) else rho


def _eigenvalues(A: FloatArray, B: FloatArray) -> FloatArray:
    """Return the real parts of the eigenvalues of B^+ A that a decay factor could be."""
    values = np.real(np.linalg.eigvals(np.linalg.lstsq(B, A)[0])).astype(np.float64)
    return np.sort(values[(values > 1e-3) & (values < 2.0)])


def _densest(values: FloatArray) -> float:
    """Return the middle of the narrowest window that holds one in ten of the sorted values."""
    count = max(3, len(values) // 10)
    if len(values) < count:
        return 1.0
    widths = values[count - 1 :] - values[: len(values) - count + 1]
    start = int(np.argmin(widths))
    return float(np.median(values[start : start + count]))


def _alternate(A: FloatArray, B: FloatArray, rho: float, smallest: int) -> tuple[float, float]:
    """Improve rho; return it with the root mean square of the singular values used."""
    values = np.zeros(smallest)
    for _ in range(_STEPS):
        _, values, rows = np.linalg.svd(A - rho * B, full_matrices=False)
        N = rows[-smallest:].T  # directions in which the training added least
        before, rho = rho, _least_squares(A @ N, B @ N, rho)
        if abs(rho - before) <= 1e-10:
            break
    return rho, float(np.sqrt(np.mean(values[-smallest:] ** 2)))


def refined(
    trained: FloatArray, initial: FloatArray, left: FloatArray, right: FloatArray, rho: float
) -> float:
    """Fit rho on what is orthogonal to the change, with ``left`` (h, r) and ``right`` (d, r)."""
    # (1 - U U^T) W_T (1 - V V^T) = rho (1 - U U^T) W_0 (1 - V V^T): freed of C X from both sides,
    # so that an error of either basis enters in second order only
    sums = np.zeros(3)
    for A, B in zip(_outside(trained, left, right), _outside(initial, left, right), strict=True):
        C = A - B
        sums += np.sum(C * C), np.sum(C * B), np.sum(B * B)
    still, along, size = sums
    if not size > 0:
        return rho
    # |A - B|^2 against |A - (1 + along / size) B|^2
    same = still <= 1.05**2 * (still - along**2 / size)
    return 1.0 if same else float(1 + along / size)


def _outside(W: FloatArray, left: FloatArray, right: FloatArray) -> Iterator[FloatArray]:
    """Yield (1 - U U^T) W (1 - V V^T), some rows at a time."""
    inside = left.T @ W
    for start in range(0, len(W), _ROWS):
        rows = W[start : start + _ROWS] - left[start : start + _ROWS] @ inside
        yield rows - (rows @ right) @ right.T


def _least_squares(A: FloatArray, B: FloatArray, otherwise: float) -> float:
    """Return the rho that minimises |A - rho B|."""
    size = float(np.sum(B * B))
    return float(np.sum(A * B)) / size if size > 0 else otherwise
