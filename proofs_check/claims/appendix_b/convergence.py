"""Convergence of Algorithm 1: descent, numbers of iterations, and what its end means.

arXiv 2602.08723, appendix B.3. Letters as in ``exact.reconstruction_loss``; the splitting steps by
themselves are in ``splitting_decrease``, real runs in ``section_5.convergence_runs``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import fmpq, fmpq_mat

from proofs_check.docket import Docket
from proofs_check.exact.formulas import Scalar, dot
from proofs_check.exact.line import eta, g, line_hessian, second_order_in_shares, t
from proofs_check.exact.polynomial_map import (
    PolynomialMap,
    hessian,
    is_positive_semidefinite,
    lower_bound,
    polynomial_gradient,
    random_problem,
    variables,
)
from proofs_check.exact.rational import square_root
from proofs_check.exact.reconstruction_loss import (
    exact_loss,
    exact_residual,
    flat,
    splitting_matrix,
)
from proofs_check.ledger import ClaimVerdict, Severity, claim

SEED = 9


@claim(
    "descent-lemma",
    where="B.3, Phase I",
    statement=(
        "For η_g <= 1/l: L(x^{t+1}, λ^{t+1}) <= L(x^{t+1}, λ^t) <= L(x^t, λ^t) - (η_g/2) |∇_x L|^2."
    ),
    gist="steps of Phase I decrease the loss as claimed",
    recorded=ClaimVerdict.PROVED,
    hypotheses=(
        "l bounds the Hessian in x along the step (assumption-5.1), for the weights before it",
        "λ^{t+1} is the least-squares solution for x^{t+1}",
    ),
)
def descent(docket: Docket) -> None:
    """Taylor with |H| <= l: L(x - eta g) <= L - eta |g|^2 + (l/2) eta^2 |g|^2, and l eta <= 1.

    Least squares in lambda: L(x, lambda) = L(x, lambda*) + |sum_i (lambda - lambda*)_i f(x_i)|^2,
    because the residual of lambda* is orthogonal to all f(x_i). For a linear f the Hessian is
    constant, and one sample in R^1 has equality at eta_g = 1/l.
    """
    step, ell, slope = sympy.symbols("eta l g", positive=True)
    bound = -step * slope**2 + ell * step**2 * slope**2 / 2
    docket.general(
        "the chain: the bound minus -eta g^2 / 2 is -(eta g^2 / 2) (1 - l eta)",
        sympy.expand(bound + step * slope**2 / 2 + step * slope**2 / 2 * (1 - ell * step)) == 0,
    )
    docket.general(
        "Taylor to second order along the step, one undefined function; least squares: moving the "
        "weights by z from where the residual is orthogonal to all f(x_i) adds |sum z_i f(x_i)|^2",
        [*second_order_taylor(), pythagoras()],
    )
    rng = np.random.default_rng(SEED)
    lowered, fitted = [], []
    for n in range(40):
        f, theta, weights, x = random_problem(rng, k=2, d=2, P=4, degree=1)
        L, point = f.loss_polynomial(theta, weights), flat(x)
        g, H = polynomial_gradient(L, point), hessian(L, point)
        step = fmpq(1 + n % 4, 4) / sum((H[j, j] for j in range(4)), start=fmpq(0))
        moved = [s - step * slope for s, slope in zip(point, g, strict=True)]
        lowered.append(L(*moved) <= allowed(L(*point), step, dot(g, g)))
        features = [f(moved[:2]), f(moved[2:])]
        best = _least_squares(theta, features)
        r = exact_residual(theta, best, features)
        fitted.append(
            all(dot(r, feature) == 0 for feature in features)
            and exact_loss(theta, best, features) <= L(*moved)
        )
    docket.example(
        "40 affine maps from R^2 to R^4 and two samples, l = tr H >= |H|, steps up to 1/l",
        lowered,
        seed=SEED,
    )
    docket.example(
        "the least-squares weights then, with a residual orthogonal to f", fitted, seed=SEED
    )
    docket.example(
        "f(x) = x, theta = 0, x = 1, weight 1, so l = 2: equality at 1/l, not enough decrease at "
        "1/l + 1/100",
        [overshoot(Fraction(1, 2)) == 0, overshoot(Fraction(51, 100)) == Fraction(51, 2500)],
    )


def second_order_taylor() -> list[bool]:
    """The remainder of g(0) + g'(0) eta: the integral of g'' with a weight of integral eta^2/2."""
    value, weight = g(t) + g(t).diff(t) * (eta - t), eta - t
    return [
        sympy.expand(sympy.diff(value, t) - g(t).diff(t, 2) * weight) == 0,
        sympy.integrate(weight, (t, 0, eta)) == eta**2 / 2,
    ]


