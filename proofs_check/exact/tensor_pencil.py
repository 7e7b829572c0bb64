"""Tensors with independent components, and their decomposition by a pencil (A.2, step 2).

Samples are the rows of x here, and the columns of the paper's X; an orthonormal basis U of their
span is a list of rows too.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from math import comb

import numpy as np
import sympy

from proofs_check.exact.formulas import Matrix, Scalar, Vector, dot, slice_matrix
from proofs_check.exact.rational import (
    Rows,
    cayley,
    eigenpairs,
    inverse,
    multiply,
    solve,
    transpose,
)

OBLIQUE = ((1, 0), (Fraction(3, 5), Fraction(4, 5)))
"""Two unit samples that are not orthogonal."""

SEED = 5
SHAPES = tuple(product(((2, 2), (2, 4), (3, 3), (3, 5), (4, 4)), (3, 4, 5, 6)))
"""(r, d) and alpha of the random instances."""

RANDOM = f"{len(SHAPES)} random instances, b of both signs, r = 2..4, d = 2..5, α = 3..6"


def gammas(b: Vector, x: Matrix, v: Vector, alpha: int) -> list[Scalar]:
    """gamma_i(v) = b_i (x_i.v)^(alpha-2) (A.6)."""
    return [b_i * dot(x_i, v) ** (alpha - 2) for b_i, x_i in zip(b, x, strict=True)]


def coincidence(x: Matrix, v: Matrix, alpha: int) -> Scalar:
    """The polynomial in v_1, v_2 whose zeros violate the last part of (A.7) for two samples."""
    (g_1, g_2), (h_1, h_2) = (gammas((1, 1), x, w, alpha) for w in v)
    return h_1 * g_2 - h_2 * g_1


@dataclass(frozen=True, slots=True)
class PencilInstance:
    """Independent unit samples in the span of r orthonormal rows, and the vectors of a pencil."""

    alpha: int
    U: list[list[Fraction]]
    x: list[list[Fraction]]
    b: list[Fraction]
    v: tuple[list[int], list[int]]


@cache
def pencil_instances() -> tuple[PencilInstance, ...]:
    """One random rational instance per shape, with b of both signs, the same on every call."""
    rng = np.random.default_rng(SEED)

    def rotation(n: int) -> list[list[Fraction]]:
        entries = rng.integers(-30, 31, comb(n, 2))
        return cayley([Fraction(int(t), 7) for t in entries], n)

    def draw(r: int, d: int, alpha: int) -> PencilInstance:
        U = rotation(d)[:r]
        x = multiply([rotation(r)[0] for _ in range(r)], U)
        b = [Fraction(int(t) * (-1) ** i, 7) for i, t in enumerate(rng.integers(1, 30, r))]
        v_1, v_2 = rng.integers(-50, 51, (2, d)).tolist()
        return PencilInstance(alpha, U, x, b, (v_1, v_2))

    return tuple(draw(*shape, alpha) for shape, alpha in SHAPES)


def decomposed(case: PencilInstance) -> tuple[list[Fraction], list[list[Fraction]]]:
    """The eigenvalues of C and the rows of U V^{-T}, V its eigenvectors: from slices of T alone."""
    A, B = (
        multiply(case.U, slice_matrix(case.b, case.x, v, case.alpha), transpose(case.U))
        for v in case.v
    )
    pairs = eigenpairs(solve(A, B))
    V = transpose([vector for _, vector in pairs])
    return [value for value, _ in pairs], multiply(inverse(V), case.U)


def dual_basis(x: Rows) -> list[list[Fraction]]:
    """The rows y_k in the span of x with x_i.y_k = 1 for i = k and 0 else."""
    return solve(multiply(x, transpose(x)), x)


def det(A: Matrix) -> Scalar:
    """The determinant, symbolic or exact."""
    return sympy.Matrix(A).det()
