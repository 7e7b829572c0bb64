"""The paper's formulas, for scalars of any kind: Fraction, sympy expression, flint number, float.

Vectors are sequences of scalars and matrices sequences of rows, so that exact numbers stay exact.

    x      samples, n vectors in d dimensions      b      n signed weights lambda_i y_i
    a, W   m output weights and m rows             alpha  degree of the activation t^alpha
    T      sum_i b_i x_i^{⊗alpha}  (section 4.2)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import combinations_with_replacement, product
from math import factorial, prod
from typing import Any, TypeAlias

Scalar: TypeAlias = Any
Vector: TypeAlias = Sequence[Scalar]
Matrix: TypeAlias = Sequence[Vector]


def dot(u: Vector, v: Vector) -> Scalar:
    """u.v, for vectors of one length."""
    return sum((s * t for s, t in zip(u, v, strict=True)), start=0 * u[0])


def combine(coefficients: Vector, vectors: Matrix) -> list[Scalar]:
    """sum_i coefficients_i vectors_i."""
    return [dot(coefficients, column) for column in zip(*vectors, strict=True)]


def network(a: Vector, W: Matrix, x: Vector, alpha: int, c: Scalar = 1) -> Scalar:
    """Phi(x) = sum_j a_j c (W_j.x)^alpha (section 4.2)."""
    return sum(a_j * c * dot(W_j, x) ** alpha for a_j, W_j in zip(a, W, strict=True))


def contraction(b: Vector, x: Matrix, w: Vector, alpha: int) -> list[Scalar]:
    """f(w) = T(., w, ..., w) = sum_i b_i (x_i.w)^(alpha-1) x_i, d scalars (A.1)."""
    return combine([b_i * dot(x_i, w) ** (alpha - 1) for b_i, x_i in zip(b, x, strict=True)], x)


def form(b: Vector, x: Matrix, w: Vector, alpha: int) -> Scalar:
    """p(w) = T(w, ..., w) = sum_i b_i (x_i.w)^alpha (A.2, step 1)."""
    return sum(b_i * dot(x_i, w) ** alpha for b_i, x_i in zip(b, x, strict=True))


def tensor(b: Vector, x: Matrix, vectors: Matrix) -> Scalar:
    """T(u_1, ..., u_alpha) = sum_i b_i prod_t (x_i.u_t)."""
    return sum(b_i * prod(dot(x_i, u) for u in vectors) for b_i, x_i in zip(b, x, strict=True))


def slice_matrix(b: Vector, x: Matrix, v: Vector, alpha: int) -> list[list[Scalar]]:
    """M(v) = T(., ., v, ..., v) = sum_i b_i (x_i.v)^(alpha-2) x_i x_i^T, d x d (A.6)."""
    gamma = [b_i * dot(x_i, v) ** (alpha - 2) for b_i, x_i in zip(b, x, strict=True)]
    columns = list(zip(*x, strict=True))
    return [
        [sum(map(prod, zip(gamma, row, column, strict=True))) for column in columns]
        for row in columns
    ]


def gram(W: Matrix, alpha: int) -> list[list[Scalar]]:
    """K_pq = (W_p.W_q)^(alpha-1), m x m (section 4.2)."""
    return [[dot(u, v) ** (alpha - 1) for v in W] for u in W]


def exponents(d: int, degree: int) -> list[tuple[int, ...]]:
    """All multi-indices of a total degree in d variables, in lexicographic order of monomials."""
    indices = combinations_with_replacement(range(d), degree)
    return [tuple(index.count(k) for k in range(d)) for index in indices]


def monomials(w: Vector, degree: int) -> list[Scalar]:
    """phi(w): all monomials of a total degree, coefficient 1 each (A.2, step 1)."""
    return [
        prod(t**e for t, e in zip(w, index, strict=True)) for index in exponents(len(w), degree)
    ]


def multinomial(index: Sequence[int]) -> int:
    """|index|! / prod_k index_k!, the coefficient of a monomial in (u.w)^degree."""
    return reduce(lambda value, e: value // factorial(e), index, factorial(sum(index)))


def polarized(p: Any, vectors: Matrix) -> Scalar:
    """sum_eps (prod_t eps_t) p(sum_t eps_t u_t) = 2^alpha alpha! T(u_1, ..., u_alpha) (A.2)."""
    return sum(
        prod(signs) * p(combine(signs, vectors)) for signs in product((1, -1), repeat=len(vectors))
    )
