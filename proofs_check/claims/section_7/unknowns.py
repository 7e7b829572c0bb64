"""Section 7: when the equations are under-determined.

arXiv 2602.08723, section 7, last paragraph.
"""

from __future__ import annotations

from fractions import Fraction

from proofs_check.docket import Docket
from proofs_check.exact.conditions import meets_theorem
from proofs_check.exact.exact_kkt import orthonormal_point
from proofs_check.exact.formulas import Vector
from proofs_check.exact.one_term import balances
from proofs_check.exact.rational import Rows
from proofs_check.ledger import ClaimVerdict, Severity, claim


@claim(
    "number-of-unknowns",
    where="7, last paragraph",
    statement="The regime is under-determined where the network width m is smaller than the number "
    "of total unknowns.",
    corrected="The numbers to compare are those of equations and unknowns: m neurons give m(d+1) "
    "equations, md of them with the data in it, for kd unknowns where norms or margins are known. "
    "m < k is what section 3 says; m < k(d+1) leaves most determined cases below it.",
    gist="m is compared with the unknowns; it is the m(d+1) equations that count",
    severity=Severity.SLIP,
    recorded=ClaimVerdict.CORRECTED,
)
def width_against_unknowns(docket: Docket) -> None:
    """P = m (d+1) against k (d+1) unknowns is m against k; d of the d+1 equations have the data."""
    docket.general(
        "one equation of each neuron, W_j.(its equation) - α a_j (that of a_j), has no data in it",
        balances(),
    )
    docket.refute(
        "two orthonormal samples, α = 3: three neurons, six unknowns, and every hypothesis of "
        "Theorem 4.1 holds",
        narrow_and_determined,
        near={
            "fewer neurons than unknowns": {
                "x": tuple(tuple(int(j == k) for k in range(5)) for j in range(5)),
                "b": (1,) * 5,
            },
            "the hypotheses of Theorem 4.1": {"alpha": 5},
            "unit samples": {"x": ((Fraction(1, 2), 0), (0, 1))},
        },
        alpha=3,
        x=((1, 0), (0, 1)),
        b=(1, 1),
    )


def narrow_and_determined(alpha: int, x: Rows, b: Vector) -> bool:
    """Whether Theorem 4.1 applies to a network of fewer neurons than there are unknowns."""
    point = orthonormal_point(x, b, alpha)
    return len(point.u) < len(x) * (len(x[0]) + 1) and meets_theorem(point)
