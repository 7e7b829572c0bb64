"""Assumption 5.1: bounds of the derivatives of the loss for all samples and weights.

arXiv 2602.08723, section 5.3. Letters as in ``exact.reconstruction_loss``.
"""

from __future__ import annotations

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.circle_map import circle_is_admissible
from proofs_check.exact.formulas import Scalar
from proofs_check.exact.polynomial_map import PolynomialMap, hessian, variables
from proofs_check.ledger import ClaimVerdict, Severity, claim


@claim(
    "assumption-5.1",
    where="5.3, Assumption 5.1",
    statement="|∇^2_x L(x, λ)| <= l and |∇^3_x L(x, λ)| <= ρ for all x in R^{kd}, λ in R^k.",
    corrected=(
        "For k >= 2 only constant maps f satisfy this. Such bounds can be asked for on bounded "
        "sets: along the steps that are made, for the weights at that time. Lemma B.1, Theorem "
        "B.2 and their corrections are to be read so."
    ),
    gist="for two or more candidates only constant maps satisfy Assumption 5.1",
    severity=Severity.VACUOUS,
    recorded=ClaimVerdict.CORRECTED,
)
def assumption(docket: Docket) -> None:
    """The block of samples 1 and 2 in the Hessian is 2 lambda_1 lambda_2 J(x_1)^T J(x_2).

    Bounded for all weights, it is 0 for all x_1, x_2; with x_1 = x_2 this is J^T J = 0, so J = 0.
    For k = 1, L = |theta|^2 - 2 lambda theta.f + lambda^2 |f|^2 has a Hessian bounded for all
    lambda only if |f|^2 and theta.f are affine in x. An affine function that is never negative is
    constant, so |f| is; theta.f is then bounded, so constant too, and L does not depend on x. So
    what assumes 5.1 for two or more candidates is true of constant maps, which nobody inverts; and
    after the first split there are two.
    """
    docket.general(
        "the mixed derivative of one component along a move of sample 1 and one of sample 2, for "
        "two undefined functions: 2 λ_1 λ_2 times the product of their derivatives",
        mixed_derivative(),
    )
    docket.general(
        "k = 1: the second derivative of λ^2 q - 2 λ p is λ^2 q'' - 2 λ p'', q = |f|^2 and p = "
        "theta.f undefined, bounded for all λ only if q'' = p'' = 0",
        single_candidate(),
    )
    docket.example(
        "k = 1, f(x) = (cos x, sin x), theta = 0: L = λ^2 for all x, so one candidate may be moved "
        "by a map that is not constant",
        circle_is_admissible(1),
    )
    docket.refute(
        "f(x) = x, weights (l, 1): the mixed entry of the Hessian is 2 l, beyond any l",
        exceeds,
        near={
            "two candidates": {"weights": (1000,)},
            "weights as large as the bound": {"weights": (500, 1)},
        },
        bound=1000,
        weights=(1000, 1),
    )


def mixed_derivative() -> bool:
    """d/ds d/dt (theta - lambda_1 f(s) - lambda_2 h(t))^2 = 2 lambda_1 lambda_2 f' h'."""
    s, t, theta, first, second = sympy.symbols("s t theta lambda_1 lambda_2")
    f, h = sympy.Function("f")(s), sympy.Function("h")(t)
    found = sympy.diff((theta - first * f - second * h) ** 2, s, t)
    return sympy.expand(found - 2 * first * second * f.diff(s) * h.diff(t)) == 0


def single_candidate() -> bool:
    """The coefficients of lambda^2 and lambda in the second derivative for k = 1."""
    t, weight, square = sympy.symbols("t lambda theta_square")
    q, p = sympy.Function("q")(t), sympy.Function("p")(t)
    found = sympy.diff(square - 2 * weight * p + weight**2 * q, t, 2)
    return sympy.expand(found - weight**2 * q.diff(t, 2) + 2 * weight * p.diff(t, 2)) == 0


def exceeds(bound: Scalar, weights: tuple) -> bool:
    """Whether an entry of the Hessian is beyond the bound, and its norm with it, for f(x) = x."""
    f = PolynomialMap(variables(1), 1)
    return len(weights) >= 2 and hessian(f.loss_polynomial([0], weights), [0, 0])[0, 1] > bound
