"""Section 3: fewer parameters than unknowns.

arXiv 2602.08723, section 3, sentence after the last display. Letters as in ``counting``.
"""

from __future__ import annotations

from proofs_check.claims.section_3.counting import (
    FEW_NEURONS,
    SEED,
    Size,
    draw,
    jacobian_rank,
    margin_system,
    norm_system,
    stationarity_system,
)
from proofs_check.docket import Docket
from proofs_check.exact.conditions import HALF, POINTS, satisfies_kkt
from proofs_check.exact.formulas import Matrix, Vector
from proofs_check.exact.rational import rank
from proofs_check.ledger import ClaimVerdict, claim


def recoverable(a: Vector, W: Matrix, b: Vector, x: Matrix, alpha: int) -> bool:
    """Whether x are the only active unit samples up to sign, for one neuron and k = d = 2."""
    # an active unit sample lies on the circle and on a line a (W.x)^alpha = +-1: +-x_1 or +-x_2
    size = Size(len(a), len(W[0]), len(b), alpha)
    return (
        size.parameters < size.unknowns
        and (size.m, size.d, size.k) == (1, 2, 2)
        and satisfies_kkt(a, W, b, x, alpha)
        and norm_system(b, x) == [1, 1]
        and rank(x) == 2
        and min(b) > 0
    )


@claim(
    "under-determined",
    where="3, sentence after the last display",
    statement="When P < k(d+1), the system is under-determined, making recovery impossible in "
    "general.",
    corrected="Right for stationarity, which is all the display has: it leaves the k samples "
    "undetermined in general, unit norms known or not. But the margins y_i Φ(x_i) = 1 are k more "
    "KKT equations; with them and unit "
    "norms md >= k(d-1) is necessary for the rank k(d+1), and P < k(d+1) does not exclude it.",
    gist="right for stationarity alone; margins and norms add equations",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("two-layer networks with activation t^α, active samples",),
)
def fewer_parameters(docket: Docket) -> None:
    """P < k(d+1) is m < k. Then md + k < k(d+1): stationarity and norms have too small a rank.

    Where the rank is as large as it is nearby, solutions form a curve. The margins of active
    samples are equations of the same KKT system, and the display leaves them out.
    """
    for size in FEW_NEURONS:
        a, W, b, x = draw(size)
        known, outputs = stationarity_system(a, W, size.alpha), margin_system(a, W, size.alpha)
        docket.witness(
            f"at integers drawn with (m, d, k, α) = {tuple(size)}, {size.unknowns} unknowns: "
            "rank md of stationarity, md + k with norms, all with norms and margins",
            [
                size.parameters < size.unknowns,
                jacobian_rank(b, x, known) == size.m * size.d,
                jacobian_rank(b, x, known, norm_system) == size.m * size.d + size.k < size.unknowns,
                jacobian_rank(b, x, known, norm_system, outputs) == size.unknowns,
                size.m * size.d >= size.k * (size.d - 1),
            ],
            seed=SEED,
        )
    short = Size(1, 3, 2, 3)
    a, W, b, x = draw(short)
    everything = (
        stationarity_system(a, W, short.alpha),
        norm_system,
        margin_system(a, W, short.alpha),
    )
    docket.witness(
        f"below that, md < k(d-1), all of them have rank md + 2k < k(d+1): {tuple(short)}",
        short.m * short.d < short.k * (short.d - 1)
        and jacobian_rank(b, x, *everything) == short.m * short.d + 2 * short.k < short.unknowns,
        seed=SEED,
    )
    for alpha in (2, 5):
        a, W, b, x = point = POINTS[alpha]
        known, outputs = stationarity_system(a, W, alpha), margin_system(a, W, alpha)
        docket.exact(
            f"a KKT point with P = 3, 6 unknowns, α = {alpha}: rank 2 of stationarity, 4 with "
            "norms or margins, 6 with both",
            [
                satisfies_kkt(*point, alpha),
                jacobian_rank(b, x, known) == 2,
                jacobian_rank(b, x, known, norm_system) == 4,
                jacobian_rank(b, x, known, outputs) == 4,
                jacobian_rank(b, x, known, norm_system, outputs) == 6,
            ],
        )
    docket.exact(
        "t^5, one neuron and two unit samples in the plane: 3 parameters, 6 unknowns, and by their "
        "margins the samples are where W.x = 1 meets the circle, up to sign; not so if one is not "
        "active, of another norm, or off the margin",
        [
            recoverable(a, W, b, x, alpha) == expected
            for b, x, expected in (
                (point.b, point.x, True),
                ((HALF, -HALF), point.x, False),
                (point.b, (point.x[0], (1, -1)), False),
                (point.b, (point.x[0], (1, 0)), False),
            )
        ],
    )
