"""A.2, step 1: from the values f(W_j) to f.

arXiv 2602.08723, A.2. V has the rows phi(W_j), the monomials of degree alpha-1, and F = V A^T has
the rows f(W_j). D is the diagonal matrix of the multinomial coefficients of the monomials.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import POINTS, identical, satisfies_kkt
from proofs_check.exact.exact_kkt import orthonormal_point
from proofs_check.exact.feature_matrix import (
    SIZES,
    enough,
    features,
    left_inverse,
    samples,
    too_few,
    weights,
)
from proofs_check.exact.formulas import (
    Matrix,
    Scalar,
    Vector,
    combine,
    contraction,
    dot,
    exponents,
    gram,
    multinomial,
)
from proofs_check.exact.rational import (
    Rows,
    identity,
    multiply,
    nullspace,
    pseudo_inverse,
    rank,
    transpose,
)
from proofs_check.ledger import ClaimVerdict, Severity, claim


@claim(
    "E5",
    where="A.2, step 1, third display after eq. (A.5)",
    statement="By construction of the polynomial kernel, K = V V^T with the standard monomials.",
    corrected="K = V D V^T with D = diag(multinomial coefficients); still rank(K) = rank(V).",
    gist="K is V D V^T with multinomial D, not V V^T",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
)
def kernel_of_monomials(docket: Docket) -> None:
    """(u.w)^(alpha-1) is the sum over the monomials u^e w^e with their multinomial coefficients.

    All of these are 1 only for alpha = 2 or d = 1. They are positive, so K = (V D^1/2)(V D^1/2)^T
    has the rank of V D^1/2, which is that of V.
    """
    for alpha in range(2, 7):
        identities = []
        for d in range(1, 5):
            u, w = sympy.symbols(f"u:{d}"), sympy.symbols(f"w:{d}")
            products = [s * t for s, t in zip(*features((u, w), alpha), strict=True)]
            weighted = dot(products, [multinomial(e) for e in exponents(d, alpha - 1)])
            kernel = gram((u, w), alpha)[0][1]
            identities.append(identical([kernel, kernel], [weighted, sum(products)]))
        docket.symbolic(
            f"K = V D V^T for α = {alpha} and d = 1..4; without D for d = 1 or α = 2 only",
            [
                outcome == [True, d == 1 or alpha == 2]
                for d, outcome in enumerate(identities, start=1)
            ],
        )
    docket.exact(
        f"rank K = rank V for (d, α) in {SIZES}, with m > N points of rank N, with repeated "
        "points of rank N - 1, and with points on a hyperplane",
        [
            rank(gram(W, alpha)) == rank(features(W, alpha)) == expected
            for d, alpha in SIZES
            for N in [comb(d + alpha - 2, alpha - 1)]
            for W, expected in (
                (enough(d, alpha), N),
                (too_few(d, alpha), N - 1),
                ([(*w, 0) for w in enough(d, alpha)], N),
            )
            if expected
        ],
    )
    docket.refute(
        "one neuron: K = (W.W)^2 = 4, V V^T = 1 + 1 + 1 = 3",
        lambda W, alpha: gram(W, alpha) != [[dot(v, v)] for v in features(W, alpha)],
        near={"a degree above 2": {"alpha": 2}, "two variables": {"W": ((2,),)}},
        W=((1, 1),),
        alpha=3,
    )


def wrong_inverse(W: Rows, alpha: int) -> bool:
    """Whether V has full column rank and V^T K^+ is not V^+."""
    V = features(W, alpha)
    written = multiply(transpose(V), pseudo_inverse(gram(W, alpha)))
    return nullspace(V) == [] and written != left_inverse(V)


@claim(
    "pseudo-inverse",
    where="A.2, step 1, display of the pseudo-inverse",
    statement="Since V has full column rank, V^+ = V^T (V V^T)^+ = V^T K^+, and A^T = V^T K^+ F.",
    corrected="V^+ = V^T (V V^T)^+ = D V^T K^+, and A^T = D V^T K^+ F. V^T K^+ F is D^-1 A^T.",
    gist="the same D is missing from the pseudo-inverse",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
    hypotheses=("V has full column rank, for the second equality",),
)
def pseudo_inverse_of_v(docket: Docket) -> None:
    """The first equality holds for any V. For full column rank (V D V^T)^+ = V^+T D^-1 V^+.

    Then D V^T K^+ = D (V^+ V)^T D^-1 V^+ = V^+, as V^+ V = 1.
    """
    for d, alpha in SIZES:
        D = weights(d, alpha)
        outcomes = []
        for W in (exponents(d, alpha - 1), enough(d, alpha)):
            V = features(W, alpha)
            plain = multiply(V, transpose(V))
            written = multiply(transpose(V), pseudo_inverse(gram(W, alpha)))
            outcomes += [
                multiply(transpose(V), pseudo_inverse(plain)) == left_inverse(V),
                multiply(D, written) == left_inverse(V),
                wrong_inverse(W, alpha) == (identity(len(D)) != D),
            ]
        docket.exact(
            f"both equalities for d = {d}, α = {alpha}, m = N and m > N; V^T K^+ is V^+ "
            "only if D = 1",
            outcomes,
        )
    W, D = too_few(2, 3), weights(2, 3)
    V, K = features(W, 3), gram(W, 3)
    docket.exact(
        "without full column rank, d = 2, α = 3, rank V = 2: V^+ is V^T (V V^T)^+ still, not "
        "D V^T K^+",
        [
            multiply(transpose(V), pseudo_inverse(multiply(V, transpose(V)))) == pseudo_inverse(V),
            multiply(D, transpose(V), pseudo_inverse(K)) != pseudo_inverse(V),
        ],
    )
    docket.refute(
        "three neurons in the plane, α = 3, V is 3 x 3 and invertible",
        wrong_inverse,
        near={
            "V of full column rank": {"W": ((1, 0), (0, 1), (1, 0))},
            "a degree above 2": {"alpha": 2},
        },
        W=((1, 0), (0, 1), (1, 1)),
        alpha=3,
    )


def interpolant(W: Matrix, F: Rows, w: Vector, alpha: int) -> list[Scalar]:
    """F^T K^+ k(w)."""
    C = multiply(pseudo_inverse(gram(W, alpha)), F)
    return combine([dot(W_p, w) ** (alpha - 1) for W_p in W], C)


ONE_NEURON = POINTS[3]


THIRDS = [[Fraction(t, 3) for t in row] for row in ((-1, 2, 2), (2, -1, 2), (2, 2, -1))]
"""W = (1, 1, 1) is a KKT point for e_1, e_2, e_3 and for these rows, of norm 1, with b_i = 1/3."""


@claim(
    "kernel-interpolant",
    where="A.2, step 1, display of f",
    statement="f(w) = F^T K^+ k(w).",
    gist="the kernel formula for f is right",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("rank(K) = N",),
)
def kernel_interpolant(docket: Docket) -> None:
    """F = V A^T and k(w) = V D phi(w), so F^T K^+ k(w) = A (V^T K^+ V D) phi(w).

    For full column rank V^T K^+ = D^-1 V^+, hence the matrix in brackets is 1. The paper leaves D
    out twice, in K and in k(w), and arrives at the right formula.
    """
    docket.exact(
        f"V^T K^+ V D = 1 for (d, α) in {SIZES}, m > N",
        [
            multiply(transpose(V), pseudo_inverse(gram(W, alpha)), V, weights(d, alpha))
            == identity(len(V[0]))
            for d, alpha in SIZES
            for W in [enough(d, alpha)]
            for V in [features(W, alpha)]
        ],
    )
    for d, alpha in ((2, 3), (2, 5), (3, 3), (3, 4)):
        (b, x), W = samples(d), enough(d, alpha)
        w = sympy.symbols(f"w:{d}")
        F = [contraction(b, x, W_j, alpha) for W_j in W]
        docket.symbolic(
            f"F^T K^+ k(w) - f(w) = 0 as a polynomial in w, d = {d}, α = {alpha}, m > N",
            identical(interpolant(W, F, w, alpha), contraction(b, x, w, alpha)),
        )
    for labels, alpha in (((1, -1), 3), ((1, -1, 1), 3), ((1, 1), 4)):
        d = len(labels)
        point = orthonormal_point(identity(d), labels, alpha)
        w = sympy.symbols(f"w:{d}")
        F = [point.known_value(j) for j in range(len(point.u))]
        f = contraction(labels, point.x, w, alpha)
        docket.symbolic(
            f"the same with the values f(W_j) that (A.3) reads off a KKT point, α = {alpha}, "
            f"labels {labels}",
            [point.kkt(), *identical(interpolant(point.u, F, w, alpha), f)],
        )
    a, W, b, x = ONE_NEURON
    first, second = ([contraction(b, z, w, 3) for w in (W[0], (1, 0, 0))] for z in (x, THIRDS))
    docket.exact(
        "for rank K = 1 < N = 6 two sets of unit samples of one KKT point, α = 3, d = 3, have "
        "one value f(W_1) and different f",
        [
            rank(gram(W, 3)) == 1 < comb(3 + 3 - 2, 3 - 1),
            satisfies_kkt(a, W, b, x, 3) and satisfies_kkt(a, W, b, THIRDS, 3),
            all(dot(z, z) == 1 for z in (*x, *THIRDS)),
            first[0] == second[0] and first[1] != second[1],
        ],
    )
