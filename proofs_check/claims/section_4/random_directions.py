"""Section 4.2: how often rank(K) = N can hold for samples in random directions.

arXiv 2602.08723, section 4.2, for alpha = 3 and weights of one size.
"""

from __future__ import annotations

from math import acos, pi

import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from identify.arrays import FloatArray
from proofs_check.docket import Docket
from proofs_check.exact.eigenvector_count import count_directions
from proofs_check.exact.eigenvector_search import enclosed_directions, search_directions
from proofs_check.exact.formulas import monomials
from proofs_check.exact.ranks import BITS, forms, has_rank
from proofs_check.ledger import ClaimVerdict, claim

SEED = 0
DRAWS = 100


@claim(
    "random-directions",
    where="4.2, eq. (4.2)",
    statement="Suppose rank(K) = N. For α = 3, samples in r uniformly random directions of R^r and "
    "weights of one size it can hold with probability 1 - arccos(1/3)/π = 0.61 for r = 2, and in "
    "about one draw of five for r = 3 and of nine for r = 4; else it fails at any width.",
    recorded=ClaimVerdict.SUPPORTED,
    hypotheses=(
        "|b_i| equal, and b_i = 1: for α odd (x, b) and (-x, -b) are one sample",
        "for r = 3 and 4 the margins of such a point are not equal",
    ),
)
def random_directions(docket: Docket) -> None:
    """For r = 2 all three eigenvectors exist if and only if x_1.x_2 < 1/3.

    With t - 1 taken out the four terms leave a quadratic of discriminant (1+g)(1-3g) > 0. The angle
    of x_1 and x_2 is uniform in (0, pi).
    """
    docket.exact(
        "r = 2, x_1.x_2 = -19/20..19/20 in steps of 1/60: three eigenvectors if and only if < 1/3",
        [
            (count_directions(fmpq_mat([[60, p], [p, 60]]) / 60, [fmpq(1)] * 2, 3) == 3) == (p < 20)
            for p in range(-57, 58)
        ],
    )
    rng = np.random.default_rng(SEED)
    for r, share in ((2, 1 - acos(1 / 3) / pi), (3, 1 / 5), (4, 1 / 9)):
        draws = [random_gram(r, rng) for _ in range(DRAWS)]
        enough = [C for C in draws if count(C, r) >= forms(r, 2)]
        docket.numerical(
            f"r = {r}: {len(enough)} of {DRAWS} draws have N(r) eigenvectors or more, counted by "
            "Hermite's form; the share stated, up to three standard deviations",
            abs(len(enough) / DRAWS - share) < 3 * (share * (1 - share) / DRAWS) ** 0.5,
            seed=SEED,
        )
        tame = [C for C in enough if np.linalg.cond(C) < 1000]
        docket.ball(
            f"r = {r}: at {len(tame)} of them, whose Gram matrix has a condition number below "
            "1000, so many are found and rank(K) = N(r)",
            [independent(C, r) for C in tame],
            seed=SEED,
        )


def random_gram(r: int, rng: np.random.Generator) -> FloatArray:
    """Gram matrix of unit vectors in r uniform directions of R^r."""
    x = rng.standard_normal((r, r))
    x /= np.linalg.norm(x, axis=1)[:, None]
    return x @ x.T


def count(C: FloatArray, r: int) -> int:
    """Real eigenvectors for b = 1, counted in balls."""
    with ctx.workprec(BITS):
        return count_directions(arb_mat(C.tolist()), [arb(1)] * r, 3)


def independent(C: FloatArray, r: int) -> bool:
    """Whether a search finds eigenvectors, proved to be such, that make rank(K) = N(r)."""
    z = search_directions(C, np.ones(r), 3, SEED)
    with ctx.workprec(BITS):
        boxes = enclosed_directions(arb_mat(C.tolist()), [arb(1)] * r, 3, z)
        return len(z) >= forms(r, 2) and has_rank([monomials(u, 2) for u in boxes], forms(r, 2))
