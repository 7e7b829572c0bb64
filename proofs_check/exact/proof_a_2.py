"""Appendix A.2 carried out step by step, exactly or in balls.

Nothing of the samples enters: the input is what (A.3) reads off (a, W), directions u_j and the
values f(u_j). The output (x_i, b_i) is known up to permutation and up to
(x_i, b_i) ~ (c x_i, c^{-alpha} b_i), which a known norm reduces to a sign.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import factorial
from typing import Any, TypeAlias

import numpy as np
from flint import acb, acb_mat, arb, arb_mat, fmpq_mat

from proofs_check.exact.formulas import Matrix, Scalar, Vector, dot, monomials, polarized
from proofs_check.exact.rational import (
    Rational,
    Rows,
    eigenpairs,
    from_flint,
    independent_columns,
    inverse,
    multiply,
    square_root,
    to_flint,
    transpose,
)

FlintMatrix: TypeAlias = Any
"""An fmpq_mat, arb_mat or acb_mat."""

Sample: TypeAlias = tuple[tuple[Fraction, ...], Fraction]
"""A sample and its signed weight."""


def interpolate_contraction(u: Matrix, values: Matrix, alpha: int) -> FlintMatrix:
    """The A^T (N, d) with f(u_j) = A phi(u_j) (A.4, A.5); ZeroDivisionError if rank(K) < N."""
    V = flint_matrix([monomials(u_j, alpha - 1) for u_j in u])
    F = flint_matrix(values)
    A = (V.transpose() * V).solve(V.transpose() * F)
    if isinstance(F, fmpq_mat) and V * A != F:
        raise ValueError("values: found those of no form of this degree; pass f(u_j)")
    return A


def slice_from(p: Callable[[Vector], Scalar], v: Vector, alpha: int) -> FlintMatrix:
    """M(v) = T(., ., v, ..., v) by polarization of p(w) = T(w, ..., w) (A.2, step 1; A.6)."""
    units = [[t * 0 + (j == k) for k, t in enumerate(v)] for j in range(len(v))]
    count = 2**alpha * factorial(alpha)
    rest = [v] * (alpha - 2)
    return flint_matrix([[polarized(p, [e, g, *rest]) / count for g in units] for e in units])


def recover_samples(
    u: Matrix,
    values: Matrix,
    alpha: int,
    slices: tuple[Vector, Vector],
    eigenvectors: Callable[[FlintMatrix], FlintMatrix],
) -> tuple[FlintMatrix, list[Scalar]]:
    """Return d samples (d, d) and the signed weights (d,) for their lengths from the values of f.

    The points u (m, d) have rank(K) = N; ``slices`` are v_1 and v_2 of (A.7), and ``eigenvectors``
    maps a matrix to that of its eigenvectors (columns).
    """
    A = interpolate_contraction(u, values, alpha).transpose().tolist()

    def p(w: Vector) -> Scalar:
        phi = monomials(w, alpha - 1)
        return dot(w, [dot(row, phi) for row in A])

    first, second = (slice_from(p, v, alpha) for v in slices)
    X = eigenvectors(first.solve(second)).inv()  # C = A^{-1} B (A.9), rows of V^{-1}
    x = X.tolist()
    powers = flint_matrix([[dot(x_i, x_k) ** alpha for x_i in x] for x_k in x])
    b = powers.solve(flint_matrix([[p(x_k)] for x_k in x]))  # (G^{o alpha}) b = T(x_k, ..., x_k)
    return X, b.entries()


def recover_exactly(u: Rows, values: Rows, alpha: int, seed: int) -> set[Sample]:
    """Recover r unit samples, first entry positive, from u (m, d) of rank r, rank(K) = N(r)."""
    # in coordinates of the row space of W
    basis = [list(u[j]) for j in independent_columns(transpose(u))]
    dual = multiply(inverse(multiply(basis, transpose(basis))), basis)
    draws = np.random.default_rng(seed).integers(-99, 100, (2, len(basis)))
    v_1, v_2 = to_flint(draws.tolist()).tolist()
    X, b = recover_samples(
        to_flint(multiply(u, transpose(dual))).tolist(),  # u = c basis
        to_flint(multiply(values, transpose(basis))).tolist(),  # f of the samples basis x_i
        alpha,
        (v_1, v_2),
        rational_eigenvectors,
    )
    weights = from_flint(flint_matrix([b]))[0]
    samples = multiply(from_flint(X), dual)
    return {normalized(x, b_i, alpha) for x, b_i in zip(samples, weights, strict=True)}


def rational_eigenvectors(C: fmpq_mat) -> fmpq_mat:
    """Eigenvectors as columns; ValueError unless C has distinct rational eigenvalues."""
    pairs = eigenpairs(from_flint(C))
    if len({value for value, _ in pairs}) < C.nrows():
        raise ValueError("C: found too few distinct rational eigenvalues; draw other slices")
    return to_flint(transpose([vector for _, vector in pairs]))


def normalized(x: Vector, b: Rational, alpha: int) -> Sample:
    """(x / c, b c^alpha), c = +-|x| with the first entry positive; ValueError if irrational."""
    length = square_root(dot(x, x))
    if length is None:
        raise ValueError(
            f"x: found squared length {dot(x, x)}, no square; pass multiples of unit x"
        )
    c = length if next(t for t in x if t) > 0 else -length
    return tuple(t / c for t in x), Fraction(b * c**alpha)


def flint_matrix(rows: Matrix) -> FlintMatrix:
    """The flint matrix for scalars of the type of the first entry."""
    kind = {arb: arb_mat, acb: acb_mat}.get(type(rows[0][0]), fmpq_mat)
    return kind([list(row) for row in rows])
