"""Linear least squares whose rank is judged against the noise of the equations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigvalsh

from identify.arrays import Float64, FloatArray
from identify.tensor.rank import rounding_tolerance

SVD_LIMIT = 1500
"""Columns up to which the system is solved by a singular value decomposition."""

_AtRank = Callable[[int], tuple[FloatArray, FloatArray]]
"""From a rank to the solution A, (N, q), and C with A = matrix^T C, (rows, q)."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A linear least-squares solution with what its quality rests on.

    Attributes:
        columns: Number of unknowns N per right-hand side.
        rank: Singular values counted.
        singular_values: Decreasing.
        tolerance: Singular values at or below it were not counted.
        noise: Root mean square of the residual per spare equation, the rounding of the right-hand
            sides at least.
        spare: Number of equations beyond the unknowns.
        residual: Relative residual of the best fit, before anything was left out as noise; nan
            where none was computed.
        dual: Coefficients C with solution A = matrix^T C.
    """

    columns: int
    rank: int
    singular_values: Float64[FloatArray, " k"]
    tolerance: float
    noise: float
    spare: int
    residual: float
    dual: Float64[FloatArray, "rows q"]

    @property
    def determined(self) -> bool:
        """Whether every unknown is determined."""
        return self.rank == self.columns


def solve_least_squares(
    matrix: Float64[FloatArray, "rows N"],
    right_side: Float64[FloatArray, "rows q"],
    rounding: float,
) -> Solution:
    """Return the solution of matrix A = right_side, of minimal norm where the rank is deficient.

    ``rounding`` is that of the right-hand side, root mean square per entry.
    """
    rows, columns = matrix.shape
    squared = columns > SVD_LIMIT and rows >= columns
    if squared:
        values, at_rank = _by_normal_matrix(matrix, right_side)
    else:
        values, at_rank = _by_svd(matrix, right_side)
    floor = rounding_tolerance(values, matrix.shape)
    if at_rank is None:  # the normal matrix is singular
        rank = min(int(np.sum(values > floor)), columns - 1)
        dual = np.zeros((rows, right_side.shape[1]))
        return Solution(columns, rank, values, floor, 0.0, 0, np.nan, dual)
    if squared:
        floor = max(floor, float(values[0]) * 1e-7)  # squares: half of the digits
    # the fit tells the noise, the noise the rank, the rank the fit: until nothing more is dropped
    rank, smallest = int(np.sum(values > floor)), np.inf
    while True:
        A, dual = at_rank(rank)
        error = float(np.linalg.norm(right_side - matrix @ A))
        smallest = min(smallest, error)
        spare = (rows - rank) * right_side.shape[1]
        noise = max(rounding, error / np.sqrt(spare) if spare > 0 else 0.0)
        tolerance = max(floor, _drowning(noise, A))
        before, rank = rank, int(np.sum(values > tolerance))
        if rank >= before or squared or rank == 0:
            break
    norm = float(np.linalg.norm(right_side)) or 1.0
    return Solution(columns, rank, values, tolerance, noise, spare, smallest / norm, dual)


def _by_svd(
    matrix: Float64[FloatArray, "rows N"], right_side: Float64[FloatArray, "rows q"]
) -> tuple[Float64[FloatArray, " k"], _AtRank]:
    """Return the singular values, and solutions that use the largest of them."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)

    def at_rank(rank: int) -> tuple[FloatArray, FloatArray]:
        rotated = left[:, :rank].T @ right_side / values[:rank, None]
        return right[:rank].T @ rotated, left[:, :rank] @ (rotated / values[:rank, None])

    return values, at_rank


def _by_normal_matrix(
    matrix: Float64[FloatArray, "rows N"], right_side: Float64[FloatArray, "rows q"]
) -> tuple[Float64[FloatArray, " N"], _AtRank | None]:
    """Return the singular values, and the solution at full rank; None where there is none."""
    normal = matrix.T @ matrix
    try:
        factor = cho_factor(normal)
    except LinAlgError:
        return np.sqrt(np.maximum(eigvalsh(normal), 0.0)[::-1]), None

    def at_rank(_rank: int) -> tuple[FloatArray, FloatArray]:
        A = cho_solve(factor, matrix.T @ right_side)
        A += cho_solve(factor, matrix.T @ (right_side - matrix @ A))
        return A, matrix @ cho_solve(factor, A)

    return _spectrum(normal, factor), at_rank


def _spectrum(
    normal: Float64[FloatArray, "N N"], factor: tuple[FloatArray, bool]
) -> Float64[FloatArray, " N"]:
    """Return the singular values of a matrix from its large normal matrix, decreasing.

    Single precision serves for the bulk, of which only the picture is shown; the smallest, which
    decides, comes from inverse iteration in double precision.
    """
    squares = eigvalsh(normal.astype(np.float32)).astype(np.float64)[::-1]
    vector = np.random.default_rng(0).standard_normal((len(normal), 8))
    for _ in range(30):
        vector = np.linalg.qr(cho_solve(factor, vector))[0]
    size = float(np.linalg.eigvalsh(vector.T @ (normal @ vector))[0])
    return np.sqrt(np.append(np.maximum(squares[:-1], size), size))


def _drowning(noise: float, A: Float64[FloatArray, "N q"]) -> float:
    """Return the singular value at which the noise of one coefficient equals a typical one.

    One right singular direction carries a vector of q coefficients; noise perturbs it by
    noise sqrt(q) / sigma, against a typical norm |A| / sqrt(N).
    """
    size = float(np.linalg.norm(A))
    return noise * float(np.sqrt(A.size)) / size if size > 0 else 0.0
