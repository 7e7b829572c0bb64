"""Linear algebra over the rationals, on python-flint.

Matrices are lists of rows of ``Fraction``; flint computes in between. Every result is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import TypeAlias

from flint import fmpq, fmpq_mat, fmpq_poly

Rational: TypeAlias = int | Fraction
Rows: TypeAlias = Sequence[Sequence[Rational]]
Matrix: TypeAlias = list[list[Fraction]]


def to_flint(A: Rows) -> fmpq_mat:
    """The same matrix for flint."""
    return fmpq_mat([[fmpq(t.numerator, t.denominator) for t in row] for row in A])


def from_flint(A: fmpq_mat) -> Matrix:
    """The same matrix as lists of Fraction."""
    return [[Fraction(int(t.p), int(t.q)) for t in row] for row in A.tolist()]


def transpose(A: Rows) -> list[list[Rational]]:
    """A^T."""
    return [list(column) for column in zip(*A, strict=True)]


def multiply(*factors: Rows) -> Matrix:
    """The product of matrices, from left to right."""
    result = to_flint(factors[0])
    for factor in factors[1:]:
        result *= to_flint(factor)
    return from_flint(result)


def identity(n: int) -> Matrix:
    """The n x n unit matrix."""
    return diagonal([1] * n)


def diagonal(entries: Sequence[Rational]) -> Matrix:
    """The diagonal matrix of the entries."""
    n = len(entries)
    return [[Fraction(entries[k]) if j == k else Fraction(0) for j in range(n)] for k in range(n)]


def rank(A: Rows) -> int:
    """Rank of A."""
    return to_flint(A).rank()


def solve(A: Rows, B: Rows) -> Matrix:
    """A^{-1} B; ZeroDivisionError if A is singular."""
    return from_flint(to_flint(A).solve(to_flint(B)))


def inverse(A: Rows) -> Matrix:
    """A^{-1}; ZeroDivisionError if there is none."""
    return from_flint(to_flint(A).inv())


def independent_columns(A: Rows) -> list[int]:
    """Indices of the first columns that form a basis of the range of A."""
    reduced, rank = to_flint(A).rref()
    rows = reduced.tolist()
    return [next(k for k, t in enumerate(rows[i]) if t != 0) for i in range(rank)]


def nullspace(A: Rows) -> Matrix:
    """A basis of {v : A v = 0}, as rows; no rows if it is trivial."""
    reduced, rank = to_flint(A).rref()
    rows = from_flint(reduced)
    pivots = independent_columns(A)
    basis = []
    for free in range(len(A[0])):
        if free not in pivots:
            v = [Fraction(0)] * len(A[0])
            v[free] = Fraction(1)
            for i in range(rank):
                v[pivots[i]] = -rows[i][free]
            basis.append(v)
    return basis


def pseudo_inverse(A: Rows) -> Matrix:
    """The Moore-Penrose inverse of A other than 0, from a full-rank factorisation A = B C."""
    # A^+ = C^T (C C^T)^{-1} (B^T B)^{-1} B^T, all rational
    pivots = independent_columns(A)
    B = [[row[k] for k in pivots] for row in A]
    C = from_flint(to_flint(A).rref()[0])[: len(pivots)]
    return multiply(
        transpose(C),
        inverse(multiply(C, transpose(C))),
        inverse(multiply(transpose(B), B)),
        transpose(B),
    )


def eigenpairs(A: Rows) -> list[tuple[Fraction, list[Fraction]]]:
    """Rational eigenvalues of A with a basis of each eigenspace; irrational ones are left out."""
    n = len(A)
    characteristic: fmpq_poly = to_flint(A).charpoly()
    pairs = []
    for factor, _ in characteristic.factor()[1]:
        if factor.degree() == 1:
            root = -factor[0] / factor[1]
            value = Fraction(int(root.p), int(root.q))
            shifted = [[A[j][k] - (value if j == k else 0) for k in range(n)] for j in range(n)]
            pairs += [(value, vector) for vector in nullspace(shifted)]
    return pairs


def square_root(value: Rational) -> Fraction | None:
    """The non-negative rational root, None if it is irrational."""
    root = fmpq(value.numerator, value.denominator)
    if root < 0:
        return None
    p, q = root.p.isqrt(), root.q.isqrt()
    return Fraction(int(p), int(q)) if p * p == root.p and q * q == root.q else None


def cayley(entries: Sequence[Rational], n: int) -> Matrix:
    """The rotation (1 - S)^{-1} (1 + S), rational: entries are S above the diagonal, row by row."""
    S = [[Fraction(0)] * n for _ in range(n)]
    for (j, k), entry in zip(combinations(range(n), 2), entries, strict=True):
        S[j][k], S[k][j] = Fraction(entry), -Fraction(entry)
    plus = [[(j == k) + S[j][k] for k in range(n)] for j in range(n)]
    minus = [[(j == k) - S[j][k] for k in range(n)] for j in range(n)]
    return solve(minus, plus)
