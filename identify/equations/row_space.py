"""The space the samples are seen in, read off the weights by a singular value decomposition.

In known-init every row of W - W0 lies in the span of the samples, in kkt every row of W (Tansley et
al. use this for attacks). Its dimension r takes the place of d in every count. Noise decides it,
not the type of the numbers: training rounds at every step, and what adds up stands far above the
rounding of the stored numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.checkpoints.spectrum import Spectrum

_ROUNDING = 20.0
"""Rounding leaves no singular value above this many times what it leaves in one row or column."""

_STEPS, _CLOSE = 1e3, 10.0
"""Rounding adds up over training to at most this many times its size, and leaves no two neighbours
among the singular values that differ by the second."""


@dataclass(frozen=True, slots=True)
class RowSpace:
    """An orthonormal basis of the row space and what lies outside it.

    Attributes:
        basis: Orthonormal columns.
        singular_values: Of the matrix, decreasing.
        tail: Largest singular value left out; 0 if none is.
        noisy: Whether the tail stands above the rounding of the stored weights.
        floor: Singular values at or below it were not counted.
        noise: Root mean square of an entry of the noise: the rounding of the stored weights at
            least, and of the tail where that is recognised as noise.
    """

    basis: Float64[FloatArray, "d r"]
    singular_values: Float64[FloatArray, " k"]
    tail: float
    noisy: bool
    floor: float
    noise: float

    @property
    def dimension(self) -> int:
        """The dimension r."""
        return self.basis.shape[1]


def row_space(found: Spectrum, rounding: float) -> RowSpace:
    """Return the row space of a matrix (m, d) from its spectrum.

    Where the spectrum shows no gap above noise, every singular value above the rounding counts: a
    small one may be a sample. Left out are two or more, too few to be recognised as noise, that
    follow each other closely within what rounding adds up to, a factor ``_STEPS`` below the rest.

    Args:
        found: The spectrum.
        rounding: Rounding noise of the stored entries, root mean square.

    Returns:
        The row space, with the noise that what was left out shows.
    """
    m, d, values = len(found.left), found.right.shape[1], found.values
    floor = max(
        _ROUNDING * rounding * np.sqrt(max(m, d)),
        float(values.max(initial=0.0)) * max(m, d) * np.finfo(float).eps,
    )
    above = int(np.sum(values > floor))
    rank = _without_steps(values, floor) if found.rank is None else min(found.rank, above)
    tail = float(values[rank]) if rank < len(values) else 0.0
    noise = rounding
    if found.rank is not None:  # sigma an entry ends at sigma (sqrt(m) + sqrt(d)): MP 1967
        noise = max(noise, found.noise, tail / float(np.sqrt(m) + np.sqrt(d)))
    return RowSpace(found.right[:rank].T, values, tail, rank < above, max(floor, tail), noise)


def _without_steps(values: Float64[FloatArray, " k"], floor: float) -> int:
    """Return how many singular values are neither rounding nor what rounding adds up to."""
    above, strong = (int(np.sum(values > level)) for level in (floor, _STEPS * floor))
    alive = values[values > 1e-3 * floor]  # what hardly moved ends no tail
    if not 0 < strong < min(above, len(alive) - 1):
        return above
    ratios = alive[:-1] / alive[1:]
    added_up = ratios[strong - 1] >= _STEPS and np.all(ratios[strong:above] < _CLOSE)
    return strong if added_up else above
