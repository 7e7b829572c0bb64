"""Section A.3: the bounds that make a polynomial network near-homogeneous.

arXiv 2602.08723, section A.3, Assumptions 1 and 3. In Definition 1 of Cai et al. (arXiv 2502.16075)
f is near-M-homogeneous if there are polynomials p, q of degree at most M with
|<grad f, theta> - M f| <= p'(|theta|), |grad f| <= q'(|theta|), |f| <= q(|theta|).
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import NamedTuple

import numpy as np
import sympy

from proofs_check.claims.appendix_a.euler_defect import defect_sum
from proofs_check.claims.section_4.homogenization import DEGREES, network_symbols, polynomial_output
from proofs_check.docket import Docket
from proofs_check.exact.conditions import vanish
from proofs_check.exact.formulas import Matrix, Scalar, Vector, dot, network
from proofs_check.exact.one_term import ray_gradient
from proofs_check.ledger import ClaimVerdict, claim

SEED = 0
INSTANCES = 30


def gradient_square(a: Vector, W: Matrix, x: Vector, c: Vector) -> Scalar:
    """|grad Phi_sigma|^2 = sum_j sigma(w_j.x)^2 + a_j^2 sigma'(w_j.x)^2 |x|^2."""
    slopes = [k * c_k for k, c_k in enumerate(c)][1:]
    by_a = [polynomial_output([1], [w_j], x, c) for w_j in W]
    by_w = [polynomial_output([a_j], [w_j], x, slopes) for a_j, w_j in zip(a, W, strict=True)]
    return sum(t**2 for t in by_a) + sum(t**2 for t in by_w) * dot(x, x)


class Instance(NamedTuple):
    """A rational network with a square number of neurons, and a sample of rational norm R."""

    a: list[Fraction]
    W: list[list[Fraction]]
    x: list[Fraction]
    c: list[Fraction]
    R: Fraction

    @property
    def squares(self) -> tuple[Fraction, Fraction]:
        """|a|^2 and |W|^2."""
        return dot(self.a, self.a), sum((dot(w, w) for w in self.W), start=Fraction(0))

    @property
    def norm(self) -> Fraction:
        """A rational number not above |theta|, by less than 1/1000."""
        return Fraction(isqrt(int(sum(self.squares) * 10**6)), 10**3)

    @property
    def constant(self) -> Fraction:
        """C(alpha, c, R, m) of the three bounds: sum_k max(k, alpha-k) |c_k| B_k."""
        alpha = len(self.c) - 1
        B = bounds(self.R, len(self.a), alpha)
        terms = [max(k, alpha - k) * abs(c_k) * B[k] for k, c_k in enumerate(self.c)]
        return sum(terms, start=Fraction(0))


def bounds(R: Fraction, m: int, alpha: int) -> list[Fraction]:
    """B_k with |Phi^(k)| <= B_k |theta|^(k+1): R^k, and sqrt(m) for k = 0."""
    return [Fraction(isqrt(m)), *(R**k for k in range(1, alpha + 1))]


