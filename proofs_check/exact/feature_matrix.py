"""The matrices V and D of A.2, step 1, and points on which to try them.

V has the rows phi(W_j), all monomials of degree alpha-1, and D is the diagonal matrix of their
multinomial coefficients. Both have N = C(d+alpha-2, alpha-1) columns.
"""

from __future__ import annotations

from proofs_check.exact.formulas import Matrix, Scalar, exponents, monomials, multinomial
from proofs_check.exact.rational import Rows, diagonal, inverse, multiply, transpose

SIZES = ((1, 4), (2, 2), (2, 3), (2, 5), (3, 3), (3, 4), (4, 3))
"""(d, alpha)."""


def features(W: Matrix, alpha: int) -> list[list[Scalar]]:
    """V, m x N."""
    return [monomials(w, alpha - 1) for w in W]


def weights(d: int, alpha: int) -> Rows:
    """D, N x N."""
    return diagonal([multinomial(index) for index in exponents(d, alpha - 1)])


def left_inverse(V: Rows) -> Matrix:
    """(V^T V)^-1 V^T, which is V^+ for full column rank."""
    return multiply(inverse(multiply(transpose(V), V)), transpose(V))


def enough(d: int, alpha: int) -> list[tuple[int, ...]]:
    """Points with rank V = N and m > N: the integer ones with coordinate sum alpha-1 or alpha."""
    return [*exponents(d, alpha - 1), *exponents(d, alpha)]


def too_few(d: int, alpha: int) -> list[tuple[int, ...]]:
    """Points with rank V < N: those with coordinate sum alpha-1 except one, each twice."""
    return 2 * exponents(d, alpha - 1)[1:]


def samples(d: int) -> tuple[list[int], list[list[int]]]:
    """Weights of both signs and d + 1 dependent samples."""
    b = [(-1) ** i * (i + 1) for i in range(d + 1)]
    return b, [[(i + 2) ** k - 3 * i * k for k in range(d)] for i in range(d + 1)]
