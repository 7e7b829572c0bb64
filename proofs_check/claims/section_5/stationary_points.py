"""Definition 5.1 is a property of the candidates, not of the reconstruction they stand for.

arXiv 2602.08723, section 5.3. Letters as in ``exact.reconstruction_loss``.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import sympy
from flint import fmpq

from proofs_check.docket import Docket
from proofs_check.exact.formulas import Scalar, dot
from proofs_check.exact.line import line_gradient
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
from proofs_check.exact.reconstruction_loss import flat, splitting_matrix
from proofs_check.ledger import ClaimVerdict, Origin, claim

SEED = 9


@claim(
    "copies",
    where="5.3, Definition 5.1",
    statement=(
        "Definition 5.1 is a property of the list of candidates, not of the reconstruction: "
        "written with m copies of each sample, of weight λ_i/m, the same reconstruction has "
        "gradient norm |∇_x L|/√m and splitting matrices S(x_i)/m, so it is stationary for m large "
        "enough. ∇_{x_i} L / λ_i and S(x_i) / λ_i do not change."
    ),
    gist="stationarity depends on how often a sample is written down",
    origin=Origin.OURS,
    recorded=ClaimVerdict.PROVED,
)
def copies(docket: Docket) -> None:
    """The derivatives in x_i carry a factor lambda_i, so candidates of small weight pass any test.

    L and r are the same for the copies; gradient and S have the factor lambda_i / m, so the squared
    norm of the gradient is m (1/m)^2 times what it was, and Lemma B.2 gives lambda_min(H) >=
    min_i lambda_min(S(x_i)) / m. Each split halves S(x_i) in the same way, whatever eta, so the
    algorithm can also stop because it has split often enough.
    """
    weight, m = sympy.symbols("lambda m", positive=True)
    r, J, second = sympy.symbols("r J f''")
    docket.general(
        "the derivative of the loss in one sample is -2 λ r.f' for one undefined function, so a "
        "copy has 1/m of it; m such entries have the square 1/m; S = -2 λ r.f'' has the factor 1/m",
        [
            line_gradient(weight),
            sympy.simplify(m * (-2 * weight / m * r * J) ** 2 - (2 * weight * r * J) ** 2 / m) == 0,
            sympy.simplify(
                m * splitting_matrix(weight / m, [r], [[[second]]])[0][0]
                - splitting_matrix(weight, [r], [[[second]]])[0][0]
            )
            == 0,
        ],
    )
    rng = np.random.default_rng(SEED)
    outcomes = []
    for n in range(40):
        m = 2 + n % 3
        f, theta, weights, x = random_problem(rng, k=2, d=2, P=3, degree=3)
        many = [weight / m for weight in weights for _ in range(m)]
        x_m = [x_i for x_i in x for _ in range(m)]
        L, L_m = f.loss_polynomial(theta, weights), f.loss_polynomial(theta, many)
        g, g_m = polynomial_gradient(L, flat(x)), polynomial_gradient(L_m, flat(x_m))
        S, S_m = f.splitting_matrices(theta, weights, x), f.splitting_matrices(theta, many, x_m)
        outcomes.append(
            L_m(*flat(x_m)) == L(*flat(x))
            and m * dot(g_m, g_m) == dot(g, g)
            and all(m * S_m[i] == S[i // m] for i in range(2 * m))
            and is_positive_semidefinite(hessian(L_m, flat(x_m)), -lower_bound(S) / m)
        )
    docket.example(
        "loss, gradient, S and a bound of the Hessian for 40 cubic maps from R^2 to R^3, two "
        "samples and 2, 3 or 4 copies",
        outcomes,
        seed=SEED,
    )
    docket.example(
        "f(x) = x^2, theta = 1, x = 0, weight 1, rho = 24 for |x_i| <= 1, eps = 1/24: gradient 0, "
        "Hessian -4 < -1, but -1/2 for eight copies; the loss is 1; three copies are not enough",
        [
            passes_as_copies(1, 8, 24, Fraction(1, 24)),
            not passes_as_copies(1, 3, 24, Fraction(1, 24)),
        ],
    )


def passes_as_copies(theta: int, number: int, rho: Scalar, eps: Scalar) -> bool:
    """Whether only the copies are stationary; f(x) = x^2, where |D^3 L| = 24 lambda^2 |x|."""
    (y,) = variables(1)
    f = PolynomialMap((y**2,), 1)
    one, many = ([fmpq(1, m)] * m for m in (1, number))
    L, L_m = f.loss_polynomial([theta], one), f.loss_polynomial([theta], many)
    H, H_m = hessian(L, [0]), hessian(L_m, [0] * number)
    eps_H = square_root(rho * eps)
    return (
        eps_H is not None
        and all(rho**2 >= Fraction(24, m**2) ** 2 * m for m in (1, number))
        and polynomial_gradient(L, [0]) == [0]
        and L_m(*[0] * number) == L(0) > 0
        and not is_positive_semidefinite(H, fmpq(eps_H.numerator, eps_H.denominator))
        and is_positive_semidefinite(H_m, fmpq(eps_H.numerator, eps_H.denominator))
    )
