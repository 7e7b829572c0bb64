"""Section 4.2: the proof sketch of Theorem 4.1, and the independence that the theorem assumes.

arXiv 2602.08723, section 4.2. The sketch whitens a slice and decomposes T orthogonally; the proof
in A.2 does neither.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product
from math import prod
from typing import Any

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import independent_units, symbolic_samples, vanish
from proofs_check.exact.formulas import Vector, dot, monomials, slice_matrix, tensor
from proofs_check.exact.rational import Rows, identity, multiply, rank, solve
from proofs_check.exact.tensor_pencil import OBLIQUE, RANDOM, SEED, det, gammas, pencil_instances
from proofs_check.ledger import ClaimVerdict, Origin, Severity, claim


def indefinite(alpha: int, x: Rows, b: Vector, v: Vector) -> bool:
    """Whether two independent unit samples have det M(v) < 0, at v and so around it."""
    return independent_units(x) and bool(det(slice_matrix(b, x, v, alpha)) < 0)


def indefinite_everywhere(alpha: int, x: Rows, b: Vector) -> bool:
    """Whether det M(v) = -((x_1.v) (x_2.v) det X)^2 for independent unit samples."""
    v = sympy.symbols("v:2")
    square = (dot(x[0], v) * dot(x[1], v) * det(x)) ** 2
    return indefinite(alpha, x, b, (1, 1)) and vanish(det(slice_matrix(b, x, v, alpha)) + square)


@claim(
    "sketch-whitening",
    where="4.2, proof sketch of Theorem 4.1",
    statement=(
        "For almost every v, the operator sum_i γ_i(v) x_i x_i^T induces a transform Q(v) that "
        "maps the components to an orthonormal set."
    ),
    corrected=(
        "The operator is invertible on the span for almost every v, but Q M(v) Q^T = ±1 has a "
        "real solution only if all γ_i(v) have one sign; then Q makes the |γ_i|^(1/2) x_i "
        "orthonormal. For α odd there is an open set of such v; for α even there is none unless "
        "all b_i have one sign. The pencil of A.2 needs no sign."
    ),
    gist="whitening needs a definite slice; the sketch fails where signs are mixed",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
)
def whitening(docket: Docket) -> None:
    """M(v) = X D X^T has the signature of D (Sylvester), and only a definite M can be whitened.

    With z_i = |gamma_i|^(1/2) Q x_i and one sign, Q M Q^T = +-1 says sum_i z_i z_i^T = 1, so r
    vectors in r dimensions are orthonormal. In both counterexamples det(Q M Q^T) = det(Q)^2 det M
    is negative, while det(+-1) = 1. For alpha odd, x_i.v = b_i makes every gamma_i positive.
    """
    for r, alpha in ((2, 3), (2, 4), (2, 5), (3, 3)):
        b, x = symbolic_samples(r, r)
        v = sympy.symbols(f"v:{r}")
        expected = det(x) ** 2 * prod(gammas(b, x, v, alpha))
        docket.symbolic(
            f"det M(v) = det(X)^2 prod_i γ_i(v), r = d = {r}, α = {alpha}",
            vanish(det(slice_matrix(b, x, v, alpha)) - expected),
        )
    for alpha, b, sign in ((3, (2, -3), 1), (5, (2, -3), 1), (4, (2, 3), 1), (4, (-2, -3), -1)):
        v = [t for (t,) in solve(OBLIQUE, [[b_i] for b_i in b])]
        M = slice_matrix(b, OBLIQUE, v, alpha)
        docket.exact(
            f"{sign:+d} M(v) is positive definite for x_i.v = b_i, b = {b}, α = {alpha}",
            [sign * M[0][0] > 0, bool(det(M) > 0)],
        )
    docket.refute(
        "α = 4, one sample of each class: det M(v) = -(4/5 (x_1.v) (x_2.v))^2, so for almost every "
        "v there is no real Q with Q M(v) Q^T = ±1",
        indefinite_everywhere,
        near={
            "independent samples": {"x": (OBLIQUE[0], OBLIQUE[0])},
            "unit samples": {"x": ((1, 0), (3, 4))},
            "two classes": {"b": (1, 1)},
            "an even degree": {"alpha": 3, "b": (1, 1)},
        },
        alpha=4,
        x=OBLIQUE,
        b=(1, -1),
    )
    docket.refute(
        "α = 3: det M(v) < 0 at v and around it, so there is no such Q on an open set",
        indefinite,
        near={
            "independent samples": {"x": (OBLIQUE[0], OBLIQUE[0])},
            "unit samples": {"x": ((1, 0), (3, 4))},
            "a definite slice": {"b": (1, 1)},
            "another v": {"v": (1, -1)},
        },
        alpha=3,
        x=OBLIQUE,
        b=(1, -1),
        v=(1, 1),
    )


def oblique_slices(alpha: int, x: Rows, b: Vector, u: Vector, v: Vector) -> bool:
    """Whether independent unit samples have slices M(u), M(v) that do not commute."""
    A, B = slice_matrix(b, x, u, alpha), slice_matrix(b, x, v, alpha)
    return independent_units(x) and multiply(A, B) != multiply(B, A)


def weighted_outer(x: Rows, weights: Vector) -> sympy.Matrix:
    """sum_i weights_i x_i x_i^T = X^T diag(weights) X, for samples as rows."""
    X = sympy.Matrix(x)
    return X.T * sympy.diag(*weights) * X


@claim(
    "orthogonal-decomposition",
    where="4.2, Polynomial activation",
    statement="For almost all cases, the tensor T admits a unique orthogonal decomposition.",
    corrected=(
        "T admits a unique decomposition into linearly independent components (A.2, step 2). It "
        "is orthogonal only if the samples are, which almost no samples are."
    ),
    gist="the decomposition is unique, and orthogonal for almost no samples",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
)
def orthogonal(docket: Docket) -> None:
    """In an orthogonal decomposition all slices are diagonal in one basis, so they commute.

    Two samples have [M(u), M(v)] = (g_1 h_2 - g_2 h_1) (x_1.x_2) (x_1 x_2^T - x_2 x_1^T) with
    g_i = gamma_i(u), h_i = gamma_i(v). The first factor is not 0 for almost all u, v by (A.7).
    """
    (first, second), (g, h) = sympy.symbols("g_1 g_2"), sympy.symbols("h_1 h_2")
    _, pair = symbolic_samples(2, 2)
    A, B = (weighted_outer(pair, t) for t in ((first, second), (g, h)))
    plane = sympy.Matrix(pair[0]) * sympy.Matrix([pair[1]])
    docket.general(
        "the commutator of g_1 x_1 x_1^T + g_2 x_2 x_2^T and the same with h, in the plane of two "
        "samples: for every degree, dimension and direction",
        vanish(*(A * B - B * A - (first * h - second * g) * dot(*pair) * (plane - plane.T))),
    )
    for d, alpha in ((2, 3), (2, 4), (2, 5), (3, 3)):
        b, x = symbolic_samples(2, d)
        u, v = sympy.symbols(f"u:{d}"), sympy.symbols(f"v:{d}")
        A, B = (sympy.Matrix(slice_matrix(b, x, w, alpha)) for w in (u, v))
        (g_1, g_2), (h_1, h_2) = gammas(b, x, u, alpha), gammas(b, x, v, alpha)
        outer = sympy.Matrix(x[0]) * sympy.Matrix([x[1]])
        docket.example(
            f"the commutator of two slices, two samples, d = {d}, α = {alpha}",
            vanish(*(A * B - B * A - (g_1 * h_2 - g_2 * h_1) * dot(*x) * (outer - outer.T))),
        )
    found = [
        oblique_slices(case.alpha, x, case.b, *case.v)
        for case in pencil_instances()
        for x in (case.x, case.U)
    ]
    docket.example(
        f"the slices do not commute, and do with orthonormal samples in place of x, {RANDOM}",
        [*found[::2], *(not oblique for oblique in found[1::2])],
        seed=SEED,
    )
    docket.refute(
        "two unit samples with cosine 3/5, α = 3: the slices M(e_1) and M(e_2) do not commute",
        oblique_slices,
        near={
            "independent samples": {"x": (OBLIQUE[0], OBLIQUE[0])},
            "unit samples": {"x": ((1, 0), (3, 4))},
            "samples that are not orthogonal": {"x": ((1, 0), (0, 1))},
            "slices in two directions": {"v": (2, 0)},
        },
        alpha=3,
        x=OBLIQUE,
        b=(1, 1),
        u=(1, 0),
        v=(0, 1),
    )


def powers_independent_in_plane(nodes: Vector) -> bool:
    """Whether the matrix of t_j^e, all e below their number, is Vandermonde's, up to no factor."""
    size = len(nodes)
    matrix: Any = sympy.Matrix(size, size, lambda j, e: nodes[j] ** e)
    difference = prod(nodes[k] - nodes[j] for j, k in combinations(range(size), 2))
    return vanish(matrix.det(method="berkowitz") - difference)


