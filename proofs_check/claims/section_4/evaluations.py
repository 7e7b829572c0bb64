"""Section 4.2: the stationarity equations as evaluations of f and p.

arXiv 2602.08723, section 4.2, and a remark of A.2. For Phi(x) = sum_j a_j c (W_j.x)^alpha the
equations theta = sum_i b_i grad Phi say alpha c a_j f(W_j) = W_j and a_j = c p(W_j); the paper has
c = 1.
"""

from __future__ import annotations

from math import comb

import sympy
from flint import fmpq, fmpq_poly

from proofs_check.docket import Docket
from proofs_check.exact.conditions import (
    POINTS,
    Point,
    identical,
    point_symbols,
    residuals,
    satisfies_kkt,
    stationarity,
)
from proofs_check.exact.exact_kkt import ExactPoint, orthonormal_point
from proofs_check.exact.formulas import Scalar, contraction, dot, exponents, monomials
from proofs_check.exact.one_term import (
    a,
    balances,
    degree,
    derivative_is_evaluation,
    stationary_terms,
    t,
)
from proofs_check.exact.rational import identity, rank
from proofs_check.ledger import ClaimVerdict, Origin, claim

SIZES = ((1, 1, 1), (2, 2, 2), (3, 2, 3))
ALPHAS = range(2, 6)


def derived(alpha: int, c: Scalar) -> list[bool]:
    """Whether theta - sum_i b_i grad Phi, differentiated, is the residual, for all SIZES."""
    points = [point_symbols(*size) for size in SIZES]
    return [
        outcome
        for point in points
        for outcome in identical(residuals(*point, alpha, c), stationarity(*point, alpha, c))
    ]


@claim(
    "eq-4.1",
    where="4.2, eq. (4.1)",
    statement="The KKT equations evaluate f: α a_j f(W_j) = W_j; and a_j = p(W_j).",
    gist="each neuron evaluates the gradient of one form at its own weights",
    recorded=ClaimVerdict.PROVED,
)
def evaluations(docket: Docket) -> None:
    """The gradients of Phi are (W_j.x)^alpha in a_j and alpha a_j (W_j.x)^(alpha-1) x in W_j."""
    docket.general(
        "one sample and one neuron, any degree: the derivatives of b a c t^α in a and, through "
        "t = w.x, in w_k",
        derivative_is_evaluation(),
    )
    docket.example(
        f"θ = sum_i b_i ∇Φ, differentiated, for α = 2..5 and (n, m, d) in {SIZES}",
        [outcome for alpha in ALPHAS for outcome in derived(alpha, 1)],
    )


@claim(
    "zero-output",
    where="A.2, step 1, remark after eq. (A.3)",
    statement="If a_j = 0 then W_j = 0, thus f(W_j) = f(0) = 0 is also known.",
    gist="a neuron with a_j = 0 is 0 and carries no information",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("α >= 2: for α = 1 the value f(0) = sum_i b_i x_i need not vanish",),
)
def zero_output(docket: Docket) -> None:
    """Put a_j = 0 into W_j - alpha a_j f(W_j). Conversely W_j = 0 gives a_j = p(0) = 0.

    A vanishing neuron carries no information: its row of K is zero.
    """
    docket.general(
        "one term of any degree α >= 2: a = 0 removes α a f(W), t = 0 removes p and f",
        [
            stationary_terms()[1].subs(a, 0) == 0,
            stationary_terms()[0].subs(t, 0) == 0,
            stationary_terms(power=degree + 1)[1].subs(t, 0) == 0,
        ],
    )
    for alpha in ALPHAS:
        (out,), (w,), b, x = point = point_symbols(2, 1, 3)
        output, *hidden = residuals(*point, alpha)
        docket.example(
            f"a_j = 0 leaves W_j = 0, W_j = 0 leaves a_j = 0, and f(0) = 0, for α = {alpha}",
            [
                [s.subs(out, 0) for s in hidden] == list(w),
                output.subs(dict.fromkeys(w, 0)) == out,
                contraction(b, x, [0, 0, 0], alpha) == [0, 0, 0],
            ],
        )
    docket.example(
        "α = 1: f(0) = x for one sample x = (1, 2) of weight 1",
        contraction([1], [[1, 2]], [0, 0], 1) == [1, 2],
    )


