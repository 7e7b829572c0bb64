"""Conjugate gradients on a symmetric matrix of which only products are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from identify.arrays import Float64, FloatArray

Product = Callable[[FloatArray], FloatArray]


def solve_by_products(
    times: Product,
    right: Float64[FloatArray, " p"],
    *,
    inverse: Product,
    share: float,
    most: int,
    start: Float64[FloatArray, " p"] | None = None,
) -> Float64[FloatArray, " p"]:
    """Return x with times(x) near ``right``.

    ``inverse`` applies the preconditioner; it ends at ``share`` of the right side left over, or
    after ``most`` products.
    """
    from scipy.sparse.linalg import LinearOperator, cg  # half a second that many calls do without

    class Operator(LinearOperator):
        def __init__(self, product: Product) -> None:
            super().__init__(np.dtype(np.float64), (len(right), len(right)))
            self.product = product

        def _matvec(self, x: FloatArray) -> FloatArray:
            return self.product(x)

    found, _ = cg(Operator(times), right, start, rtol=share, maxiter=most, M=Operator(inverse))
    return np.asarray(found)
