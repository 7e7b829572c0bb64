"""All real eigenvectors f(w) = mu w of T = sum_i b_i x_i^{⊗alpha}, counted.

The samples are independent. In z_i = x_i.w, with their Gram matrix C, an eigenvector in their span
has mu != 0, so it can be scaled to f(w) = eps w, that is b_i z_i^(alpha-1) = eps (C^{-1} z)_i:

    alpha odd     w and -w belong to opposite mu: eps = 1, one solution per direction
    alpha even    w and -w belong to one mu: eps = 1 or -1, two solutions per direction

The leading terms z_i^(alpha-1) are coprime, so these r equations are a Groebner basis: modulo them
the monomials with all exponents below alpha - 1 are a basis. The number of distinct real solutions
is the signature of Hermite's form (g, h) -> trace of multiplication by g h (Hermite 1856; Pedersen,
Roy, Szpirglas 1993). It is exact for rationals and rigorous for balls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice, product
from typing import Any, TypeAlias

import sympy

from proofs_check.exact.formulas import Matrix, Scalar, contraction

FlintMatrix: TypeAlias = Any
"""An fmpq_mat or arb_mat."""

Monomial: TypeAlias = tuple[int, ...]
Polynomial: TypeAlias = dict[Monomial, Scalar]


def count_directions(C: FlintMatrix, b: Sequence[Scalar], alpha: int) -> int:
    """Count the real eigenvectors up to scale, from C (r, r) and b (r,), no b_i 0, alpha >= 3."""
    rows = list(zip(C.inv().tolist(), b, strict=True))
    signs = (
        (1,) if alpha % 2 else {1 if b_i > 0 else -1 for b_i in b}
    )  # eps|w|^2 = sum b_i z_i^alpha
    forms = [
        hermite_form([[eps * t / b_i for t in q] for q, b_i in rows], alpha - 1) for eps in signs
    ]
    nonzero = sum(signature(H) - 1 for H in forms)
    return nonzero if alpha % 2 else nonzero // 2


def count_in_plane(x: Matrix, b: Sequence[Scalar], alpha: int) -> int:
    """Count the zeros of det[w, f(w)] up to scale by Sturm's theorem, for samples (r, 2)."""
    t = sympy.Symbol("t")
    f = contraction(b, x, [1, t], alpha)
    finite = sympy.Poly(f[1] - t * f[0], t).sqf_part().count_roots()
    return int(finite) + int(contraction(b, x, [0, 1], alpha)[0] == 0)


def hermite_form(Q: Matrix, degree: int) -> list[list[Scalar]]:
    """The trace form of R[z] modulo z_i^degree = sum_k Q_ik z_k, a matrix of size degree^r."""
    r, zero = len(Q), 0 * Q[0][0]
    one = tuple([0] * r)
    basis = list(product(range(degree), repeat=r))

    @cache
    def raised(c: Monomial, i: int) -> Polynomial:
        """z_i z^c, reduced."""
        if c[i] < degree - 1:
            return {_shifted(c, i, 1): zero + 1}
        rest = (*c[:i], 0, *c[i + 1 :])
        return _combined((Q[i][k], raised(rest, k)) for k in range(r))

    reduced = {one: {one: zero + 1}}
    for e in islice(product(range(2 * degree - 1), repeat=r), 1, None):
        i = next(k for k, t in enumerate(e) if t)
        lower = reduced[_shifted(e, i, -1)]
        reduced[e] = _combined((value, raised(c, i)) for c, value in lower.items())
    trace = {c: sum((reduced[_sum(c, e)].get(e, zero) for e in basis), zero) for c in basis}
    traces = {e: sum((t * trace[c] for c, t in p.items()), zero) for e, p in reduced.items()}
    return [[traces[_sum(c, e)] for e in basis] for c in basis]


def _shifted(c: Monomial, i: int, by: int) -> Monomial:
    return (*c[:i], c[i] + by, *c[i + 1 :])


def _sum(c: Monomial, e: Monomial) -> Monomial:
    return tuple(s + t for s, t in zip(c, e, strict=True))


def _combined(terms: Iterable[tuple[Scalar, Polynomial]]) -> Polynomial:
    result: Polynomial = {}
    for factor, polynomial in terms:
        for c, value in polynomial.items():
            result[c] = result[c] + factor * value if c in result else factor * value
    return result


def signature(H: Matrix) -> int:
    """Positive minus negative eigenvalues, by congruences; ArithmeticError if balls cannot tell."""
    rows, total = [list(row) for row in H], 0
    while rows:
        n = len(rows)
        pivots = [i for i in range(n) if rows[i][i] != 0]
        if pivots:
            p = max(pivots, key=lambda i: abs(rows[i][i]))
            total += 1 if rows[p][p] > 0 else -1
            rows = _schur_complement(rows, p)
            continue
        pair = next(((i, j) for i in range(n) for j in range(i) if rows[i][j] != 0), None)
        if pair is None:
            if all(t == 0 for row in rows for t in row):
                return total
            raise ArithmeticError("H: found balls too wide for a pivot; raise the precision")
        i, j = pair  # row i += row j and column i += column j make the i-th diagonal entry 2 H_ij
        rows[i] = [s + t for s, t in zip(rows[i], rows[j], strict=True)]
        for row in rows:
            row[i] = row[i] + row[j]
    return total


def _schur_complement(rows: list[list[Scalar]], p: int) -> list[list[Scalar]]:
    """The symmetric matrix that is left when row and column p are eliminated."""
    kept = [i for i in range(len(rows)) if i != p]
    lower = []
    for size, i in enumerate(kept, start=1):
        row = [rows[i][j] for j in kept[:size]]
        factor = rows[i][p] / rows[p][p]
        exactly_zero = factor == 0  # of a ball, "!=" would ask whether 0 is excluded
        if not exactly_zero:
            row = [t - factor * rows[p][j] for t, j in zip(row, kept[:size], strict=True)]
        lower.append(row)
    return [[*row, *(below[i] for below in lower[i + 1 :])] for i, row in enumerate(lower)]
