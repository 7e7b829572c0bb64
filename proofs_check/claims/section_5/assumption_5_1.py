"""Assumption 5.1: bounds of the derivatives of the loss for all samples and weights.

arXiv 2602.08723, section 5.3. Letters as in ``exact.reconstruction_loss``.
"""

from __future__ import annotations

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import vanish
from proofs_check.exact.formulas import Scalar
from proofs_check.exact.polynomial_map import PolynomialMap, hessian, variables
from proofs_check.exact.reconstruction_loss import exact_loss
from proofs_check.exact.smooth_problem import block, smooth_problem
from proofs_check.ledger import ClaimVerdict, claim

t = sympy.Symbol("t", real=True)
CIRCLE = [sympy.cos(t), sympy.sin(t)]


@claim(
    "assumption-5.1",
    where="5.3, Assumption 5.1",
    statement="|∇^2_x L(x, λ)| <= l and |∇^3_x L(x, λ)| <= ρ for all x in R^{kd}, λ in R^k.",
    corrected=(
        "For k >= 2 only constant maps f satisfy this. Such bounds can be asked for on bounded "
        "sets: along the steps that are made, for the weights at that time."
    ),
    recorded=ClaimVerdict.CORRECTED,
)
def assumption(docket: Docket) -> None:
    """The block of samples 1 and 2 in the Hessian is 2 lambda_1 lambda_2 J(x_1)^T J(x_2).

    Bounded for all weights, it is 0 for all x_1, x_2; with x_1 = x_2 this is J^T J = 0, so J = 0.
    For k = 1, L = |theta|^2 - 2 lambda theta.f + lambda^2 |f|^2 has a Hessian bounded for all
    lambda only if |f|^2 and theta.f are affine in x. An affine function that is never negative is
    constant, so |f| is; theta.f is then bounded, so constant too, and L does not depend on x.
    """
    problem = smooth_problem(2, 2, 3)
    factor = 2 * problem.weights[0] * problem.weights[1]
    docket.symbolic(
        "the mixed block for every f from R^2 to R^3",
        vanish(*(block(problem.hessian, 0, 1, 2) - factor * problem.J(0).T * problem.J(1))),
    )
    docket.symbolic(
        "k = 1, f(x) = (cos x, sin x), theta = 0: L = lambda^2 for all x",
        sympy.simplify(exact_loss([0, 0], [problem.weights[0]], [CIRCLE]) - problem.weights[0] ** 2)
        == 0,
    )
    docket.refute(
        "f(x) = x, weights (l, 1): the mixed entry of the Hessian is 2 l, beyond any l",
        exceeds,
        bound=1000,
        weights=(1000, 1),
    )


def exceeds(bound: Scalar, weights: tuple) -> bool:
    """Whether an entry of the Hessian is beyond the bound, and its norm with it, for f(x) = x."""
    f = PolynomialMap(variables(1), 1)
    return hessian(f.loss_polynomial([0], weights), [0, 0])[0, 1] > bound
