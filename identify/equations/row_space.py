"""The space the samples are seen in, read off the weights by a singular value decomposition.

In known-init every row of W - W0 lies in the span of the samples, in kkt every row of W (Tansley et
al. use this for attacks). Its dimension r takes the place of d in every count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray

_FLAT = 10.0
"""Noise has no gaps: neighbouring singular values of an (m, k) noise matrix with m >> k agree to
this."""

_MANY = 8
"""A tail of at least this many singular values can be recognised as noise by its flatness."""

_STEPS = 1e3
"""Rounding of the stored weights may add up over training to this many times its size."""


@dataclass(frozen=True, slots=True)
class RowSpace:
    """An orthonormal basis of the row space and what lies outside it.

    Attributes:
        basis: Orthonormal columns.
        singular_values: Of the matrix, decreasing.
        tail: Largest singular value left out; 0 if none is.
        noisy: Whether the tail stands above the rounding of the stored weights.
        floor: Singular values at or below it were not counted.
    """

    basis: Float64[FloatArray, "d r"]
    singular_values: Float64[FloatArray, " k"]
    tail: float
    noisy: bool
    floor: float

    @property
    def dimension(self) -> int:
        """The dimension r."""
        return self.basis.shape[1]


def row_space(matrix: Float64[FloatArray, "m d"], rounding: float) -> RowSpace:
    """Return the row space of a matrix whose entries carry rounding noise (rms), or more.

    A small singular value is left out only if it is within rounding, heads a tail without gaps that
    lies within what rounding can add up to, or belongs to a tail of at least eight that is as flat
    as noise is: a single small value may be a sample.
    """
    m, d = matrix.shape
    triangular = np.linalg.qr(matrix, mode="r") if m > d else matrix
    _, values, right = np.linalg.svd(triangular, full_matrices=False)
    floor = max(
        20 * rounding * np.sqrt(max(m, d)),
        float(values[0]) * max(m, d) * np.finfo(float).eps,
    )
    # inputs that are always 0 leave values of their own, which end no tail
    alive = values[: int(np.sum(np.any(matrix != 0, axis=0)))]
    alive = alive[alive > 1e-3 * floor]
    rank = above = int(np.sum(alive > floor))
    strong = int(np.sum(alive > _STEPS * floor))
    ratios = alive[:-1] / alive[1:]
    gaps = np.flatnonzero(ratios[:above] >= _FLAT)
    if 0 < strong < min(above, len(alive) - 1):
        if ratios[strong - 1] >= _STEPS and np.all(ratios[strong:above] < _FLAT):
            rank = strong
    elif len(gaps) and above == len(alive):
        lowest = int(gaps[-1]) + 1
        if len(alive) - lowest >= _MANY and alive[lowest] <= _FLAT * alive[-1]:
            rank = lowest
    tail = float(values[rank]) if rank < len(values) else 0.0
    return RowSpace(right[:rank].T, values, tail, rank < above, max(floor, tail))
