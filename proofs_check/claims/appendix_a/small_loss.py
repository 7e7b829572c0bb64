"""Section A.3: that the loss falls to zero does not give Assumption 2.

arXiv 2602.08723, section A.3, after eq. (A.12), on arXiv 2502.16075. Letters as in
``separability``.
"""

from __future__ import annotations

import sympy

from proofs_check.claims.section_4.homogenization import polynomial_output
from proofs_check.docket import Docket
from proofs_check.exact.formulas import Vector
from proofs_check.ledger import ClaimVerdict, Severity, claim

CUBIC = (0, 0, 1, 1)
"""sigma(t) = t^2 + t^3."""
TOP = (0, 0, 0, 1)
"""Its homogenization."""


@claim(
    "A.12-small-loss",
    where="A.3, eq. (A.12), second alternative",
    statement="Assumption 2 is ensured when the optimization dynamics drives L(θ_t) sufficiently "
    "small.",
    corrected="That L(θ_t) tends to 0 is not enough: (A.12) compares it with exp(-p_a(|θ_t|)) / n, "
    "which falls too, and can fall faster at all times.",
    gist="the loss may fall to zero while (A.12) fails for ever",
    severity=Severity.GAP,
    hypotheses=("exponential loss (A.10)",),
    recorded=ClaimVerdict.CORRECTED,
)
def small_loss(docket: Docket) -> None:
    """Two mirrored neurons of sigma = t^2 + t^3 on the samples 1 and -1 of one class.

    Gradient flow keeps them mirrored, so the cubic parts cancel: Phi_sigma = 2 a w^2 x^2 and
    Phi_H = 0 at all times. a and w grow, Phi_sigma tends to infinity and L = exp(-Phi_sigma) to 0.
    But Phi_sigma - Phi_H <= p_a(|theta|) for every admissible p, the integral along the ray (E10),
    so log 1/(nL) = Phi_sigma - log n < p_a(|theta|) at all times.
    """
    a, w, x, n = sympy.symbols("a w x n", positive=True)
    b, v = sympy.symbols("b v", real=True)
    slopes = _slopes(a, w, b, v, x)
    mirrored = {b: a, v: -w}
    by_a, by_w, by_b, by_v = (sympy.expand(s.subs(mirrored)) for s in slopes)
    phi = polynomial_output([a, a], [[w], [-w]], [x], CUBIC)
    docket.general(
        "for all a, w and x: mirrored neurons stay so, both outputs are 2 a w^2 x^2, those of the "
        "cubic part 0, both parameters grow, and log 1/(nL) is Φ - log n",
        [
            sympy.expand(by_a - by_b) == 0,
            sympy.expand(by_w + by_v) == 0,
            sympy.expand(phi - 2 * a * w**2 * x**2) == 0,
            sympy.expand(phi - phi.subs(x, -x)) == 0,
            sympy.expand(polynomial_output([a, a], [[w], [-w]], [x], TOP)) == 0,
            bool(by_a.is_positive) and bool(by_w.is_positive),
            sympy.expand_log(sympy.log(1 / (n * sympy.exp(-phi))), force=True).equals(
                phi - sympy.log(n)
            )
            is True,
        ],
    )
    docket.refute(
        "neurons (1, 1) and (1, -1), samples 1 and -1 of label 1: Φ_H is 0 at both, Φ_σ positive, "
        "the flow keeps the mirror image, and L falls to 0",
        falls_in_vain,
        near={
            "mirrored neurons": {"W": (1, 1)},
            "equal output weights": {"a": (1, 2)},
            "one class": {"y": (1, -1)},
            "positive output weights": {"a": (-1, -1), "y": (-1, -1)},
            "outputs of the right sign": {"y": (-1, -1)},
            "samples ±x": {"x": (1, -2)},
        },
        a=(1, 1),
        W=(1, -1),
        x=(1, -1),
        y=(1, 1),
    )


def _slopes(a: sympy.Expr, w: sympy.Expr, b: sympy.Expr, v: sympy.Expr, x: sympy.Expr) -> list:
    """The derivatives of Phi(x) + Phi(-x): both samples weigh the same as long as Phi is even."""
    total = sum(polynomial_output([a, b], [[w], [v]], [s], CUBIC) for s in (x, -x))
    return [sympy.diff(total, t) for t in (a, w, b, v)]


def falls_in_vain(a: Vector, W: Vector, x: Vector, y: Vector) -> bool:
    """Whether the network is mirrored, correct on both samples, and Phi_H does not see them."""
    rows = [[w] for w in W]
    outputs = [polynomial_output(a, rows, [x_i], CUBIC) for x_i in x]
    tops = [polynomial_output(a, rows, [x_i], TOP) for x_i in x]
    mirrored = len(set(a)) == 1 and sum(W) == 0 and sum(x) == 0 and len(set(y)) == 1
    correct = all(y_i * phi > 0 for y_i, phi in zip(y, outputs, strict=True))
    return mirrored and correct and not any(tops) and min(a) > 0
