"""Section 3: with how many candidates the reconstruction loss reaches zero.

arXiv 2602.08723, section 3, sentence before the last display.
"""

from __future__ import annotations

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import meets_theorem
from proofs_check.exact.exact_kkt import orthonormal_point
from proofs_check.exact.rational import identity, rank
from proofs_check.ledger import ClaimVerdict, claim


@claim(
    "zero-by-construction",
    where="3, sentence before the last display",
    statement="The optimal value of the reconstruction loss is zero by construction.",
    corrected="Right for k >= |S| candidates, at a KKT point: the samples and weights of 0. With "
    "fewer it can be positive, so a loss that stays above zero may be one of too few candidates; "
    "and a θ that was trained for a finite time is no KKT point.",
    gist="zero can be reached with at least as many candidates as active samples",
    recorded=ClaimVerdict.PROVED,
)
def enough_candidates(docket: Docket) -> None:
    """The values f(W_j) = sum_i b_i (x_i.W_j)^(alpha-1) x_i of k candidates have rank at most k.

    At a KKT point on r independent samples with all eigenvectors as neurons they have rank r.
    Matrices of rank at most k < r are a closed set without that matrix, so no sequence of k
    candidates has a loss that tends to zero. More candidates than |S| get the weight 0.
    """
    docket.example(
        "r = 2, 3, 4 orthonormal samples, α = 3: the hypotheses of Theorem 4.1 hold, and the "
        "values f(W_j) have rank r, more than any r - 1 candidates give",
        [
            meets_theorem(point)
            and rank([point.known_value(j) for j in range(len(point.u))]) == r > r - 1
            for r in (2, 3, 4)
            for point in [orthonormal_point(identity(r), (1,) * r, 3)]
        ],
    )
    docket.general(
        "the rank of k terms b_i (x_i.W_j)^(α-1) x_i is at most k: k = 1, any two neurons and two "
        "coordinates, has determinant 0",
        _one_candidate(),
    )


def _one_candidate() -> bool:
    """p_1 x_1 p_2 x_2 - p_1 x_2 p_2 x_1, p_j the values b (x.W_j)^(alpha-1)."""
    p, x = sympy.symbols("p_1 p_2"), sympy.symbols("x_1 x_2")
    return sympy.expand(sympy.Matrix(2, 2, lambda j, k: p[j] * x[k]).det()) == 0
