"""A.3: by how much a network with polynomial activation fails Euler's identity.

arXiv 2602.08723, A.3. Letters as in ``section_4.homogenization``.
"""

from __future__ import annotations

import sympy

from proofs_check.claims.section_4.homogenization import DEGREES, network_symbols, polynomial_output
from proofs_check.docket import Docket
from proofs_check.exact.conditions import vanish
from proofs_check.exact.formulas import Matrix, Scalar, Vector, network
from proofs_check.exact.one_term import a, degree, euler_term, k, same, t
from proofs_check.ledger import ClaimVerdict, claim


@claim(
    "euler-defect",
    where="A.3, third display of Assumption 1",
    statement="<∇_θ Φ_σ, θ> - M Φ_σ = -sum_{k<α} (α-k) c_k Φ^(k) with M = α + 1.",
    gist="how far a polynomial network is from homogeneous",
    recorded=ClaimVerdict.PROVED,
)
def defect(docket: Docket) -> None:
    """Phi^(k) has degree k + 1 in theta, and k + 1 - M = -(alpha - k)."""
    docket.general(
        "one neuron, any degree k: <∇, θ> multiplies a t^k by k + 1, and k + 1 - (α+1) = -(α-k)",
        [
            same(euler_term(), (k + 1) * a * t**k),
            same((k + 1) - (degree + 1), -(degree - k)),
        ],
    )
    for alpha in DEGREES:
        s = network_symbols(alpha)
        f = polynomial_output(s.a, s.W, s.x, s.c)
        euler = sum(t * sympy.diff(f, t) for t in s.theta)
        docket.example(
            f"α = {alpha}, two neurons in the plane",
            vanish(euler - (alpha + 1) * f - defect_sum(s.a, s.W, s.x, s.c)),
        )


def defect_sum(a: Vector, W: Matrix, x: Vector, c: Vector) -> Scalar:
    """-sum_{k<alpha} (alpha-k) c_k Phi^(k)."""
    alpha = len(c) - 1
    return -sum((alpha - k) * c[k] * network(a, W, x, k) for k in range(alpha))
