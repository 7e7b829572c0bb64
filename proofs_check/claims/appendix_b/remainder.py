"""The remainder of the expansion of Lemma B.1.

arXiv 2602.08723, appendix B.1. Letters as in ``exact.reconstruction_loss``. The examples are maps f
of one variable and samples at 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from proofs_check.docket import Docket
from proofs_check.exact.formulas import Scalar, dot
from proofs_check.exact.polynomial_map import (
    PolynomialMap,
    random_offspring,
    random_problem,
    third_derivative_square,
    variables,
)
from proofs_check.exact.reconstruction_loss import (
    Split,
    exact_loss,
    exact_residual,
    flat,
    offspring,
    splitting_matrix,
)
from proofs_check.ledger import ClaimVerdict, claim

SEED = 6
t = sympy.Symbol("t", real=True)
CIRCLE = [sympy.cos(t), sympy.sin(t)]


@claim(
    "E9",
    where="B.1, Lemma B.1, remainder",
    statement=(
        "L_after <= L + (η^2/2) sum_i sum_j (λ_i^[j]/λ_i) δ_i^[j]^T S(x_i) δ_i^[j] + ρη^3/6 for "
        "any number of offspring and of simultaneous splits."
    ),
    corrected=(
        "The remainder is at most ρ (sum_i sum_j |δ_i^[j]|^2)^{3/2} η^3/6 <= ρ (sum_i k_i)^{3/2} "
        "η^3/6, with ρ a bound of the third derivative of the loss after the split, a function of "
        "sum_i k_i samples, along the segment from the coinciding offspring."
    ),
    recorded=ClaimVerdict.CORRECTED,
)
def remainder(docket: Docket) -> None:
    """Taylor's theorem along the segment x + t D, 0 <= t <= eta, D the stacked displacement.

    |d^3/dt^3 L| <= rho |D|^3 and |D|^2 = sum_i sum_j |delta_i^[j]|^2, which is sum_i k_i when all
    displacements are unit vectors. The paper has |D| = 1. Its remainder fails for two simultaneous
    splits of f(x) = x^2 at every eta, and for a single binary split of f(x) = cos x, whose third
    derivative is bounded everywhere: with L = ((cos a + cos b) / 2)^2

        4 D^3 L[u, u, u] = 4 sin 2a u_1^3 + 4 sin 2b u_2^3 + sin(a+b) (u_1+u_2)^3
                           + sin(a-b) (u_1-u_2)^3,

    at most 4 + 2 sqrt 2 for unit u: |u_1|^3 + |u_2|^3 <= 1, and |p|^3 + |q|^3 <= 2 sqrt 2 for
    p, q = u_1 +- u_2, as p^2 + q^2 = 2. Nor will a bound for the loss before the split do: a map to
    the circle has L = lambda^2 with all derivatives 0, yet the loss after is cos^2 eta. In both
    cases the bound on L_after is negative for eta = 3/2.
    """
    third_derivatives(docket)
    for n in (4, 16, 36):
        after, first_terms, bound = _squares(n)
        docket.symbolic(
            f"f(x) = x^2, {n} offspring of samples at 0, rho the largest third derivative on the "
            f"segment: the remainder is 1/4 of the corrected bound, {isqrt(n) ** 3 // 4} times the "
            "paper's",
            sympy.expand(after - first_terms - bound * isqrt(n) ** 3 / 4) == 0,
        )
    docket.exact(
        "36 offspring: sum_i k_i itself, without the power 3/2, would be too small",
        isqrt(36) ** 3 > 4 * 36,
    )
    (y,) = variables(1)
    L = PolynomialMap((y**2,), 1).loss_polynomial([1], [1, 1, 1])
    docket.exact(
        "f(x) = x^2, three samples, weights 1: the squares of all third derivatives of L have the "
        "sum, at least the square of their norm, 64 (3 k + 6) |x|^2",
        third_derivative_square(L, [1, 2, 2]) == 64 * (3 * 3 + 6) * 9,
    )
    rng = np.random.default_rng(SEED)
    docket.exact(
        "60 quadratic maps, two samples in R^1 with 2 and 3 offspring, rho^2 the largest such sum "
        "on the segment, reached at an end because the third derivatives are affine",
        [
            random_remainder(rng, [random_offspring(rng, 1, 2), random_offspring(rng, 1, 3)])
            for _ in range(60)
        ],
        seed=SEED,
    )
    docket.refute(
        "f(x) = x^2, theta = 1, two samples at 0 of weight 1, both split with eta = 1/2: L_after = "
        "1/4, the bound is 1/8; rho bounds the third derivative on the ball that holds the segment",
        squares_fail,
        theta=1,
        weights=(1, 1),
        eta=Fraction(1, 2),
        rho=6,
    )
    docket.refute(
        "f(x) = cos x, theta = 0, x = 0, weight 1, one binary split: rho = 7/4 everywhere, and the "
        "bound for a square is -17/64",
        cosine_fails,
        theta=0,
        weight=1,
        eta=Fraction(3, 2),
        rho=Fraction(7, 4),
    )
    docket.refute(
        "f(x) = (cos x, sin x), theta = 0, x = 0, weight 1, one binary split: the loss before has "
        "third derivative 0 for all x and weights, rho = 1, and the bound for a square is -11/16",
        circle_fails,
        weight=1,
        eta=Fraction(3, 2),
        rho=1,
    )


def third_derivatives(docket: Docket) -> None:
    """File the third derivatives of the two examples that the docstring of the claim bounds."""
    a, b, u, v, theta, weight = sympy.symbols("a b u v theta lambda", real=True)
    x, y = a + t * u, b + t * v
    cosine = (
        exact_loss([0], [weight, weight], [[sympy.cos(x)], [sympy.cos(y)]]).diff(t, 3).subs(t, 0)
    )
    square = exact_loss([theta], [weight, weight], [[x**2], [y**2]]).diff(t, 3)
    claimed = weight**2 * (
        4 * sympy.sin(2 * a) * u**3
        + 4 * sympy.sin(2 * b) * v**3
        + sympy.sin(a + b) * (u + v) ** 3
        + sympy.sin(a - b) * (u - v) ** 3
    )
    docket.symbolic(
        "D^3 L[u, u, u] for f = cos x; for f = x^2 it is 24 lambda^2 (x.u) |u|^2, of norm "
        "24 lambda^2 |x|",
        [
            sympy.expand((cosine - claimed).rewrite(sympy.exp)) == 0,
            sympy.expand(square - 24 * weight**2 * (x * u + y * v) * (u**2 + v**2)) == 0,
        ],
    )


def _squares(n: int) -> tuple[Any, Any, Any]:
    """f(x) = x^2, samples at 0 split into n offspring in all, with a square n, at +-eta.

    Returns:
        The loss after, loss before plus second-order term, and rho eta^3 / 6 with the largest
        third derivative on the segment, rho = 24 lambda^2 |eta D|.
    """
    theta, weight, eta = sympy.symbols("theta lambda eta", positive=True)
    points, weights = [eta * (-1) ** j for j in range(n)], [weight] * n
    S = splitting_matrix(2 * weight, [theta], [[[2]]])[0][0]
    rho = 24 * weight**2 * isqrt(n) * eta
    after = exact_loss([theta], weights, [[x**2] for x in points])
    return after, theta**2 + eta**2 / 2 * n / 2 * S, rho * eta**3 / 6


def squares_fail(theta: Scalar, weights: tuple, eta: Scalar, rho: Scalar) -> bool:
    """Whether Lemma B.1 fails when all samples, at 0 with one weight, are split; f(x) = x^2."""
    k = len(weights)
    shares = [weight / Fraction(2) for weight in weights for _ in range(2)]
    before = exact_loss([theta], weights, [[0]] * k)
    after = exact_loss([theta], shares, [[eta**2]] * (2 * k))
    S = [splitting_matrix(weight, [theta], [[[2]]])[0][0] for weight in weights]
    return (
        len(set(weights)) == 1
        and eta > 0
        and rho**2 == (24 * shares[0] ** 2) ** 2 * (2 * k * eta**2)
        and after > before + eta**2 / 2 * sum(S) + rho * eta**3 / 6
    )


def at_zero(f: Sequence[Any], theta: tuple, weight: Scalar) -> tuple[Any, Any]:
    """Loss and S for a single sample at 0."""
    values = [s.subs(t, 0) for s in f]
    r = exact_residual(theta, [weight], [values])
    S = splitting_matrix(weight, r, [[[s.diff(t, 2).subs(t, 0)]] for s in f])[0][0]
    return dot(r, r), S


def bounds_cosine(theta: Scalar, weight: Scalar, rho: Scalar) -> bool:
    """Whether rho >= 1 + 1 / sqrt 2, the bound of the claim's argument for theta = 0, weight 1."""
    return (theta, weight) == (0, 1) and rho > 1 and (rho - 1) ** 2 >= Fraction(1, 2)


