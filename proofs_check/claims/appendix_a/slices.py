"""A.2, step 2: slices of the tensor.

arXiv 2602.08723, A.2, eqs. (A.6) to (A.8): M(v) = T(., ., v, ..., v) = X D X^T, and its reduction
to the span of the samples.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, permutations, product
from math import prod

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import symbolic_samples, vanish
from proofs_check.exact.formulas import Matrix, Scalar, combine, contraction, dot, slice_matrix
from proofs_check.exact.one_term import slice_entry
from proofs_check.exact.rational import identity, multiply, nullspace, rank, transpose
from proofs_check.exact.tensor_pencil import (
    OBLIQUE,
    RANDOM,
    SEED,
    coincidence,
    gammas,
    pencil_instances,
)
from proofs_check.ledger import ClaimVerdict, claim


@claim(
    "slice-factorisation",
    where="A.2, step 2, eq. (A.6)",
    statement=(
        "M(v) = T(., ., v, ..., v) = sum_i γ_i(v) x_i x_i^T = X D X^T with "
        "γ_i(v) = b_i (x_i.v)^(α-2), and Df(v) is of this form."
    ),
    gist="a slice of T is X D X^T",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("Df(v) = (α-1) M(v), which the sketch leaves at a factor",),
)
def factorisation(docket: Docket) -> None:
    """The entries of T = sum_i b_i x_i^{⊗alpha} are contracted index by index."""
    docket.general(
        "one sample, any degree: contracting b x_j x_k x_.. ... with v leaves b t^(α-2) x_j x_k, "
        "and the derivative of f_j is (α-1) times that",
        slice_entry(),
    )
    for n, d, alpha in ((2, 2, 3), (2, 2, 4), (2, 2, 5), (3, 2, 3), (2, 3, 3), (2, 3, 4)):
        b, x = symbolic_samples(n, d)
        v = sympy.symbols(f"v:{d}")
        entries = {
            index: sum(b_i * prod(x_i[k] for k in index) for b_i, x_i in zip(b, x, strict=True))
            for index in product(range(d), repeat=alpha)
        }
        contracted = [[0 * v[0]] * d for _ in range(d)]
        for (j, k, *rest), entry in entries.items():
            contracted[j][k] += entry * prod(v[index] for index in rest)
        X = sympy.Matrix(x).T
        factored = X * sympy.diag(*gammas(b, x, v, alpha)) * X.T
        f = contraction(b, x, v, alpha)
        docket.example(
            f"every entry of M(v), X D X^T and Df(v) / (α-1), {n} samples, d = {d}, α = {alpha}",
            [
                vanish(
                    contracted[j][k] - slice_matrix(b, x, v, alpha)[j][k],
                    contracted[j][k] - factored[j, k],
                    contracted[j][k] * (alpha - 1) - sympy.diff(f[j], v[k]),
                )
                for j, k in product(range(d), repeat=2)
            ],
        )


def wedge(x: Matrix) -> Scalar:
    """The sum of the squared 2 x 2 minors of two samples, 0 only if they are parallel."""
    pairs = combinations(zip(*x, strict=True), 2)
    return sum((p * t - q * s) ** 2 for (p, q), (s, t) in pairs)


def separating(x: Matrix) -> list[list[Scalar]]:
    """v_1 orthogonal to x_1 but not to x_2, and v_2 = x_1."""
    return [combine([-dot(*x), dot(x[0], x[0])], x), list(x[0])]


@claim(
    "A.7",
    where="A.2, step 2, eq. (A.7)",
    statement=(
        "For linearly independent x_i and v_1, v_2 from any absolutely continuous distribution, "
        "(A.7) holds almost surely: x_i.v_l ≠ 0, and the γ_i(v_2) / γ_i(v_1) are distinct."
    ),
    gist="two random slices tell the samples apart, almost surely",
    recorded=ClaimVerdict.PROVED,
    hypotheses=(
        "α >= 3",
        "no x_i is 0 and no two are parallel; independence and unit norms are not needed",
    ),
)
def almost_surely(docket: Docket) -> None:
    """The zeros of a polynomial that is not 0 have measure 0, so one v_1, v_2 without them do.

    x_i.v is such a polynomial for x_i != 0. For a pair take v_2 = x_1 and for v_1 the part of x_2
    orthogonal to x_1: the value is a power of |x_1|^2 (|x_1|^2 |x_2|^2 - (x_1.x_2)^2), where the
    bracket is the sum of the squared minors of (x_1, x_2).
    """
    c = sympy.Symbol("c")
    for d in (2, 3, 4):
        _, x = symbolic_samples(2, d)
        u, v = separating(x)
        docket.symbolic(
            "x_1.v_1 = 0 and (x_2.v_1) (x_1.v_2) = |x_1|^2 s, s the sum of the squared minors, "
            f"d = {d}",
            vanish(dot(x[0], u), dot(x[1], u) * dot(x[0], v) - dot(x[0], x[0]) * wedge(x)),
        )
        parallel, v = [x[0], [c * t for t in x[0]]], [sympy.symbols(f"{s}:{d}") for s in "uv"]
        docket.symbolic(
            f"the polynomial is 0 for α = 2, and for parallel samples if α = 3..6, d = {d}",
            [
                vanish(coincidence(x, v, 2)),
                *(vanish(coincidence(parallel, v, alpha)) for alpha in (3, 4, 5, 6)),
            ],
        )
    flat = [(1, 0), (0, 2), (1, 1), (-3, 5), (Fraction(3, 5), Fraction(4, 5))]
    space = [(1, 0, 0), (1, 2, 0), (1, 1, 3)]
    docket.exact(
        "the value at that v_1, v_2 is (|x_1|^2 s)^(α-2) and not 0, for pairs of dependent samples "
        "in the plane and of samples in R^3, not unit, α = 3..6",
        [
            coincidence(pair, separating(pair), alpha)
            == (dot(pair[0], pair[0]) * wedge(pair)) ** (alpha - 2)
            != 0
            for x in (flat, space)
            for pair in permutations(x, 2)
            for alpha in (3, 4, 5, 6)
        ],
    )
    docket.exact(
        "exceptions exist: v_2 = 2 v_1 for α = 3..6; for even α also a reflected v_2",
        [coincidence(OBLIQUE, [(1, 2), (2, 4)], alpha) == 0 for alpha in (3, 4, 5, 6)]
        + [
            (coincidence([(1, 0), (0, 1)], [(1, 2), (1, -2)], alpha) == 0) == (alpha % 2 == 0)
            for alpha in (3, 4, 5, 6)
        ],
    )


@claim(
    "A.8",
    where="A.2, step 2, eq. (A.8)",
    statement="range(A) = span{x_i}, and Ā = U^T A U = G D_1 G^T is invertible, as is G = U^T X.",
    gist="slices reduce to the span of the samples",
    recorded=ClaimVerdict.PROVED,
    hypotheses=(
        "the x_i are linearly independent and every x_i.v_1 is not 0",
        "U is an orthonormal basis of span{x_i}",
    ),
)
def reduced_slices(docket: Docket) -> None:
    """X = U G for a basis U, so rank G = rank X = r; A = X D_1 X^T with D_1 and X of rank r."""
    X, D, basis = sympy.symbols("X D U", commutative=False)
    turned, columns = sympy.symbols("U^T X^T", commutative=False)
    docket.general(
        "U^T (X D X^T) U = (U^T X) D (X^T U) for matrices of any size",
        sympy.expand(turned * (X * D * columns) * basis - (turned * X) * D * (columns * basis))
        == 0,
    )
    for r, d, alpha in ((2, 3, 3), (2, 3, 4), (2, 2, 5)):
        b, x = symbolic_samples(r, d)
        v = sympy.symbols(f"v:{d}")
        U = sympy.Matrix(r, d, sympy.symbols(f"U:{r * d}"))
        G, D = U * sympy.Matrix(x).T, sympy.diag(*gammas(b, x, v, alpha))
        docket.example(
            f"U^T M(v) U = G D G^T for every U, r = {r}, d = {d}, α = {alpha}",
            vanish(*(U * sympy.Matrix(slice_matrix(b, x, v, alpha)) * U.T - G * D * G.T)),
        )
    outcomes = []
    for case in pencil_instances():
        A = slice_matrix(case.b, case.x, case.v[0], case.alpha)
        orthogonal = nullspace([case.x[0]])[0]  # to one of the samples
        deficient = slice_matrix(case.b, case.x, orthogonal, case.alpha)
        r = len(case.x)
        G = multiply(case.U, transpose(case.x))
        outcomes.append(
            multiply(case.U, transpose(case.U)) == identity(r)
            and rank(A) == rank(case.x) == rank([*A, *case.x]) == r
            and rank(G) == rank(multiply(case.U, A, transpose(case.U))) == r
            and rank(deficient) < r
        )
    docket.example(
        f"ranges and ranks, and a v_1 orthogonal to one sample where the rank is less, {RANDOM}",
        outcomes,
        seed=SEED,
    )
    docket.example(
        "necessary: three samples in the plane have rank(A) = 2; a U that does not span makes Ā 0",
        [
            rank(slice_matrix((1, 1, 1), [*OBLIQUE, (0, 1)], (1, 2), 3)) == 2,
            multiply([[0, 1]], slice_matrix((1,), [(1, 0)], (1, 2), 3), [[0], [1]]) == [[0]],
        ],
    )
