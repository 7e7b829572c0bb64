"""Section A.3: what Assumptions 1 and 2 of Cai et al. say about p_a.

arXiv 2602.08723, section A.3, on arXiv 2502.16075. For f near-M-homogeneous with p = sum_i p_i t^i
Cai et al. set p_a(t) = sum_i (i+1) p_{i+1} t^i / (M-i); |f - f_H| <= p_a(|theta|) follows. Their
strong separability asks for L(theta_s) < exp(-p_a(|theta_s|)) / n at some time s.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy

from proofs_check.claims.appendix_a.euler_defect import defect_sum
from proofs_check.claims.appendix_a.near_homogeneity import SEED, network_instances
from proofs_check.claims.section_4.homogenization import DEGREES, network_symbols, polynomial_output
from proofs_check.docket import Docket
from proofs_check.exact.conditions import vanish
from proofs_check.exact.formulas import Scalar, Vector, network
from proofs_check.ledger import ClaimVerdict, Severity, claim


def induced(p: Sequence[Scalar], M: int) -> list[Scalar]:
    """Coefficients of p_a for p = sum_i p_i t^i of degree at most M."""
    return [(i + 1) * p[i + 1] * Fraction(1, M - i) for i in range(len(p) - 1)]


def proposed(alpha: int, C: Scalar = 1) -> list[Scalar]:
    """p(t) = C (t + t^(alpha+1))."""
    return [0, C, *[0] * (alpha - 1), C]


def grows_like_the_gradient(alpha: int, p: Vector) -> bool:
    """The proposed p, and p_a(x) / x^(M-1) has a limit other than 0."""
    M = alpha + 1
    p_a = induced(p, M)
    return list(p) == proposed(alpha) and len(p_a) == M and p_a[M - 1] != 0


@claim(
    "E10",
    where="A.3, Assumption 1",
    statement="The derived function p_a satisfies p_a(x)/x^{M-1} → 0; Assumption 1 holds with "
    "M = α + 1 by taking p(t) = C(t + t^{α+1}).",
    corrected="p_a(x)/x^M → 0, for this p as for every p of degree at most M: that is what makes "
    "Φ_σ - Φ_H small against Φ_H. p_a(x)/x^{M-1} → 0 asks for deg p < M: it can be met if "
    "c_{α-1} = 0, by p(t) = C(t + t^α), and by no p otherwise.",
    gist="the exponent asked of p_a cannot be met; one more power can",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
    hypotheses=("some sample and parameters have Φ^(α-1) ≠ 0",),
)
def admissible(docket: Docket) -> None:
    """The bound p_a comes from d/dr [f(r theta)/r^M] = (<grad f, .> - M f)(r theta) / r^(M+1).

    This is at most p'(r|theta|) / r^(M+1); integrated from 1 to infinity it gives p_a, of degree
    deg p - 1, whose coefficient of x^(M-1) is M p_M. The paper's p has p_M = C. If c_{alpha-1} is
    not 0, the left side of Assumption 1 grows like r^alpha on a ray, so p' has to, and p_M > 0.
    """
    docket.refute(
        "α = 3, C = 1: p = t + t^4 gives p_a = 1/4 + 4x^3, and p_a(x)/x^3 tends to 4",
        grows_like_the_gradient,
        near={
            "the p that is proposed": {"p": (0, 2, 0, 0, 1)},
            "of degree M": {"p": (0, 1, 0, 1, 0)},
            "for this α": {"alpha": 4},
        },
        alpha=3,
        p=(0, 1, 0, 0, 1),
    )
    t, u = sympy.symbols("t u")
    docket.general(
        "one monomial of p of any degree i + 1 <= M: the integral over r > 1 of (i+1) (rt)^i / "
        "r^(M+1) is (i+1) t^i / (M-i), the term of p_a; for i + 1 = M it is M t^(M-1)",
        integral_of_a_monomial(),
    )
    for alpha in DEGREES:
        s, M = network_symbols(alpha), alpha + 1
        scaled = s.scaled().as_expr()
        moved = s.on_ray()
        at_ray = defect_sum(s.a, s.W, s.x, s.c).subs(moved, simultaneous=True)
        p = sympy.symbols(f"p_0:{M + 1}")
        p_a = sum(coefficient * t**i for i, coefficient in enumerate(induced(p, M)))
        slope = sum(i * p[i] * (t / u) ** (i - 1) for i in range(1, M + 1))
        integrand = slope * u ** (M + 1) * u**-2  # p'(rt) / r^(M+1) dr with r = 1/u, u from 0 to 1
        docket.example(
            f"α = {alpha}: the derivative of Φ_σ(rθ)/r^M; p_a is the integral of p'(rt)/r^(M+1) "
            "over r > 1; it has degree M - 1 and leading coefficient M p_M",
            [
                vanish(s.r ** (M + 1) * sympy.diff(scaled / s.r**M, s.r) - at_ray),
                vanish(sympy.Poly(sympy.expand(integrand), u).integrate().eval(1) - p_a),
                sympy.Poly(p_a, t).degree() == M - 1,
                vanish(sympy.Poly(p_a, t).LC() - M * p[M]),
            ],
        )
        below = network(s.a, s.W, s.x, alpha - 1, s.c[alpha - 1])
        rest = defect_sum(s.a, s.W, s.x, [*s.c[: alpha - 1], 0, s.c[alpha]])
        docket.example(
            f"α = {alpha}: on a ray the left side of Assumption 1 is -c_(α-1) Φ^(α-1) r^α and "
            "lower powers of r; without c_(α-1) it has degree α - 1",
            [
                vanish(sympy.Poly(at_ray, s.r).coeff_monomial(s.r**alpha) + below),
                sympy.Poly(rest.subs(moved, simultaneous=True), s.r).degree() == alpha - 1,
            ],
        )
        flat = [
            one._replace(c=[*one.c[:-2], Fraction(0), one.c[-1]])
            for one in network_instances(alpha)
        ]
        docket.example(
            f"α = {alpha}, random networks: |Φ_σ - Φ_H| <= p_a(|θ|); with c_(α-1) = 0 also for "
            "p = C(t + t^α), whose p' bounds the left side of Assumption 1",
            [
                abs(polynomial_output(one.a, one.W, one.x, [*one.c[:-1], 0]))
                <= value(induced(p, M), one.norm)
                for degree, networks in ((alpha, network_instances(alpha)), (alpha - 1, flat))
                for one in networks
                for p in [proposed(degree, one.constant)]
            ]
            + [
                abs(defect_sum(one.a, one.W, one.x, one.c)) <= value(slope, one.norm)
                for one in flat
                for p in [proposed(alpha - 1, one.constant)]
                for slope in [[i * p_i for i, p_i in enumerate(p)][1:]]
            ],
            seed=SEED,
        )


def integral_of_a_monomial() -> list[bool]:
    """With r = 1/u the integrand is (i+1) t^i u^(m-1), m = M - i, and its integral that of p_a."""
    i, m, t, u = sympy.symbols("i m t u", positive=True)
    integrand = (i + 1) * (t / u) ** i * u ** (m + i + 1) * u**-2
    whole = (i + 1) * t**i / m * u**m
    return [
        sympy.simplify(sympy.powsimp(integrand - sympy.diff(whole, u), force=True)) == 0,
        whole.subs(u, 0) == 0,
        sympy.simplify(whole.subs({u: 1, m: 1}) - (i + 1) * t**i) == 0,
        induced([0, 0, 0, 0, 1], 4) == [0, 0, 0, 4],
        induced([0, 0, 0, 1], 4) == [0, 0, Fraction(3, 2)],
    ]


def value(polynomial: Vector, t: Scalar) -> Scalar:
    """sum_i polynomial_i t^i."""
    return sum(coefficient * t**i for i, coefficient in enumerate(polynomial))


def never_separates(alpha: int, x: Scalar, y: int, a: Scalar, w: Scalar) -> bool:
    """Whether a neuron (a, w) starts, and stays, wrong at a sample that Phi_H can separate."""
    # alpha a^2 - w^2 > 0 is conserved and keeps the sign of a, so y Phi < 0 and L > 1 >= exp(-p_a)
    separates = y * network([y], [[1]], [x], alpha) > 0
    return separates and alpha % 2 == 0 and y * a < 0 and alpha * a**2 > w**2


@claim(
    "A.12",
    where="A.3, eq. (A.12)",
    statement="min_i y_i Φ_σ(θ; x_i) >= log 1/(nL(θ)), thus (A.12) is equivalent to "
    "log 1/(nL(θ_s)) > p_a(|θ_s|). Assumption 2 is ensured when Φ_H can separate the data with "
    "positive margin or the dynamics drives L(θ_t) sufficiently small.",
    corrected="The inequality and the equivalence hold. If Φ_H separates the data at θ with a "
    "positive margin, (A.12) holds at rθ for all large r; that gradient flow comes to such a θ_s "
    "is a further assumption, which separability does not ensure.",
    gist="that Φ_H separates the data does not bring gradient flow there",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
    hypotheses=("exponential loss (A.10)", "p >= 0 on t >= 0, so that p_a >= 0"),
)
def separability(docket: Docket) -> None:
    """The sum n L = sum_i exp(-m_i) is at least exp(-min_i m_i).

    On a ray the margins are at least r^M gamma - p_a(r|theta|), and p_a(r|theta|) = O(r^(M-1)).
    Counterexample: for Phi = a w^alpha x^alpha, alpha even, gradient flow keeps alpha a^2 - w^2. If
    that is positive a cannot pass 0: started with the wrong sign it keeps it, and L > 1 for ever.
    """
    docket.refute(
        "α = 4, x = y = 1, start a = -1, w = 1: 4a^2 - w^2 = 3 along gradient flow, so a < 0 and "
        "L > 1 >= exp(-p_a) at all times, although a = w = 1 has margin 1",
        never_separates,
        near={
            "an even degree": {"alpha": 3},
            "a of the wrong sign": {"a": 1},
            "4a^2 > w^2": {"w": 2},
            "Φ_H can separate": {"x": 0},
        },
        alpha=4,
        x=1,
        y=1,
        a=-1,
        w=1,
    )
    docket.exact(
        "the argument needs a of the wrong sign, 4a^2 > w^2 and an even degree",
        [
            not never_separates(alpha, 1, 1, a, w)
            for alpha, a, w in ((4, 1, 1), (4, -1, 2), (3, -1, 1))
        ],
    )
    e = sympy.symbols("e_1:6", positive=True)
    n, L, p_a = sympy.symbols("n L p_a", positive=True)
    bound = sympy.log(1 / (n * L))
    docket.symbolic(
        "n = 1..5 with e_i = exp(-m_i): nL exceeds each e_i by the sum of the others; "
        "exp(-log 1/(nL)) = nL; both sides of (A.12) become those of the other form",
        [
            vanish(sum(e[:size]) - e[i] - others) and others.is_nonnegative is True
            for size in range(1, 6)
            for i in range(size)
            for others in [sympy.Add(*(t for t in e[:size] if t != e[i]))]
        ]
        + [
            sympy.simplify(sympy.exp(-bound) - n * L) == 0,
            sympy.simplify(-sympy.log(n * (sympy.exp(-p_a) / n)) - p_a) == 0,
        ],
    )
    r, t, C, gamma = sympy.symbols("r t C gamma", positive=True)
    for alpha in DEGREES:
        M = alpha + 1
        p_a_ray = value(induced(proposed(alpha, C), M), r * t)
        a, w, x = sympy.symbols("a w x")
        phi = network([a], [[w]], [x], alpha)
        docket.symbolic(
            f"α = {alpha}: r^M γ - 2p_a(r|θ|) has leading term γ r^M; αa^2 - w^2 is kept by "
            "gradient flow of any loss of Φ = a(wx)^α",
            [
                sympy.Poly(gamma * r**M - 2 * p_a_ray, r).LC() == gamma,
                vanish(2 * alpha * a * sympy.diff(phi, a) - 2 * w * sympy.diff(phi, w)),
            ],
        )
