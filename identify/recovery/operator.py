"""A symmetric matrix by its products, for the iterations of scipy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse.linalg import LinearOperator

from identify.arrays import Float64, FloatArray


class SymmetricOperator(LinearOperator):
    """The matrix, given by what it makes of a vector."""

    def __init__(self, times: Callable[[FloatArray], FloatArray], size: int) -> None:
        """Keep the product with vectors of that size."""
        super().__init__(np.dtype(np.float64), (size, size))
        self.times = times

    def _matvec(self, x: Float64[FloatArray, " p"]) -> Float64[FloatArray, " p"]:
        return self.times(x)