def cosine_fails(theta: Scalar, weight: Scalar, eta: Scalar, rho: Scalar) -> bool:
    """Whether rho bounds the third derivative and Lemma B.1 makes a square negative; f = cos."""
    before, S = at_zero([sympy.cos(t)], (theta,), weight)
    bound = before + eta**2 / 2 * S + rho * eta**3 / 6
    return bounds_cosine(theta, weight, rho) and bool(bound < 0)


def circle_fails(weight: Scalar, eta: Scalar, rho: Scalar) -> bool:
    """Whether L does not depend on x, so any rho >= 0 will do, and the bound is negative."""
    constant = sympy.simplify(exact_loss([0, 0], [weight], [CIRCLE]).diff(t)) == 0
    before, S = at_zero(CIRCLE, (0, 0), weight)
    return constant and rho >= 0 and bool(before + eta**2 / 2 * S + rho * eta**3 / 6 < 0)


def random_remainder(rng: np.random.Generator, splits: Sequence[Split]) -> bool:
    """Whether remainder^2 <= rho^2 |D|^6 eta^6 / 36 for a random quadratic map, d = 1."""
    f, theta, weights, x = random_problem(rng, k=2, d=1, P=2, degree=2)
    eta = fmpq(int(rng.integers(1, 9)), 4)
    after = f.expansion(theta, weights, x, splits)
    start, shares = offspring(x, weights, splits, fmpq(0))
    end, _ = offspring(x, weights, splits, eta)
    L = f.loss_polynomial(theta, shares)
    rho_squared = max(third_derivative_square(L, flat(points)) for points in (start, end))
    D_squared = sum((dot(delta, delta) for split in splits for _, delta in split), start=fmpq(0))
    left = after(eta) - after[0,] - after[2,] * eta**2
    return left**2 <= rho_squared * D_squared**3 * eta**6 / 36
