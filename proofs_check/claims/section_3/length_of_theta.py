"""Section 3: what the length of theta, which gradient flow leaves open, does to the equations.

arXiv 2602.08723, section 3.
"""

from __future__ import annotations

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import POINTS, agree, point_symbols, stationarity
from proofs_check.exact.formulas import network
from proofs_check.exact.one_term import rescaled_weights
from proofs_check.ledger import ClaimVerdict, Origin, claim


@claim(
    "homogeneity-scaling",
    where="3, KKT-Based Reconstruction Method",
    statement=(
        "If (x_i, b_i) satisfy the stationarity equations of θ, then (x_i, c^(1-α) b_i) satisfy "
        "those of c θ: a KKT point known up to its length has the same samples."
    ),
    gist="the length of θ is one unknown factor of all weights, and no more",
    origin=Origin.OURS,
    recorded=ClaimVerdict.PROVED,
    hypotheses=("all of θ = (a, W) is scaled by one factor", "Φ(x) = sum_j a_j (W_j.x)^α"),
)
def length_of_theta(docket: Docket) -> None:
    """(c a, c W) satisfies the equations of (a, W) with c^(1-alpha) b in place of b.

    All margins are multiplied by c^(alpha+1), so they stay equal, and their common value is the
    one number that the direction leaves open. Scaling W alone leaves no multipliers at all: every
    KKT point has |W_j|^2 = alpha a_j^2.
    """
    docket.general(
        "one sample and one neuron, any degree: every residual of c θ is c times that of θ, and "
        "Φ(c θ; x) = c^(α+1) Φ(θ; x)",
        rescaled_weights(),
    )
    c = sympy.Symbol("c", positive=True)
    a, W, b, x = point_symbols(2, 2, 2)
    longer = [c * t for t in a], [[c * t for t in W_j] for W_j in W]
    for alpha in range(1, 6):
        scaled = stationarity(*longer, [c ** (1 - alpha) * t for t in b], x, alpha)
        docket.example(
            f"every residual of c θ is c times that of θ, and Φ(c θ; x) = c^{alpha + 1} Φ(θ; x), "
            f"two neurons, n = d = 2, α = {alpha}",
            [
                agree(scaled, [c * t for t in stationarity(a, W, b, x, alpha)]),
                agree(
                    [network(*longer, x[0], alpha)], [c ** (alpha + 1) * network(a, W, x[0], alpha)]
                ),
            ],
        )
    weight = sympy.Symbol("lambda")
    a, W, _, x = POINTS[4]
    doubled = [[2 * t for t in W_j] for W_j in W]
    docket.example(
        "α = 4, one neuron, one sample: λ = 1 is the one multiplier of (a, W); (a, 2 W) has none",
        [
            sympy.solve(stationarity(a, W, [weight], x, 4), weight) == {weight: 1},
            sympy.solve(stationarity(a, doubled, [weight], x, 4), weight) == [],
        ],
    )
