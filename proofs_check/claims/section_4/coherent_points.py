"""Section 4.2: what rank(K) = N comes to for KKT points on samples that are not orthonormal.

arXiv 2602.08723, section 4.2. The points are floating-point solutions with all margins 1. Of their
tensors T, with x and b as stored, all real eigenvectors are counted in ball arithmetic and found by
a search that shares nothing with the continuation that built the points; see ``coherent_cells``.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from flint import arb, arb_mat, ctx

from identify.arrays import FloatArray
from identify.points.synthesis import KKTPoint, synthesize_kkt
from proofs_check.claims.section_4.coherent_cells import (
    Cell,
    coherent_gram,
    coherent_table,
    eigenvectors_of,
)
from proofs_check.claims.section_4.satisfiability import gram_rank, satisfiable
from proofs_check.docket import Docket
from proofs_check.exact.eigenvector_search import enclosed_directions
from proofs_check.exact.formulas import Matrix, monomials
from proofs_check.exact.ranks import expected_directions, forms, has_rank, weighted_monomials
from proofs_check.ledger import ClaimVerdict, Origin, claim

SEED = 0
DOUBLE_CONIC = (4, 3, 5)
"""alpha, r, D: the square of the conic through five points has no gradient there."""
SIZES = {3: range(2, 7), 4: range(2, 5), 5: range(2, 4), 6: range(2, 4)}
"""Numbers of samples by degree."""


@cache
def _cells() -> tuple[list[Cell], int]:
    """The points whose eigenvectors are counted, and how often there was no KKT point."""
    found = [cell for _, cell in coherent_table(SIZES, SEED)]
    return [cell for cell in found if cell], found.count(None)


@claim(
    "satisfiability-coherent",
    where="4.2, eq. (4.2)",
    statement="For KKT points with all margins 1 on samples of coherence "
    "0.05 to 0.3, with D real eigenvectors, rank(K) is at most min(D, N(r)), with equality for "
    "neurons on all. At 0.05 D is as for orthonormal samples; then eigenvectors vanish in pairs, "
    "and (4.2) fails where D < N(r). (A.3) still determines T where C(r+α-1, α) <= rD.",
    gist="the rank of K is the number of real eigenvectors, up to N, at the points tried",
    origin=Origin.OURS,
    recorded=ClaimVerdict.SUPPORTED,
    hypotheses=("for the last sentence: not α = 4, r = 3, D = 5",),
)
def coherent(docket: Docket) -> None:
    """K has no more rank than directions; that these are independent is a matter of genericity.

    No width helps, since x and b alone decide D. D cannot be read off a continuation from
    orthonormal samples: at coherence 0.2 and 0.3 that loses eigenvectors that still exist.
    """
    found, missing = _cells()
    docket.ball(
        "α = 3, r = 2..6; α = 4, r = 2..4; α = 5 and 6, r = 2, 3; one class, and two for α even; "
        f"coherence 0.05, 0.1, 0.2, 0.3; one draw each ({missing} without KKT point): solutions "
        "counted by Hermite's form are as many as a search from random starts finds",
        [cell.counted == cell.found for cell in found],
        seed=SEED,
    )
    docket.ball(
        "the same points: one minor of K's size min(D, N(r)) and one of p -> grad p's size "
        "min(rD, C(r+α-1, α)) are not 0 (14 of 15 for five points in the plane, α = 4)",
        [
            cell.certified() == (True, True)
            and cell.gram_rank == min(cell.found, cell.gram_full)
            and cell.symmetric_rank == symmetric_rank(cell)
            for cell in found
        ],
        seed=SEED,
    )
    docket.ball(
        "the same points: D is at most the number for orthonormal samples, the difference is even, "
        "and 0 at coherence 0.05; (4.2) holds there as for orthonormal samples",
        [
            cell.found <= cell.expected
            and (cell.expected - cell.found) % 2 == 0
            and (
                cell.coherence > 0.05
                or (
                    cell.found == cell.expected
                    and (cell.gram_rank == cell.gram_full) == satisfiable(cell.labels, cell.alpha)
                )
            )
            for cell in found
        ],
        seed=SEED,
    )
    lost = [cell for cell in found if cell.followed < cell.found]
    docket.numerical(
        f"the same points: every neuron lies on an eigenvector that was found; {len(lost)} points, "
        "all of coherence 0.2 or 0.3, have none on some that exist",
        [len(cell.z) == cell.found for cell in found] + [cell.coherence > 0.1 for cell in lost],
        seed=SEED,
    )
    docket.ball(
        "coherence 0.1 can be too much: α = 3, r = 6 has fewer than 63 eigenvectors",
        [
            cell.found < cell.expected
            for cell in found
            if (cell.alpha, len(cell.labels), cell.coherence) == (3, 6, 0.1)
        ],
        seed=SEED,
    )


def symmetric_rank(cell: Cell) -> int:
    """Rank of p -> grad p at D generic directions."""
    r = len(cell.labels)
    special = (cell.alpha, r, cell.found) == DOUBLE_CONIC
    return min(r * cell.found, cell.symmetric_full) - special


CASES = ((4, (1, 1, 1, 1, -1), 0.1), (6, (1,) * 6, 0.05), (5, (1,) * 9, 0.05))
"""alpha, labels, coherence."""


@claim(
    "beyond-orthonormal",
    where="4.2, eq. (4.2)",
    statement="That orthonormal samples exclude (4.2) for α >= 5, and for α = 4 with two classes, "
    "does not extend to samples of small coherence: there rank(K) = N(r) occurs at KKT "
    "points with α = 4 and labels (+, +, +, +, -), α = 5 and r = 9, α = 6 and r = 6.",
    gist="slightly coherent samples can satisfy (4.2) where orthonormal ones cannot",
    origin=Origin.OURS,
    recorded=ClaimVerdict.SUPPORTED,
)
def beyond(docket: Docket) -> None:
    """Monomials that agree on {-1, 0, 1}^r need not agree on vectors close to it.

    All that is needed is as many eigenvectors as N(r). But K is nearly singular: a root of its
    eigenvalues, for unit neurons, is below 1e-6 of the largest.
    """
    docket.exact(
        "for orthonormal samples rank(K) < N(r) in all three cases, though there are N(r) "
        "eigenvectors; with fewer samples there are not: α = 5, r <= 8; α = 6, r <= 5",
        [
            *(
                gram_rank(y, alpha) < forms(len(y), alpha - 1) <= expected_directions(y, alpha)
                for alpha, y, _ in CASES
            ),
            *(expected_directions((1,) * r, 5) < forms(r, 4) for r in range(2, 9)),
            *(expected_directions((1,) * r, 6) < forms(r, 5) for r in range(2, 6)),
        ],
    )
    for alpha, labels, coherence in CASES:
        C = coherent_gram(len(labels), coherence, SEED)
        point = synthesize_kkt(np.linalg.cholesky(C), labels, alpha)
        docket.numerical(
            f"α = {alpha}, r = {len(labels)}, coherence {coherence}: margins and stationarity of "
            "the KKT point hold to 1e-12, all λ_i > 0; K of the unit neurons is nearly singular",
            [
                bool(np.abs(point.margins - 1).max() < 1e-12),
                point.stationarity < 1e-12,
                bool((point.b * point.labels > 0).all()),
                smallest_singular_value(point) < 1e-6,
            ],
            seed=SEED,
        )
        with ctx.workprec(128):
            rows = _features(point, C)
            full = has_rank(rows, forms(len(labels), alpha - 1))
        docket.ball(
            f"the same point: its {len(rows)} neurons are enclosed as eigenvectors of T for x, b "
            f"as stored, and rank(K) = N(r) = {forms(len(labels), alpha - 1)}",
            full and len(rows) == expected_directions(labels, alpha),
            seed=SEED,
        )


def smallest_singular_value(point: KKTPoint) -> float:
    """Of the weighted monomials at the unit neurons, in units of the largest."""
    unit = point.W / np.linalg.norm(point.W, axis=1)[:, None]
    values = np.linalg.svd(weighted_monomials(unit, point.alpha - 1), compute_uv=False)
    return float(values[-1] / values[0])


def _features(point: KKTPoint, C: FloatArray) -> Matrix:
    """Monomials of degree alpha - 1 at enclosed eigenvectors near the neurons."""
    exact, b = arb_mat(C.tolist()), [arb(t) for t in point.b]
    boxes = enclosed_directions(exact, b, point.alpha, eigenvectors_of(point), digits=30)
    return [monomials(u, point.alpha - 1) for u in boxes]
