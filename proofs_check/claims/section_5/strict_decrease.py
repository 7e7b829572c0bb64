"""The sign and the remainder in the proof sketch of Theorem 5.1.

arXiv 2602.08723, section 5.3. Letters as in ``exact.reconstruction_loss``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from proofs_check.claims.appendix_b.phase_2 import offspring_cubed, shown, within_cap
from proofs_check.claims.appendix_b.remainder import SIXTH, random_remainder
from proofs_check.docket import Docket
from proofs_check.exact.circle_map import circle_is_admissible, circle_split
from proofs_check.exact.formulas import Scalar
from proofs_check.exact.line import taylor_remainder
from proofs_check.exact.reconstruction_loss import binary, exact_loss, keep, splitting_matrix
from proofs_check.ledger import ClaimVerdict, Severity, claim

SEED = 8
LENGTH = offspring_cubed(2)
"""|D|^3 for two offspring."""


@claim(
    "E7",
    where="5.3, Theorem 5.1, proof sketch",
    statement=(
        "Splitting a sample with λ_min(S(x_i)) < -ε_H yields a strict decrease "
        "L_after <= L_before - (η^2/2) λ_min(S(x_i))."
    ),
    corrected=(
        "L_after <= L_before + (η^2/2) λ_min(S(x_i)) + "
        f"({shown(LENGTH * SIXTH.numerator / SIXTH.denominator)}) ρη^3, a decrease for small η, "
        "with ρ as in E9."
    ),
    gist="the sign is wrong and the remainder missing",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
)
def sign(docket: Docket) -> None:
    """For lambda_min < 0 the right-hand side of the display is above L_before: no decrease follows.

    Turning the sign alone does not repair it: on the circle, where Assumption 5.1 holds literally,
    L_after = cos^2 eta > 1 - eta^2 for every eta. So a remainder has to be added, that of E9 for
    two offspring, |D|^2 = 2. B.3 has both.
    """
    docket.general(
        "the remainder along the segment, for one undefined function (E9)",
        taylor_remainder(divisor=SIXTH.denominator),
    )
    theta, weight, eta = sympy.symbols("theta lambda eta", positive=True)
    before, S, after = binary_square(theta, weight, eta)
    change = weight * eta**2
    docket.general(
        "f(x) = x^2, x = 0: without remainder the turned display is exceeded by λ^2 η^4, a quarter "
        "of the remainder with the largest third derivative on the segment",
        [
            sympy.expand(after - before - eta**2 / 2 * S - change**2) == 0,
            sympy.expand(
                4 * change**2
                - LENGTH
                * 24
                * (weight / 2) ** 2
                * sympy.sqrt(2)
                * eta**4
                * sympy.Rational(*SIXTH.as_integer_ratio())
            )
            == 0,
        ],
    )
    rng = np.random.default_rng(SEED)
    docket.example(
        "the corrected bound for 60 quadratic maps, two samples in R^1, the first split in two",
        [random_remainder(rng, [binary([1]), keep(1)]) for _ in range(60)],
        seed=SEED,
    )
    docket.refute(
        "f(x) = (cos x, sin x), theta = 0, x = 0, weight 1, eta = 1 within the cap: S = -2 < "
        "-eps_H, the display allows a loss of 2 after 1, and with the sign turned it asks for 0, "
        "less than the cos^2 1 there is",
        no_decrease,
        near={
            "ρ > 0": {"rho": Fraction(-3, 2), "eps": Fraction(-54, 25)},
            "η within the cap": {"eta": 2},
            "S < -ε_H": {"eps": Fraction(8, 3)},
            "η > 0": {"eta": -1},
        },
        weight=1,
        eta=1,
        rho=Fraction(3, 2),
        eps=Fraction(54, 25),
    )


def binary_square(theta: Scalar, weight: Scalar, eta: Scalar) -> tuple[Any, Any, Any]:
    """f(x) = x^2, a sample at 0 and its binary split: loss before, S, loss after."""
    S = splitting_matrix(weight, [theta], [[[2]]])[0][0]
    shares = [weight / sympy.Integer(2)] * 2
    return exact_loss([theta], [weight], [[0]]), S, exact_loss([theta], shares, [[eta**2]] * 2)


def no_decrease(weight: Scalar, eta: Scalar, rho: Scalar, eps: Scalar) -> bool:
    """Whether the hypotheses hold, the display allows an increase, and turned it is false."""
    before, S, after = circle_split(weight, eta)
    change = Fraction(eta) ** 2 / 2 * S
    return bool(
        circle_is_admissible(rho)
        and within_cap(eta, rho, eps)
        and S < 0
        and rho * eps < S**2
        and before - change > before
        and after > before + change
    )
