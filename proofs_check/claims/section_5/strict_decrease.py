"""The sign and the remainder in the proof sketch of Theorem 5.1.

arXiv 2602.08723, section 5.3. Letters as in ``exact.reconstruction_loss``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from proofs_check.claims.appendix_b.remainder import random_remainder
from proofs_check.docket import Docket
from proofs_check.exact.formulas import Scalar
from proofs_check.exact.reconstruction_loss import binary, exact_loss, keep, splitting_matrix
from proofs_check.ledger import ClaimVerdict, claim

SEED = 8


@claim(
    "E7",
    where="5.3, Theorem 5.1, proof sketch",
    statement=(
        "Splitting a sample with λ_min(S(x_i)) < -ε_H yields a strict decrease "
        "L_after <= L_before - (η^2/2) λ_min(S(x_i))."
    ),
    corrected=(
        "L_after <= L_before + (η^2/2) λ_min(S(x_i)) + 2√2 ρη^3/6, a decrease for small η, with ρ "
        "as in E9."
    ),
    recorded=ClaimVerdict.CORRECTED,
)
def sign(docket: Docket) -> None:
    """For lambda_min < 0 the right-hand side of the display is above L_before: no decrease follows.

    For f(x) = x^2 at x = 0 the display holds if lambda eta^2 <= 4 theta, and from 2 theta on the
    loss rises. With the sign changed and no remainder it holds for no eta. The remainder is that of
    E9 for two offspring, |D|^2 = 2.
    """
    theta, weight, eta = sympy.symbols("theta lambda eta", positive=True)
    before, S, after = binary_square(theta, weight, eta)
    change = weight * eta**2
    docket.symbolic(
        "f(x) = x^2, x = 0: the display's right side minus L_after, and L_after - L_before",
        [
            sympy.expand(before - eta**2 / 2 * S - after - change * (4 * theta - change)) == 0,
            sympy.expand(after - before - change * (change - 2 * theta)) == 0,
        ],
    )
    rho = 24 * (weight / 2) ** 2 * sympy.sqrt(2) * eta
    docket.symbolic(
        "L_after exceeds the right side without remainder by lambda^2 eta^4, a quarter of the "
        "remainder with the largest third derivative on the segment",
        [
            sympy.expand(after - before - eta**2 / 2 * S - change**2) == 0,
            sympy.expand(4 * change**2 - 2 * sympy.sqrt(2) * rho * eta**3 / 6) == 0,
        ],
    )
    rng = np.random.default_rng(SEED)
    docket.exact(
        "the corrected bound for 60 quadratic maps, two samples in R^1, the first split in two",
        [random_remainder(rng, [binary([1]), keep(1)]) for _ in range(60)],
        seed=SEED,
    )
    docket.refute(
        "f(x) = x^2, theta = 1, x = 0, weight 1, eta = 3/2: S = -4, the display allows 11/2, and "
        "the loss rises from 1 to 25/16",
        rises,
        theta=1,
        weight=1,
        eta=Fraction(3, 2),
    )


def binary_square(theta: Scalar, weight: Scalar, eta: Scalar) -> tuple[Any, Any, Any]:
    """f(x) = x^2, a sample at 0 and its binary split: loss before, S, loss after."""
    S = splitting_matrix(weight, [theta], [[[2]]])[0][0]
    shares = [weight / sympy.Integer(2)] * 2
    return exact_loss([theta], [weight], [[0]]), S, exact_loss([theta], shares, [[eta**2]] * 2)


def rises(theta: Scalar, weight: Scalar, eta: Scalar) -> bool:
    """Whether S is negative, the display holds, and the loss rises."""
    before, S, after = binary_square(theta, weight, eta)
    return bool(eta > 0 and S < 0 and before < after <= before - eta**2 / 2 * S)