def pythagoras() -> bool:
    """|r - s|^2 = |r|^2 + |s|^2 - 2 r.s, per component: r.s = 0 leaves the sum of the squares."""
    r, s = sympy.symbols("r s")
    return sympy.expand((r - s) ** 2 - r**2 - s**2 + 2 * r * s) == 0


def _least_squares(theta: list, features: list) -> list[Scalar]:
    """The weights that minimise L for given f(x_1), ..., f(x_k)."""
    normal = fmpq_mat([[dot(u, v) for v in features] for u in features])
    return normal.solve(fmpq_mat([[dot(u, theta)] for u in features])).entries()


def allowed(before: Scalar, step: Scalar, square: Scalar) -> Scalar:
    """L - (eta_g / 2) |grad_x L|^2."""
    return before - step / 2 * square


def overshoot(step: Fraction) -> Fraction:
    """L after a step from x = 1 minus what the descent lemma allows, for L = x^2."""
    slope = 2
    after = exact_loss([0], [1], [[1 - step * slope]])
    return after - allowed(1, step, slope**2)


def budget(L_0: Any, eta_g: Any, eps: Any, eps_H: Any, eta: Any) -> tuple[Any, Any]:
    """The two counts of the theorem, 2 L_0 / (eta_g eps^2) and L_0 / (eps_H eta^2 / 4)."""
    return 2 * L_0 / (eta_g * eps**2), L_0 / (eps_H * eta**2 / 4)


@claim(
    "iterations",
    where="B.3, Theorem B.2",
    statement=(
        "For η <= (3/2) √(ε/ρ), L_0 / (ε_H η^2/4) = O(L_0 ε^{-1/2} / (√ρ η^2)) splitting steps, "
        "and 2 L_0 / (η_g ε^2) + L_0 / (ε_H η^2/4) = O(ε^{-2}) iterations in total, are enough."
    ),
    corrected=(
        "The two counts hold with the cap of split-decrease. Their sum is O(ε^{-2}) if η is at "
        "least a multiple of ε^{3/4}; at the cap the splitting steps are O(ε^{-3/2})."
    ),
    gist="the total is O(ε^-2) only if η is bounded below",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
    hypotheses=(
        "η_g fixed",
        "one ρ for the losses of all numbers of candidates that occur, one l likewise",
    ),
)
def iterations(docket: Docket) -> None:
    """Every iteration takes eta_g eps^2 / 2 or eps_H eta^2 / 4 from the loss, and L >= 0.

    So n_1 eta_g eps^2 / 2 + n_2 eps_H eta^2 / 4 <= L_0 for the two counts, at any order of the
    phases. The theorem bounds eta from above only; eta = eps is allowed for small eps, and then
    the second term is of order eps^{-5/2}.
    """
    L_0, rho, eps, eta_g, step = sympy.symbols("L_0 rho epsilon eta_g eta", positive=True)
    n, c = sympy.symbols("n c", positive=True)
    eps_H = sympy.sqrt(rho * eps)
    steps, splits = budget(L_0, eta_g, eps, eps_H, step)
    at_cap = budget(L_0, eta_g, eps, eps_H, c * sympy.sqrt(eps / rho))[1]
    docket.general(
        "the counts use up L_0; 4 L_0 / (sqrt(rho eps) eta^2) splitting steps, and "
        "(4 / c^2) L_0 sqrt(rho) eps^{-3/2} for eta = c sqrt(eps / rho)",
        [
            sympy.solve(n * eta_g * eps**2 / 2 - L_0, n) == [steps],
            sympy.simplify(sympy.solve(n * eps_H * step**2 / 4 - L_0, n)[0] - splits) == 0,
            sympy.simplify(splits * sympy.sqrt(rho) * step**2 * sympy.sqrt(eps) - 4 * L_0) == 0,
            sympy.simplify(at_cap * c**2 * eps ** sympy.Rational(3, 2) / sympy.sqrt(rho) - 4 * L_0)
            == 0,
        ],
    )
    expected = {"1/2": 2, "3/4": 6, "4/5": sympy.oo, "1": sympy.oo}
    docket.general(
        "eta = c eps^(3/4): the sum is (2/η_g + 4/(c^2 √ρ)) L_0 eps^-2, and it falls as eta grows",
        [
            sympy.simplify(
                sum(budget(L_0, eta_g, eps, eps_H, c * eps ** sympy.Rational(3, 4))) * eps**2
                - 2 * L_0 / eta_g
                - 4 * L_0 / (c**2 * sympy.sqrt(rho))
            )
            == 0,
            bool(sympy.diff(splits, step).is_negative),
        ],
    )
    docket.example(
        "L_0 = rho = eta_g = 1, eta = eps^p: as eps falls to 0, eps^2 times the sum goes to 2 for "
        "p = 1/2, to 6 for p = 3/4, and grows beyond all bounds for p = 4/5 and p = 1",
        [
            sympy.limit(sum(budget(1, 1, eps, sympy.sqrt(eps), eps**p)) * eps**2, eps, 0) == value
            for p, value in ((sympy.Rational(word), value) for word, value in expected.items())
        ],
    )
    docket.refute(
        "L_0 = rho = eta_g = 1, eta = eps = 10^-6: the sum is 4002 eps^-2, and any other constant "
        "is exceeded for some eps",
        beyond_order,
        near={
            "η within the cap": {"eta": Fraction(1, 500), "constant": 2},
            "beyond the constant": {"constant": 5000},
            "η at the cap, where the order is right": {"eta": Fraction(1, 1000)},
            "√(ρε) rational": {"rho": 2},
        },
        constant=1000,
        rho=1,
        eps=Fraction(1, 10**6),
        eta=Fraction(1, 10**6),
    )


