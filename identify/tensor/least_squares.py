"""Linear least squares whose rank is judged against the noise of the equations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.tensor.normal import Normal, RowBlocks
from identify.tensor.rank import rounding_tolerance

SVD_LIMIT = 1500
"""Columns up to which the system is solved by a singular value decomposition."""

_AtRank = Callable[[int], tuple[FloatArray, FloatArray | None]]
"""From a rank to the solution A, (N, q), and C with A = matrix^T C, (rows, q), or None."""


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
        A: The solution.
        dual: Coefficients C with A = matrix^T C, where they were asked for.
    """

    columns: int
    rank: int
    singular_values: Float64[FloatArray, " k"]
    tolerance: float
    noise: float
    spare: int
    residual: float
    A: Float64[FloatArray, "N q"]
    dual: Float64[FloatArray, "rows q"] | None

    @property
    def determined(self) -> bool:
        """Whether every unknown is determined."""
        return self.rank == self.columns


def solve_least_squares(
    matrix: RowBlocks,
    right_side: Float64[FloatArray, "rows q"],
    rounding: float,
    *,
    dual: bool = True,
) -> Solution:
    """Return the solution of matrix A = right_side, of minimal norm where the rank is deficient.

    ``rounding`` is that of the right-hand side, root mean square per entry; without ``dual`` the
    coefficients C are left out where they cost something. With more than
    ``SVD_LIMIT`` columns the rank of a solution that noise drowns is an estimate, and A is that of
    full rank.
    """
    rows, columns = matrix.shape
    squared = columns > SVD_LIMIT and rows >= columns
    if squared:
        values, at_rank = _by_normal_matrix(matrix, right_side, dual=dual)
    else:
        values, at_rank = _by_svd(matrix.part(slice(None)), right_side)
    floor = rounding_tolerance(values, matrix.shape)
    if at_rank is None:  # the normal matrix is singular
        rank = min(int(np.sum(values > floor)), columns - 1)
        nothing = np.zeros((columns, right_side.shape[1]))
        return Solution(columns, rank, values, floor, 0.0, 0, np.nan, nothing, None)
    if squared:
        floor = max(floor, float(values[0]) * 1e-7)  # squares: half of the digits
    # the fit tells the noise, the noise the rank, the rank the fit: until nothing more is dropped
    rank, smallest = int(np.sum(values > floor)), np.inf
    while True:
        A, C = at_rank(rank)
        error = _miss(matrix, A, right_side)
        smallest = min(smallest, error)
        spare = (rows - rank) * right_side.shape[1]
        noise = max(rounding, error / np.sqrt(spare) if spare > 0 else 0.0)
        tolerance = max(floor, _drowning(noise, A))
        before, rank = rank, int(np.sum(values > tolerance))
        if rank >= before or squared or rank == 0:
            break
    norm = float(np.linalg.norm(right_side)) or 1.0
    return Solution(columns, rank, values, tolerance, noise, spare, smallest / norm, A, C)


def _miss(matrix: RowBlocks, A: Float64[FloatArray, "N q"], right_side: FloatArray) -> float:
    """Return |right_side - matrix A|."""
    parts = [np.linalg.norm(right_side[s] - matrix.part(s) @ A) for s in matrix.parts()]
    return float(np.linalg.norm(parts))


def _by_svd(
    matrix: Float64[FloatArray, "rows N"], right_side: Float64[FloatArray, "rows q"]
) -> tuple[Float64[FloatArray, " k"], _AtRank]:
    """Return the singular values, and solutions that use the largest of them."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)

    def at_rank(rank: int) -> tuple[FloatArray, FloatArray | None]:
        rotated = left[:, :rank].T @ right_side / values[:rank, None]
        return right[:rank].T @ rotated, left[:, :rank] @ (rotated / values[:rank, None])

    return values, at_rank


def _by_normal_matrix(
    matrix: RowBlocks, right_side: Float64[FloatArray, "rows q"], *, dual: bool
) -> tuple[Float64[FloatArray, " N"], _AtRank | None]:
    """Return the singular values, and the solution at full rank; None where there is none."""
    normal = Normal(matrix)
    if normal.singular:
        return normal.values, None

    def at_rank(_rank: int) -> tuple[FloatArray, FloatArray | None]:
        A = normal.solve(matrix.transposed_times(right_side))
        return A, matrix.times(normal.solve(A)) if dual else None

    return normal.values, at_rank


def _drowning(noise: float, A: Float64[FloatArray, "N q"]) -> float:
    """Return the singular value at which the noise of one coefficient equals a typical one.

    One right singular direction carries a vector of q coefficients; noise perturbs it by
    noise sqrt(q) / sigma, against a typical norm |A| / sqrt(N).
    """
    size = float(np.linalg.norm(A))
    return noise * float(np.sqrt(A.size)) / size if size > 0 else 0.0
