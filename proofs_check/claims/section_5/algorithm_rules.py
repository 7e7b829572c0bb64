"""Algorithm 1 as it is run, against Theorem 5.1: the line search and the rules of C.1.

arXiv 2602.08723, sections 5.2 and C.1.
"""

from __future__ import annotations

from fractions import Fraction

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.formulas import Scalar
from proofs_check.exact.reconstruction_loss import splitting_matrix
from proofs_check.ledger import ClaimVerdict, Origin, Severity, claim

THRESHOLD = Fraction(-1, 10)
"""lambda_* of C.1."""
SHARE = Fraction(1, 2)
"""Of the candidates at most so many are split at once (C.1)."""


@claim(
    "line-search",
    where="5.2, Algorithm 1",
    statement="Algorithm 1 chooses η <= η_max by line search, and makes at most "
    "L_0 / (ε_H η^2/4) splitting steps (Theorem 5.1).",
    corrected="The count needs an η that all steps reach. Backtracking by a factor β from η_max, "
    "accepting a decrease of ε_H η^2/4, takes no step below min(η_max, β cap), the cap of "
    "split-decrease, and so at most 4 L_0 / (ε_H min(η_max, β cap)^2) steps.",
    gist="a line search bounds η from above only, and then the count bounds nothing",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
)
def line_search(docket: Docket) -> None:
    """The proof adds up decreases eps_H eta^2 / 4 with one eta; those of smaller steps are smaller.

    Steps of eta_t = eta_max beta^t decrease the loss by eps_H eta_max^2 / (4 (1 - beta^2)) in all,
    however many they are. With backtracking a step is accepted at the cap or above it, as there the
    decrease is large enough, so the step before the accepted one was above the cap.
    """
    L_0, eps_H, lowest, number = sympy.symbols("L_0 eps_H eta_min n", positive=True)
    beta, largest = sympy.symbols("beta eta_max", positive=True)
    docket.general(
        "n steps of at least η_min that decrease by ε_H η^2/4 use up L_0 at n = 4 L_0/(ε_H η_min^2)"
        "; shrinking steps add up to ε_H η_max^2/(4 (1 - β^2)), whatever their number",
        [
            sympy.solve(number * eps_H * lowest**2 / 4 - L_0, number)
            == [4 * L_0 / (eps_H * lowest**2)],
            sympy.simplify(
                eps_H * largest**2 / 4 / (1 - beta**2) * (1 - beta**2) - eps_H * largest**2 / 4
            )
            == 0,
        ],
    )
    docket.refute(
        "L_0 = eps_H = eta_max = 1, steps halved: a hundred of them decrease the loss by eps_H "
        "eta^2/4 each and use up a third of it; the count for eta_max is 4",
        more_than_counted,
        near={
            "a loss that is not used up": {"L_0": Fraction(1, 4)},
            "more than the count": {"number": 4},
            "steps that are steps": {"ratio": 0},
        },
        L_0=1,
        eps_H=1,
        largest=1,
        ratio=Fraction(1, 2),
        number=100,
    )


def more_than_counted(
    L_0: Scalar, eps_H: Scalar, largest: Scalar, ratio: Scalar, number: int
) -> bool:
    """Whether so many steps largest ratio^t each gain eps_H eta^2 / 4, beyond 4 L_0 / (...)."""
    steps = [largest * ratio**n for n in range(number)]
    used = sum(eps_H * step**2 / 4 for step in steps)
    within = all(0 < step <= largest for step in steps)
    return within and used <= L_0 and number > L_0 / (eps_H * largest**2 / Fraction(4))


@claim(
    "half-rule",
    where="C.1, splitting procedure",
    statement=f"Under the rules of C.1 (λ_* = {float(THRESHOLD)}, at most {SHARE} of the "
    "candidates split at once) the end of a run need not be second-order stationary: a single "
    "candidate is never split, and eigenvalues between λ_* and -√(ρε) are left alone.",
    gist="the rules that were run are not those of the theorem; one candidate is never split",
    origin=Origin.OURS,
    recorded=ClaimVerdict.PROVED,
)
def half_rule(docket: Docket) -> None:
    """Half of one candidate is none, and a fixed threshold knows nothing of eps.

    f(x) = x^2 with theta = 1 has a candidate of weight lambda at 0 with gradient 0, S = -4 lambda
    and Hessian -4 lambda: the loss is 1 and a split would lower it.
    """
    docket.exact(
        "f(x) = x^2, x = 0: at weight 1 the threshold asks for a split and the share allows none "
        "of one candidate, one of two; at weight 1/50, rho eps = 10^-4, S is below -√(ρε) only",
        [
            asked_and_refused(1, 1),
            not asked_and_refused(1, 2),
            overlooked(Fraction(1, 50), Fraction(1, 100)),
            not overlooked(Fraction(1, 20), Fraction(1, 100)),
            not overlooked(Fraction(1, 500), Fraction(1, 100)),
        ],
    )


def _lowest(weight: Scalar) -> Scalar:
    return splitting_matrix(weight, [1], [[[2]]])[0][0]


def asked_and_refused(weight: Scalar, candidates: int) -> bool:
    """Whether S is below the threshold and the share of the candidates is less than one."""
    return _lowest(weight) < THRESHOLD and int(SHARE * candidates) < 1


def overlooked(weight: Scalar, eps_H: Scalar) -> bool:
    """Whether S is below -eps_H and not below the threshold."""
    return THRESHOLD <= _lowest(weight) < -eps_H