def beyond_order(constant: Scalar, rho: Scalar, eps: Scalar, eta: Scalar) -> bool:
    """Whether eta meets the paper's cap and the sum exceeds constant / eps^2; L_0 = eta_g = 1."""
    eps_H = square_root(rho * eps)
    return (
        eps_H is not None
        and eta**2 <= Fraction(9, 4) * eps / rho
        and sum(budget(1, 1, eps, eps_H, eta)) > constant / eps**2
    )


@claim(
    "E8",
    where="B.3, last paragraph",
    statement="λ_min(S(x_i)) >= -ε_H for all i implies λ_min(∇^2_x L) <= -ε_H = -√(ρε).",
    corrected="It implies λ_min(∇^2_x L) >= -ε_H (Lemma B.2).",
    gist="the last inequality is turned around",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
)
def ending(docket: Docket) -> None:
    """A slip of the sign: Definition 5.1 needs >=, and Lemma B.2 gives it."""
    rng = np.random.default_rng(SEED)
    outcomes = []
    for _ in range(40):
        f, theta, weights, x = random_problem(rng, k=2, d=2, P=3, degree=3)
        eps_H = -lower_bound(f.splitting_matrices(theta, weights, x))
        H = hessian(f.loss_polynomial(theta, weights), flat(x))
        outcomes.append(is_positive_semidefinite(H, eps_H))
    docket.general(
        "Lemma B.2 for all maps, from one undefined function along a line",
        [line_hessian(), *second_order_in_shares()],
    )
    docket.example(
        "H + eps_H is positive semidefinite for 40 cubic maps from R^2 to R^3 and two samples, "
        "eps_H at most 1/1000 above the smallest with S(x_i) + eps_H positive semidefinite",
        outcomes,
        seed=SEED,
    )
    (y,) = variables(1)
    H = hessian(PolynomialMap((y**2,), 1).loss_polynomial([1], [1]), [0])
    docket.example(
        "f(x) = x^2, theta = 1, x = 0, S = -4: it holds for eps_H = 4 and no longer for 399/100",
        is_positive_semidefinite(H, 4) and not is_positive_semidefinite(H, fmpq(399, 100)),
    )
    docket.refute(
        "f(x) = x, theta = weight = x = 1: gradient and S are 0, the Hessian is 2",
        ends_above,
        near={
            "S >= -ε_H": {"eps_H": -1},
            "the Hessian is above -ε_H": {"weight": 0, "theta": 0},
            "gradient 0": {"theta": 2},
        },
        theta=1,
        weight=1,
        x=1,
        eps_H=Fraction(1, 10),
    )


def ends_above(theta: Scalar, weight: Scalar, x: Scalar, eps_H: Scalar) -> bool:
    """Whether f(x) = x is stationary with S >= -eps_H while the Hessian is above -eps_H."""
    L = exact_loss([theta], [weight], [[t]])
    S = splitting_matrix(weight, [theta - weight * x], [[[0]]])[0][0]
    stationary = L.diff(t).subs(t, x) == 0 and -eps_H <= S and weight != 0
    return bool(stationary and L.diff(t, 2).subs(t, x) > -eps_H)
