"""Section 3: what convergence to a KKT point assumes.

arXiv 2602.08723, section 3, on Lyu and Li (2020) and Ji and Telgarsky (2020).
"""

from __future__ import annotations

import sympy

from proofs_check.claims.appendix_a.separability import never_separates
from proofs_check.docket import Docket
from proofs_check.exact.one_term import a, degree, same, t
from proofs_check.ledger import ClaimVerdict, Severity, claim


@claim(
    "implicit-bias",
    where="3, KKT-Based Reconstruction Method",
    statement="For binary classification with logistic loss and homogeneous models, gradient flow "
    "converges in direction to a KKT point of the maximum-margin problem.",
    corrected="It does from any time on at which the loss is below that of one sample on the "
    "boundary, log 2, so that all samples are classified correctly; that such a time comes is an "
    "assumption, which a model that can separate the data does not ensure.",
    hypotheses=("the convergence itself is theirs (Lyu, Li; Ji, Telgarsky), and not checked here",),
    gist="convergence to a KKT point assumes that training comes to classify all samples",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
)
def implicit_bias(docket: Docket) -> None:
    """For Phi = a w^alpha x^alpha gradient flow of any loss keeps alpha a^2 - w^2.

    If that is positive a cannot pass 0. For alpha even and a of the wrong sign y Phi stays negative
    at all times, so every limit of the direction has y Phi <= 0 and is no KKT point at any length,
    although the model separates the sample. A sample with margin m has the logistic loss
    log(1 + e^-m), which is log 2 at m = 0 and falls: a sum below log 2 leaves every margin
    positive.
    """
    m = sympy.Symbol("m", real=True)
    loss = sympy.log(1 + sympy.exp(-m))
    phi = a * t**degree
    docket.general(
        "any degree and any loss of Φ: the change of α a^2 - w^2 is a multiple of α a ∂Φ/∂a - "
        "w ∂Φ/∂w = 0; the logistic loss is log 2 at 0 and falls",
        [
            same(degree * a * sympy.diff(phi, a), t * sympy.diff(phi, t)),
            loss.subs(m, 0) == sympy.log(2),
            bool(sympy.diff(loss, m).is_negative)
            or sympy.simplify(sympy.diff(loss, m) + 1 / (1 + sympy.exp(m))) == 0,
        ],
    )
    docket.refute(
        "α = 4, x = y = 1, start a = -1, w = 1: 4a^2 - w^2 = 3 along gradient flow, so y Φ < 0 at "
        "all times, although a = w = 1 has margin 1",
        never_separates,
        near={
            "an even degree": {"alpha": 3},
            "a of the wrong sign": {"a": 1},
            "4a^2 > w^2": {"w": 2},
            "a sample that can be separated": {"x": 0},
        },
        alpha=4,
        x=1,
        y=1,
        a=-1,
        w=1,
    )
