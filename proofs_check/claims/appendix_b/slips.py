"""Slips in the proofs of appendix B: a term, a sign and a citation.

arXiv 2602.08723, appendices B.1 and B.3. Letters as in ``exact.reconstruction_loss``.
"""

from __future__ import annotations

from fractions import Fraction

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.formulas import Scalar
from proofs_check.exact.line import line_hessian, second_order_in_shares, taylor_remainder
from proofs_check.exact.reconstruction_loss import exact_loss, splitting_matrix
from proofs_check.ledger import ClaimVerdict, Severity, claim


@claim(
    "b1-cross-term",
    where="B.1, proof of Lemma B.1, last display but one",
    statement="The second-order term has the cross terms δ_i^T ∇_{x_i, x_r} T(x_i, x_r) δ_r.",
    corrected="It has δ_i^T T(x_i, x_r) δ_r; T is a second derivative of L already, and its "
    "derivatives are of third order.",
    gist="∇T stands where T should; the sum vanishes either way",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
)
def cross_term(docket: Docket) -> None:
    """2 g'^2 is what T contributes along a line, and g' = 0 for offspring with mean 0."""
    docket.general(
        "the second derivative along a line is 2 g'^2 - 2 r g'', and g' is λ h' sum_j s_j δ_j",
        [line_hessian(), *second_order_in_shares()],
    )
    docket.refute(
        "f(x) = x, weight 3, one offspring at η: the term in η^2 is 9, half of T = 18, and ∇T = 0",
        gradient_of_T_fails,
        near={"a weight other than 0": {"weight": 0}},
        weight=3,
    )


def gradient_of_T_fails(weight: Scalar) -> bool:
    """Whether (theta - weight eta)^2 has T / 2 at eta^2, T = 2 weight^2, and not T' / 2 = 0."""
    eta, theta, x = sympy.symbols("eta theta x")
    loss = sympy.Poly(exact_loss([theta], [weight], [[eta]]), eta)
    T = 2 * sympy.Integer(weight) ** 2 * sympy.diff(x, x) ** 2
    found = loss.coeff_monomial(eta**2)
    return bool(found == T / 2 and found != sympy.diff(T, x) / 2)


@claim(
    "b1-positive-weights",
    where="B.1, proof of Lemma B.1",
    statement="The offspring have λ_i^[j] > 0.",
    corrected="They have λ_i^[j] / λ_i > 0, as in section 5.2; λ_i may be negative, and is for one "
    "class where labels are part of it.",
    gist="the shares are positive, not the weights",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
)
def positive_weights(docket: Docket) -> None:
    """Only the shares enter: lambda_i^[j] = share_j lambda_i, and theirs is the sum 1."""
    docket.general(
        "g' and g'' at the coinciding offspring are λ times sums over the shares, for any λ",
        second_order_in_shares(),
    )
    docket.refute(
        "λ_i = -1 split into halves: the conditions of section 5.2 hold and both weights are -1/2",
        negative_offspring,
        near={
            "a negative λ": {"weight": 1},
            "shares of sum 1": {"shares": (Fraction(1, 2), Fraction(1, 4))},
            "positive shares": {"shares": (Fraction(3, 2), Fraction(-1, 2))},
        },
        weight=-1,
        shares=(Fraction(1, 2), Fraction(1, 2)),
    )


def negative_offspring(weight: Scalar, shares: tuple) -> bool:
    """Whether positive shares of sum 1 give offspring whose weights are not positive."""
    return sum(shares) == 1 and min(shares) > 0 and not all(t * weight > 0 for t in shares)


@claim(
    "b3-citation",
    where="B.3, Phase II",
    statement="By Lemma B.2 and Theorem B.1 the loss after the split of x_i is at most "
    "L + (η^2/2) λ_min(S(x_i)) + ρη^3/6.",
    corrected="By Lemma B.1, with the remainder of E9, and Theorem B.1. Lemma B.2 compares two "
    "matrices at one point, and says nothing of the loss at another.",
    gist="Lemma B.2 is cited for what Lemma B.1 says",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
)
def citation(docket: Docket) -> None:
    """Maps that agree to second order at x have one S, one Hessian and different losses after."""
    docket.general(
        "what Lemma B.1 rests on: the second derivative along the line, and Taylor's remainder",
        [line_hessian(), *taylor_remainder()],
    )
    docket.refute(
        "f(x) = x^2 and x^2 + 7 x^4, theta = 1, x = 0, weight 1, eta = 1/2: gradient 0, S = H = -4 "
        "for both, and losses 9/16 and 25/256 after the binary split",
        same_matrices_other_loss,
        near={"maps that differ": {"quartic": 0}, "a step": {"eta": 0}},
        quartic=7,
        eta=Fraction(1, 2),
    )


def same_matrices_other_loss(quartic: Scalar, eta: Scalar) -> bool:
    """Whether x^2 and x^2 + quartic x^4 have one gradient, S and H at 0, and other losses after."""
    x = sympy.Symbol("x")
    found = []
    for f in (x**2, x**2 + quartic * x**4):
        L = exact_loss([1], [1], [[f]])
        S = splitting_matrix(1, [1], [[[f.diff(x, 2).subs(x, 0)]]])[0][0]
        half = sympy.Rational(1, 2)
        moved = [[f.subs(x, sign * sympy.Rational(eta))] for sign in (1, -1)]
        after = exact_loss([1], [half, half], moved)
        found.append(((L.diff(x).subs(x, 0), S, L.diff(x, 2).subs(x, 0)), after))
    (first, before), (second, other) = found
    return bool(first == second == (0, -4, -4) and before != other)