@claim(
    "overcomplete",
    where="4.2, Theorem 4.1",
    statement=(
        "The x_i are assumed independent; without that T need not determine them, not even with "
        "unit norms and all b_i > 0. In the plane n samples of different directions are determined "
        "among all sets of n if 2n <= α + 1, dependent or not: three for α = 5."
    ),
    gist="dependent samples need not be determined by T; few of them still are",
    origin=Origin.OURS,
    recorded=ClaimVerdict.PROVED,
    hypotheses=("none is 0; determined up to sign and scale, as always",),
)
def dependent_samples(docket: Docket) -> None:
    """Cubic forms in the plane have four coefficients, so five cubes are dependent.

    A dependency cut in two is two decompositions of one T. Powers of degree alpha of alpha + 1
    different directions in the plane are independent (Vandermonde), so two sets of n samples with
    one T cannot have 2n <= alpha + 1 directions between them unless they are one set. Five
    directions are needed at alpha = 3, so two samples are determined there, and three are not.
    """
    nodes = sympy.symbols("t_0:6")
    docket.symbolic(
        "α = 5: the determinant of the fifth powers of (1, t_0), ..., (1, t_5) is a product of "
        "binomials and of the differences t_k - t_j, so six directions are independent",
        powers_independent_in_plane(nodes),
    )
    b, x = (14, 14, 35), [(1, 0), (0, -1), (Fraction(3, 5), Fraction(4, 5))]
    fifths = ((3, -4), (4, 3), (4, -3))
    c, u = (5, 35, 5), [(Fraction(p, 5), Fraction(q, 5)) for p, q in fifths]
    docket.exact(
        "α = 3: b = (14, 14, 35) on (1, 0), (0, -1), (3, 4)/5, and (5, 35, 5) on (3, -4)/5, "
        "(4, 3)/5, (4, -3)/5 give every entry of T alike; unit vectors, no two parallel",
        [
            *(tensor(b, x, e) == tensor(c, u, e) for e in product(identity(2), repeat=3)),
            all(dot(x_i, x_i) == 1 for x_i in (*x, *u)),
            all(rank(pair) == 2 for pair in combinations((*x, *u), 2)),
        ],
    )
    _, four = symbolic_samples(4, 2)
    minors = [det(pair) for pair in combinations(four, 2)]
    docket.symbolic(
        "the determinant of four cubes is the product of their 2 x 2 minors (Vandermonde)",
        vanish(det([monomials(x_i, 3) for x_i in four]) - prod(minors)),
    )
