"""A.3: the stationarity equations for the activation c t^alpha.

arXiv 2602.08723, A.3. Letters as in ``section_4.evaluations``.
"""

from __future__ import annotations

from fractions import Fraction

import sympy

from proofs_check.claims.section_4.evaluations import ALPHAS, SIZES, derived
from proofs_check.docket import Docket
from proofs_check.exact.conditions import (
    HALF,
    POINTS,
    Point,
    identical,
    point_symbols,
    residuals,
    satisfies_kkt,
)
from proofs_check.exact.formulas import Matrix, Vector, contraction
from proofs_check.exact.one_term import absorbed_factor, derivative_is_evaluation
from proofs_check.ledger import ClaimVerdict, Severity, claim


def rescaled(point: Point, s: Fraction, sign: int) -> Point:
    """(a, W) / s with multipliers lambda / s^2 and labels times sign."""
    a, W, b, x = point
    shrunk = [[w / s for w in W_j] for W_j in W]
    return Point([a_j / s for a_j in a], shrunk, [sign * b_i / s**2 for b_i in b], x)


def violates_a2(a: Vector, W: Matrix, b: Vector, x: Matrix, alpha: int, c: Fraction | int) -> bool:
    """Whether (a, W) is a KKT point for c t^alpha and W_1 = alpha a_1 f(W_1) still fails."""
    as_written = [alpha * a[0] * f_k for f_k in contraction(b, x, W[0], alpha)]
    return satisfies_kkt(a, W, b, x, alpha, c) and as_written != list(W[0])


@claim(
    "E12",
    where="A.3, display after eq. (A.10)",
    statement="The network with activation c_α t^α is exactly the homogeneous model used "
    "in section 4.2, so W_j = α a_j f(W_j) (A.2).",
    corrected="W_j = α c a_j f(W_j) and a_j = c p(W_j), c = c_α: the equations of section "
    "4.2 for the weights c b_i. (a, W) is a KKT point for c t^α, samples x, labels y and "
    "multipliers λ exactly if s (a, W), s = |c|^(1/(α+1)), is one for t^α, x, "
    "sign(c) y and s^2 λ.",
    gist="the leading coefficient c is lost: weights are off by c, labels by its sign",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
)
def leading_coefficient(docket: Docket) -> None:
    """The gradient of c t^alpha carries c, so T enters the equations as c T only.

    c T = sum_i (c b_i) x_i^{⊗alpha} has the same x_i, but read as T it gives weights off by the
    factor c, and the wrong labels if c < 0. Margins 1 for c t^alpha are margins 1 / |c| for t^alpha
    and the labels sign(c) y, so theta is multiplied by s; grad Phi has degree alpha, so
    lambda becomes |c| s^(1-alpha) lambda = s^2 lambda.
    """
    docket.general(
        "one sample and one neuron, any degree: the derivatives carry c, c with b only; s (a, W) "
        "with s^(α+1) = c and s^2 b has the equations and the outputs of t^α",
        [*derivative_is_evaluation(), *absorbed_factor()],
    )
    c = sympy.Symbol("c")
    for alpha in ALPHAS:
        a, W, b, x = point = point_symbols(2, 2, 2)
        absorbed = residuals(a, W, [c * b_i for b_i in b], x, alpha)
        docket.example(
            f"the corrected equations, differentiated, for α = {alpha} and (n, m, d) in "
            f"{SIZES}; they are those of c = 1 with weights c b_i",
            derived(alpha, c) + identical(residuals(*point, alpha, c), absorbed),
        )
    docket.example(
        "KKT points for t^α, α = 2..5, divided by s = 1/2, 2, 3 are KKT points for "
        "c = s^(α+1) and -s^(α+1) with labels sign(c) y, λ / s^2; each violates (A.2)",
        [
            satisfies_kkt(*point, alpha) and violates_a2(*rescaled(point, s, sign), alpha, c)
            for alpha, point in POINTS.items()
            for s in (HALF, Fraction(2), Fraction(3))
            for sign in (1, -1)
            for c in [sign * s ** (alpha + 1)]
        ],
    )
    docket.refute(
        "2 t^4, one neuron and one sample on the line, margin 1: α a f(W) is 1/2 and W is 1",
        violates_a2,
        near={
            "a KKT point": {"b": (Fraction(1, 8),)},
            "c other than 1": {"a": (1,), "W": ((2,),), "b": (1,), "x": ((HALF,),), "c": 1},
        },
        a=(HALF,),
        W=((1,),),
        b=(Fraction(1, 4),),
        x=((1,),),
        alpha=4,
        c=2,
    )
