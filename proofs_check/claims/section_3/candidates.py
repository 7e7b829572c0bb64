"""Section 3: zero reconstruction loss with more candidates than samples.

arXiv 2602.08723, section 3, last display and the sentence before it.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np

from proofs_check.docket import Docket
from proofs_check.exact.conditions import margins_with, meets_theorem, stationary_with
from proofs_check.exact.exact_kkt import orthonormal_point
from proofs_check.exact.formulas import Matrix, Scalar, Vector, dot, form, monomials
from proofs_check.exact.rational import Rows, cayley, rank, solve, transpose
from proofs_check.ledger import ClaimVerdict, claim


def powers(x: Matrix, alpha: int) -> list[list[Scalar]]:
    """One column per sample: the distinct entries of x_i^{⊗alpha}."""
    return transpose([monomials(x_i, alpha) for x_i in x])


def not_recovered(alpha: int, x: Rows, b: Vector, candidates: Rows, weights: Vector) -> bool:
    """Whether 2n unit candidates, none of them +-x_i, have zero loss under Theorem 4.1."""
    point = orthonormal_point(x, b, alpha)
    return (
        meets_theorem(point)
        and len(candidates) >= 2 * len(x)
        and all(dot(u, u) == 1 for u in candidates)
        and all(t != 0 for t in weights)
        and stationary_with(point, candidates, weights)
        and all(dot(u, x_i) ** 2 < 1 for u in candidates for x_i in x)
    )


PLANE = tuple((Fraction(p, 5), Fraction(q, 5)) for p, q in ((3, 4), (3, -4), (4, 3), (4, -3)))
"""Four unit vectors whose cubes span the binary cubics."""


@claim(
    "E13",
    where="3, last display",
    statement=(
        "As the optimal value of the reconstruction loss is zero, reconstruction is equivalent to "
        "solving the stationarity equation."
    ),
    corrected=(
        "Right as it is meant: a minimum of value zero is a solution. That it holds samples is "
        "another matter, which the paper raises in the next paragraph: with 2n candidates zero is "
        "reached without any sample among them, with C(d+α-1, α) generic ones for any data. Under "
        "Theorem 4.1 it suffices if the unit candidates are linearly independent and every λ > 0; "
        "then they are the samples up to permutation and sign."
    ),
    gist="zero loss is the equation, as written; it is no proof that samples were found",
    recorded=ClaimVerdict.PROVED,
)
def oversized(docket: Docket) -> None:
    """The loss depends on the candidates through T alone, and T is a sum of powers in many ways.

    In a plane four cubes span all binary cubics, so any four in general position replace any two
    samples. Pair by pair this gives 2n candidates for every even n. The margins of candidates are
    no part of the objective. For independent candidates T has one decomposition (A.2, step 2).
    """
    x, b = ((1, 0), (0, 1)), (1, 1)
    cubes = [[dot(u, w) ** 3 for w in PLANE] for u in PLANE]
    weights = tuple(row[0] for row in solve(cubes, [[form(b, x, u, 3)] for u in PLANE]))
    docket.exact(
        "two samples and their network for α = 3 meet every hypothesis of Theorem 4.1; four unit "
        "candidates have zero loss, no cosine with a sample exceeds 4/5, and no three have it",
        [
            not_recovered(3, x, b, PLANE, weights),
            not not_recovered(3, x, b, PLANE[:3], weights[:3]),
        ],
    )
    point = orthonormal_point(x, b, 3)
    docket.exact(
        "their margins y Φ(x) differ, which the objective does not see; those of the samples agree",
        [
            len({tuple(sorted(t.items())) for t in margins_with(point, PLANE, weights)}) > 1,
            margins_with(point, x, b) == point.margins(),
        ],
    )
    axes = [[int(j == k) for k in range(4)] for j in range(4)]
    doubled = [(*u, 0, 0) for u in PLANE] + [(0, 0, *u) for u in PLANE]
    docket.exact(
        "the same for n = 4 samples in R^4 and 8 candidates, α = 3",
        not_recovered(3, axes, (1,) * 4, doubled, weights * 2),
    )
    _independent_candidates(docket)


def _independent_candidates(docket: Docket, seed: int = 3) -> None:
    """File what the corrected statement of E13 says about other numbers of candidates."""
    rng = np.random.default_rng(seed)

    def units(count: int, d: int) -> list[list[Fraction]]:
        entries = rng.integers(-9, 10, (count, comb(d, 2)))
        return [cayley([Fraction(int(t), 5) for t in row], d)[0] for row in entries]

    outcomes, spanning = [], []
    for d, alpha in ((2, 3), (3, 3), (3, 4), (4, 3)):
        for _ in range(5):
            columns = powers(units(2 * d, d), alpha)
            samples, candidates = [r[:d] for r in columns], [r[d:] for r in columns]
            both = [[*u, sum(r)] for u, r in zip(candidates, samples, strict=True)]
            outcomes.append(rank(candidates) == d < rank(both))
        columns = powers(units(comb(d + alpha - 1, alpha), d), alpha)
        spanning.append(rank(columns) == len(columns) == len(columns[0]))
    docket.witness(
        "no weights on d independent generic candidates give T = sum_i x_i^{⊗α} of d generic "
        "samples, (d, α) = (2, 3), (3, 3), (3, 4), (4, 3)",
        outcomes,
        seed=seed,
    )
    docket.witness(
        "the powers of C(d+α-1, α) generic unit vectors are a basis, so they give every T, "
        "(d, α) = (2, 3), (3, 3), (3, 4), (4, 3)",
        spanning,
        seed=seed,
    )