def network_instances(alpha: int) -> list[Instance]:
    """Seeded networks of 1, 4 and 9 neurons in three dimensions, with large and small weights."""
    rng = np.random.default_rng(SEED)
    found = []
    for index in range(INSTANCES):
        m, size = (1, 4, 9)[index % 3], (Fraction(1, 20), Fraction(1), Fraction(9))[index // 3 % 3]
        pairs = rng.integers((-9, 1), 10, (4 * m + alpha + 1, 2)).tolist()
        draw = [Fraction(p, q) for p, q in pairs]
        W = [[size * t for t in draw[k : k + 3]] for k in range(m, 4 * m, 3)]
        R = Fraction(index + 1, 10)
        x = [R * Fraction(3, 5), Fraction(0), R * Fraction(-4, 5)]
        found.append(Instance([size * t for t in draw[:m]], W, x, draw[4 * m :], R))
    return found


def aligned(R: Fraction) -> Instance:
    """One neuron along x."""
    return Instance([Fraction(2)], [[3 * R, Fraction(0)]], [R, Fraction(0)], [Fraction(1)], R)


def unit(k: int, alpha: int) -> list[int]:
    """Coefficients of t^k."""
    return [int(j == k) for j in range(alpha + 1)]


def part_bounds(one: Instance, k: int) -> tuple[Fraction, Fraction]:
    """Bounds on |Phi^(k)|^2 and |grad Phi^(k)|^2."""
    square_a, square_W = one.squares
    if k == 0:
        return len(one.a) * square_a, Fraction(len(one.a))
    common = one.R ** (2 * k) * square_W ** (k - 1)
    return common * square_a * square_W, common * (square_W + k**2 * square_a)


def part_squares(one: Instance, k: int) -> tuple[Fraction, Fraction]:
    """|Phi^(k)|^2 and |grad Phi^(k)|^2."""
    value = network(one.a, one.W, one.x, k)
    return value**2, gradient_square(one.a, one.W, one.x, unit(k, k))


@claim(
    "near-homogeneity-bound",
    where="A.3, last three displays of Assumption 1",
    statement="With C = C(α, {c_k}, R, m): |<∇Φ_σ, θ> - (α+1)Φ_σ| <= C(1 + |θ|^α), "
    "|∇Φ_σ| <= C(1 + |θ|^α), |Φ_σ| <= C(1 + |θ|^{α+1}), so Assumption 1 holds with "
    "p(t) = C(t + t^{α+1}) and q(t) = C(1 + t + t^{α+1}).",
    gist="the three growth bounds of Assumption 1",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("|x| <= R", "of Assumption 1, the three inequalities; for p_a see E10"),
)
def near_homogeneity(docket: Docket) -> None:
    """C = sum_k max(k, alpha-k) |c_k| B_k with B_k = R^k, B_0 = sqrt(m).

    By Cauchy-Schwarz |Phi^(k)| <= R^k |a| |W|^k for k >= 1 (sum_j |w_j|^(2k) <= |W|^(2k)) and
    |Phi^(0)| <= sqrt(m) |a|; likewise |grad Phi^(k)|^2 <= R^(2k) |W|^(2k-2) (|W|^2 + k^2 |a|^2), so
    with t = |theta| they are at most B_k t^(k+1) and max(k, 1) B_k t^k. Both powers of t are at
    most 1 + t^alpha where alpha is allowed, and 1 + t^(alpha+1) in the last bound.
    """
    docket.general(
        "any degree, width and dimension: Cauchy-Schwarz, a pair of coordinates; u^k + v^k <= "
        "(u + v)^k; |W|^2 + k^2 |a|^2 <= k^2 |θ|^2; t^j <= 1 + t^α for 0 <= j <= α",
        growth_identities(),
    )
    s = network_symbols(3)
    f = polynomial_output(s.a, s.W, s.x, s.c)
    docket.example(
        "α = 3, two neurons in the plane: the formula for |∇Φ_σ|^2 that is used, differentiated",
        vanish(sum(sympy.diff(f, t) ** 2 for t in s.theta) - gradient_square(s.a, s.W, s.x, s.c)),
    )
    for alpha in DEGREES:
        found, M = network_instances(alpha), alpha + 1
        docket.example(
            f"α = {alpha}, random networks: |Φ^(k)|^2 and |∇Φ^(k)|^2 are at most "
            "R^(2k)|a|^2|W|^(2k) and R^(2k)|W|^(2k-2)(|W|^2 + k^2|a|^2), for k = 0 m|a|^2 and m",
            [
                value <= bound
                for one in found
                for k in range(M)
                for value, bound in zip(part_squares(one, k), part_bounds(one, k), strict=True)
            ],
            seed=SEED,
        )
        docket.example(
            f"α = {alpha}, one neuron along x with |x| = R: equality; with |x| = 2R they fail",
            [
                part_squares(aligned(R), k) == part_bounds(aligned(R), k)
                and (k == 0 or part_squares(wide, k)[0] > part_bounds(wide, k)[0])
                for R in (Fraction(1, 3), Fraction(5, 2))
                for wide in [aligned(R)._replace(x=[2 * R, Fraction(0)])]
                for k in range(M)
            ],
        )
        docket.example(
            f"α = {alpha}: the number used for |θ| is not above it, by less than 1/1000",
            [
                one.norm**2 <= sum(one.squares) < (one.norm + Fraction(1, 1000)) ** 2
                for one in found
            ],
            seed=SEED,
        )
        docket.example(
            f"α = {alpha}, random networks: the three inequalities, C = sum max(k, α-k)|c_k|B_k",
            [
                abs(defect_sum(one.a, one.W, one.x, one.c)) <= C * (1 + t**alpha)
                and gradient_square(one.a, one.W, one.x, one.c) <= (C * (1 + t**alpha)) ** 2
                and abs(polynomial_output(one.a, one.W, one.x, one.c)) <= C * (1 + t**M)
                for one in found
                for C, t in [(one.constant, one.norm)]
            ],
            seed=SEED,
        )
        docket.example(
            f"α = {alpha}, σ = t^k: C is the largest of the factors (α-k)B_k, max(k, 1)B_k and B_k",
            [
                one._replace(c=[Fraction(t) for t in unit(k, alpha)]).constant ** 2
                == max(alpha - k, k, 1) ** 2 * (one.R ** (2 * k) if k else len(one.a))
                for one in found
                for k in range(M)
            ],
            seed=SEED,
        )
        t, C = sympy.symbols("t C", positive=True)
        p, q = C * (t + t**M), C * (1 + t + t**M)
        docket.example(
            f"α = {alpha}: p' and q' exceed C(1 + t^α), and q exceeds C(1 + t^(α+1)), by a "
            "positive term each; p and q have degree M",
            [
                vanish(sympy.diff(p, t) - C * (1 + t**alpha) - alpha * C * t**alpha),
                vanish(sympy.diff(q, t) - C * (1 + t**alpha) - alpha * C * t**alpha),
                vanish(q - C * (1 + t**M) - C * t),
                sympy.degree(p, t) == sympy.degree(q, t) == M,
            ],
        )


def growth_identities() -> list[bool]:
    """What the argument adds up, each with its parameters as symbols; k, u, v, t > 0, j <= alpha.

    Returns:
        |w|^2 |x|^2 - (w.x)^2 is a sum of squares; (u+v)^k - u^k - v^k is 0 at v = 0 and grows, as
        its derivative is k times (u+v)^(k-1) - v^(k-1); k^2 - 1 is left over; and t^alpha - t^j
        has the sign of t - 1.
    """
    (w, v_), (x, y) = sympy.symbols("w_1 w_2"), sympy.symbols("x_1 x_2")
    k, u, v, t, j, rest = sympy.symbols("k u v t j m", positive=True)
    sum_of_powers = (u + v) ** k - u**k - v**k
    slope = k * ((u + v) ** (k - 1) - v ** (k - 1))
    return [
        vanish((w**2 + v_**2) * (x**2 + y**2) - (w * x + v_ * y) ** 2 - (w * y - v_ * x) ** 2),
        sum_of_powers.subs(v, 0) == 0,
        sympy.simplify(sympy.diff(sum_of_powers, v) - slope) == 0,
        vanish(k**2 * (u + v) - (u + k**2 * v) - (k**2 - 1) * u),
        sympy.powsimp(sympy.expand(t**j * (t**rest - 1) - (t ** (j + rest) - t**j))) == 0,
        all(max(k, 1) <= max(k, alpha - k) for alpha in (1, 2, 3, 9) for k in range(alpha + 1)),
    ]


@claim(
    "A.11",
    where="A.3, eq. (A.11)",
    statement="lim |∇Φ_σ(rθ)/r^{M-1} - ∇Φ_H(θ)| = 0 for r → ∞, M = α + 1: ∇Φ_σ(rθ) is a polynomial "
    "in r of degree α whose leading coefficient is ∇Φ_H(θ).",
    gist="gradients converge to those of the homogenization",
    recorded=ClaimVerdict.PROVED,
)
def gradient_limit(docket: Docket) -> None:
    """The difference is sum_{k<alpha} c_k r^(k-alpha) grad Phi^(k)(theta).

    So r times it tends to c_{alpha-1} grad Phi^(alpha-1)(theta): the rate is 1/r where that is not
    0. By the bounds on grad Phi^(k) it is at most C (1 + |theta|^alpha) / r for r >= 1, uniformly
    on bounded sets.
    """
    r, below, top = sympy.symbols("r k alpha", positive=True)
    docket.general(
        "one neuron, any degree k: on a ray the gradient of a t^k is multiplied by r^k, so over "
        "r^α by r^(k-α), which is 1 for k = α; for k < α it falls to 0, at the rate 1/r at least",
        [
            *ray_gradient(),
            (r ** (below - top)).subs(below, top) == 1,
            sympy.limit(r**-top, r, sympy.oo) == 0,
            sympy.simplify(r ** (top - 1 - top) - 1 / r) == 0,
        ],
    )
    for alpha in DEGREES:
        s = network_symbols(alpha)
        f = polynomial_output(s.a, s.W, s.x, s.c)
        moved = s.on_ray()
        found = [sympy.Poly(sympy.diff(f, t).subs(moved, simultaneous=True), s.r) for t in s.theta]
        docket.example(
            f"α = {alpha}, every parameter: degree at most α in r; the coefficient of r^k is that "
            "of c_k ∇Φ^(k), for r^α of ∇Φ_H",
            [
                p.degree() <= alpha
                and all(
                    vanish(
                        p.coeff_monomial(s.r**k)
                        - sympy.diff(network(s.a, s.W, s.x, k, s.c[k]), theta)
                    )
                    for k in range(alpha + 1)
                )
                for theta, p in zip(s.theta, found, strict=True)
            ],
        )
        docket.example(
            f"α = {alpha}, random networks, r = 1, 10, 1000: the difference is at most "
            "C(1 + |θ|^α)/r",
            [
                gradient_square(one.a, one.W, one.x, lower) <= (C * (1 + t**alpha) / r) ** 2
                for one in network_instances(alpha)
                for C, t in [(one.constant, one.norm)]
                for r in (1, 10, 1000)
                for lower in [
                    [c_k * Fraction(r) ** (k - alpha) for k, c_k in enumerate(one.c[:-1])]
                ]
            ],
            seed=SEED,
        )