@claim(
    "dimension",
    where="4.2, display before Theorem 4.1",
    statement="N = C(d+α-2, α-1) is the dimension of the space of homogeneous "
    "polynomials of degree α-1 in d variables; f is d of them, f(w) = A φ(w).",
    gist="N counts the monomials of degree α-1 in d variables",
    recorded=ClaimVerdict.PROVED,
)
def dimension(docket: Docket) -> None:
    """The monomials span by definition; here they are counted and shown to be independent.

    Their values at the points with non-negative integer coordinates of sum alpha-1 form an
    invertible N x N matrix.
    """
    docket.exact(
        "N monomials, and N is the rank of their values at N points, for d = 1..5, α = 2..6",
        [
            len(points) == N == rank([monomials(w, alpha - 1) for w in points])
            for d in range(1, 6)
            for alpha in range(2, 7)
            for N, points in [(comb(d + alpha - 2, alpha - 1), exponents(d, alpha - 1))]
        ],
    )
    docket.symbolic(
        "f has the monomials of φ, (d, α) = (1, 6), (2, 5), (3, 4), (4, 3)",
        [
            set(sympy.Poly(f_k, *w).monoms()) == set(exponents(d, alpha - 1))
            for d, alpha in ((1, 6), (2, 5), (3, 4), (4, 3))
            for (w,), b, x in [point_symbols(2, 1, d)[1:]]
            for f_k in contraction(b, x, w, alpha)
        ],
    )


def balanced(point: ExactPoint, j: int) -> bool:
    """Whether |W_j|^2 = alpha a_j^2 for W_j = s u and a_j = mu |u|^2 s^alpha, s a symbol."""
    alpha, mu, power = point.alpha, point.mu[j], point.power(j)
    norm = fmpq(*dot(point.u[j], point.u[j]).as_integer_ratio())
    s = fmpq_poly([0, 1])
    a = s**alpha * norm * fmpq(*mu.as_integer_ratio())
    length = s ** (2 * (alpha - 1)) - fmpq(*power.as_integer_ratio())
    return (s**2 * norm - alpha * a**2) % length == 0


def half_stationary(point: Point, alpha: int) -> bool:
    """Whether one of the two equations of the only neuron holds, and the norms do not balance."""
    (a,), (w,), _, _ = point
    output, *hidden = residuals(*point, alpha)
    return (output == 0) != (not any(hidden)) and alpha * a**2 != dot(w, w)


@claim(
    "balancedness",
    where="4.2, eq. (4.1)",
    statement="α a_j^2 = |W_j|^2 for each neuron of a KKT point, whatever the data.",
    gist="every neuron of a KKT point has |W_j|^2 = α a_j^2, whatever the data",
    origin=Origin.OURS,
    recorded=ClaimVerdict.PROVED,
    hypotheses=("stationarity in a_j and in W_j",),
)
def balancedness(docket: Docket) -> None:
    """W_j.f(W_j) = p(W_j), so W_j.(its equation) - alpha a_j (that of a_j) has no data in it.

    It is |W_j|^2 - alpha a_j^2, with any leading coefficient c.
    """
    docket.general(
        "one sample and one neuron, any degree: α c a b t^(α-1) (w.x) is α a times c b t^α",
        balances(),
    )
    c = sympy.Symbol("c")
    for alpha in ALPHAS:
        (out,), (w,), _, _ = point = point_symbols(3, 1, 3)
        output, *hidden = residuals(*point, alpha, c)
        docket.example(
            f"the combination of 3 samples' equations is |W_j|^2 - α a_j^2, α = {alpha}",
            identical([dot(w, hidden) - alpha * out * output], [dot(w, w) - alpha * out**2]),
        )
    docket.example(
        "every neuron of KKT points on 3 orthonormal samples, α = 3..6, reduced modulo the "
        "equation of its length",
        [
            point.stationary(j) and balanced(point, j)
            for alpha in range(3, 7)
            for point in [orthonormal_point(identity(3), [1, 1, -1], alpha)]
            for j in range(len(point.u))
        ],
    )
    docket.example(
        "fails where only one of the two equations holds: (2a, W, b/2) and (2^α a, 2W, b) for "
        "KKT points (a, W, b) with α = 2..5; (a, W, 2b) is none, though its margins are 1",
        [
            satisfies_kkt(*point, alpha)
            and not satisfies_kkt([a], [w], [2 * b_i for b_i in b], x, alpha)
            and half_stationary(Point([2 * a], [w], [b_i / 2 for b_i in b], x), alpha)
            and half_stationary(Point([2**alpha * a], [[2 * t for t in w]], b, x), alpha)
            for alpha, point in POINTS.items()
            for (a,), (w,), b, x in [point]
        ],
    )
