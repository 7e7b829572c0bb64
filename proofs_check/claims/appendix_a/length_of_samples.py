"""A.2, step 2: what fixes the lengths of the samples.

arXiv 2602.08723, A.2.
"""

from __future__ import annotations

from fractions import Fraction

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import (
    agree,
    margins_with,
    meets_theorem,
    point_symbols,
    stationarity,
    stationary_with,
)
from proofs_check.exact.exact_kkt import orthonormal_point
from proofs_check.exact.formulas import network
from proofs_check.exact.one_term import rescaled_sample
from proofs_check.ledger import ClaimVerdict, claim


@claim(
    "scale-symmetry",
    where="A.2, step 2, normalisation",
    statement="The model fixes a scale for x_i, so that recovered directions can be normalised.",
    gist="stationarity leaves each sample's length open; norms or margins fix it",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("|x_i| = 1, or in its place y_i Φ(x_i) = 1; stationarity alone fixes no scale",),
)
def length_of_samples(docket: Docket) -> None:
    """(x_i, b_i) and (c x_i, c^-alpha b_i), c > 0, satisfy the same stationarity equations.

    Phi(c x) = c^alpha Phi(x), so y_i Phi(c x_i) = 1 has one solution c > 0 and each norm is
    fixed by its margin. With theta known in direction only, one factor is left to all norms.
    """
    docket.general(
        "one term of any degree: (c x, c^-α b) leaves p and f as they are, and Φ(c x) = c^α Φ(x)",
        rescaled_sample(),
    )
    c = sympy.Symbol("c", positive=True)
    a, W, b, x = point_symbols(2, 2, 2)
    longer = [[c * t for t in x[0]], x[1]]
    for alpha in range(1, 6):
        scaled = stationarity(a, W, [c**-alpha * b[0], b[1]], longer, alpha)
        docket.example(
            f"every residual is unchanged and Φ(c x) = c^{alpha} Φ(x), two neurons, n = d = 2, "
            f"α = {alpha}",
            [
                agree(scaled, stationarity(a, W, b, x, alpha)),
                agree([network(a, W, longer[0], alpha)], [c**alpha * network(a, W, x[0], alpha)]),
            ],
        )
    for alpha, labels in ((3, (1, 1)), (3, (1, -1)), (4, (1, 1))):
        point = orthonormal_point(((1, 0), (0, 1)), labels, alpha)
        weights = [Fraction(t, 2**alpha) for t in labels]
        one = [[2 * t for t in point.x[0]], point.x[1]], [weights[0], labels[1]]
        both = [[2 * t for t in x_i] for x_i in point.x], weights
        docket.example(
            f"labels {labels}, α = {alpha}: with one sample or both doubled stationarity holds; "
            "the margins differ if it is one, and agree if it is both",
            [
                meets_theorem(point),
                stationary_with(point, *one),
                stationary_with(point, *both),
                margins_with(point, *one)[0] != margins_with(point, *one)[1],
                margins_with(point, *both)[0] == margins_with(point, *both)[1],
                margins_with(point, point.x, weights) == point.margins(),
            ],
        )
