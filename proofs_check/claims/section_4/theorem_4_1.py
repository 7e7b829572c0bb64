"""Theorem 4.1 from end to end: exactly, in balls, and reduced to the row space of W.

arXiv 2602.08723, section 4.2 and appendix A.2; the steps are in ``proofs_check.exact.proof_a_2``.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb

import numpy as np
import sympy

from proofs_check.docket import Docket
from proofs_check.exact.exact_kkt import ExactPoint, orthonormal_point
from proofs_check.exact.formulas import contraction, dot, gram
from proofs_check.exact.proof_a_2 import normalized, recover_exactly
from proofs_check.exact.rational import Matrix, cayley, independent_columns, rank
from proofs_check.ledger import ClaimVerdict, Origin, claim

SEED = 4


def _forms(r: int, alpha: int) -> int:
    """N(r) = C(r+alpha-2, alpha-1), the dimension of the forms of degree alpha-1."""
    return comb(r + alpha - 2, alpha - 1)


def rotation(d: int, seed: int) -> Matrix:
    """A seeded rational rotation."""
    draws = np.random.default_rng(seed).integers([-4, 1], [5, 5], (comb(d, 2), 2)).tolist()
    return cayley([Fraction(p, q) for p, q in draws], d)


def rotated_point(alpha: int, d: int, labels: Sequence[int], seed: int) -> ExactPoint:
    """The exact KKT point on the first rows of a seeded rational rotation."""
    return orthonormal_point(rotation(d, seed)[: len(labels)], labels, alpha)


def is_recovered(point: ExactPoint) -> bool:
    """Whether (A.3) and nothing else leads back to all samples and weights, up to sign."""
    values = [point.known_value(j) for j in range(len(point.u))]
    truth = {normalized(x, b, point.alpha) for x, b in zip(point.x, point.b, strict=True)}
    return recover_exactly(point.u, values, point.alpha, SEED) == truth


@claim(
    "theorem-4.1-exact",
    where="4.2, Theorem 4.1",
    statement=(
        "α >= 3, rank(K) = N, samples independent with |x_i| = 1: (a, W) determines the active "
        "(x_i, b_i)."
    ),
    gist="Theorem 4.1 run from the weights to the samples, in rational arithmetic",
    recorded=ClaimVerdict.TESTED,
    hypotheses=(
        "orthonormal rational samples as many as dimensions",
        "α = 3 with any labels, α = 4 with one class",
        "one neuron on each eigenvector of T",
        "up to permutation and sign (E2), slices outside a null set (A.7)",
    ),
)
def theorem_exact(docket: Docket) -> None:
    """Appendix A.2 is run on what a and W give, in rational arithmetic from beginning to end.

    The lengths of the neurons are the only irrational numbers. They cancel from (A.3), so the
    directions and f at the directions are rational; so are all steps from there, the eigenvalues of
    C being ratios of rational gammas.
    """
    for alpha, d, labels in (
        (3, 2, (1, 1)),
        (3, 2, (1, -1)),
        (3, 3, (1, -1, 1)),
        (3, 4, (1, -1, -1, 1)),
        (4, 2, (1, 1)),
        (4, 3, (-1, -1, -1)),
    ):
        points = [rotated_point(alpha, d, labels, seed) for seed in range(3)]
        docket.exact(
            f"α = {alpha}, d = {d}, labels {labels}: all four KKT conditions, rank(K) = N = "
            f"{_forms(d, alpha)}, and every (x_i, b_i) recovered, for 3 rational rotations",
            [
                point.kkt()
                and rank(gram(point.u, alpha)) == _forms(d, alpha)
                and is_recovered(point)
                for point in points
            ],
            seed=0,
        )


@claim(
    "E3",
    where="4.2, Theorem 4.1",
    statement="rank(K) = N(d) with {x_i} independent: the active components can be recovered.",
    gist="the hypothesis of Theorem 4.1 forces exactly d active samples",
    recorded=ClaimVerdict.PROVED,
    corrected=(
        "Right, but these hypotheses force exactly d active samples: with fewer, rank(K) <= "
        "N(|S|) < N(d) at any width. The usable hypothesis is rank(K) = N(rank W)."
    ),
    hypotheses=("d >= 2, α >= 3",),
)
def exactly_d_samples(docket: Docket) -> None:
    """By (4.1), W_j = alpha a_j sum_i b_i (x_i.W_j)^(alpha-1) x_i lies in span{x_i : i in S}.

    On a subspace of dimension r the forms of degree alpha-1 have dimension N(r), so
    rank(K) <= N(|S|), and N increases strictly for alpha >= 3. Hence rank(K) = N(d) needs
    |S| >= d, and independence |S| <= d.
    """
    cases = [(alpha, d, n) for alpha in (3, 4) for d in (2, 3, 4) for n in range(1, d)]
    points = [rotated_point(alpha, d, (1,) * n, seed=d) for alpha, d, n in cases]
    r, alpha = sympy.symbols("r alpha", integer=True, positive=True)
    docket.general(
        "N(r+1) - N(r) = C(r+α-2, α-2), and this is positive: N increases for every α >= 2",
        sympy.simplify(
            sympy.expand_func(
                sympy.gammasimp(
                    (
                        sympy.binomial(r + alpha - 1, alpha - 1)
                        - sympy.binomial(r + alpha - 2, alpha - 1)
                        - sympy.binomial(r + alpha - 2, alpha - 2)
                    ).rewrite(sympy.gamma)
                )
            )
        )
        == 0,
    )
    docket.example(
        "n < d samples, α = 3 and 4, d = 2..4: rank(K) is N(n), its maximum, and below N(d)",
        [
            point.kkt()
            and rank([*point.x, *point.u]) == n
            and rank(gram(point.u, alpha)) == _forms(n, alpha) < _forms(d, alpha)
            for point, (alpha, d, n) in zip(points, cases, strict=True)
        ],
        seed=4,
    )
    docket.example(
        "N(r) < N(r+1) for α = 3..8, r = 1..12",
        [_forms(r, alpha) < _forms(r + 1, alpha) for alpha in range(3, 9) for r in range(1, 13)],
    )


@claim(
    "theorem-4.1-reduced",
    where="4.2, Theorem 4.1 in the row space",
    statement=(
        "Let r = rank W and rank(K) = N(r). Then no set of fewer than r samples satisfies the "
        "stationarity equations, and all sets of r samples that do are one set, up to permutation "
        "and (x_i, b_i) ~ (c x_i, c^-α b_i), where c = ±1 if |x_i| = 1 is known."
    ),
    gist="Theorem 4.1 in the row space: unique among sets of at most rank W samples",
    origin=Origin.OURS,
    recorded=ClaimVerdict.PROVED,
    hypotheses=(
        "α >= 3, Φ(x) = sum_j a_j (W_j.x)^α, W_j = α a_j f(W_j) for every j, W not 0",
        "b_i is not 0; neither independence nor unit norms nor margins are assumed",
        "only sets of at most r samples are compared; larger ones exist (see split-orthogonal)",
    ),
)
def theorem_reduced(docket: Docket) -> None:
    """Proof. Let P project on R = row(W), and let (x_i, b_i), i in S, satisfy the equations.

    1. R contains all points W_j, and a form of degree alpha-1 on R that vanishes at all of them is
       0, because rank(K) = N(r). So f on R is the one interpolant of its values W_j / (alpha a_j).
       These lie in R, so (1 - P) f vanishes on R.
    2. Hence f(w) = sum_i b_i (P x_i.w)^(alpha-1) P x_i for w in R. It lies in span{P x_i}, and
       its values at the W_j span R. So span{P x_i} = R and |S| >= r.
    3. If |S| = r, the P x_i are independent, and so are the forms (P x_i.w)^(alpha-1) on R. In
       0 = (1 - P) f(w) = sum_i b_i (P x_i.w)^(alpha-1) (1 - P) x_i every coefficient then
       vanishes: all samples lie in R.
    4. In R there are r independent samples in r dimensions. Step 2 of A.2 finds their directions
       from T, which f on R determines, and the coefficient formula (E1) their weights. QED

    The Gram condition enters in 1. only; any other reason for which f on R is determined will do.
    """
    for alpha, d, labels in ((3, 4, (1, -1)), (3, 4, (1, -1, 1)), (3, 5, (1, 1)), (4, 4, (1, 1))):
        n = len(labels)
        points = [rotated_point(alpha, d, labels, seed) for seed in range(3)]
        docket.example(
            f"α = {alpha}, d = {d}, labels {labels}: rank(K) = N({n}) < N({d}), f spans R, "
            "the powers are independent, and every (x_i, b_i) is recovered, for 3 rotations",
            [
                rank(gram(point.u, alpha)) == _forms(n, alpha) < _forms(d, alpha)
                and spans_row_space(point)
                and powers_independent(point)
                and is_recovered(point)
                for point in points
            ],
            seed=0,
        )
    one, two = (groebner_system(count) for count in (1, 2))
    docket.symbolic(
        "α = 3, neurons along e1, e2, e1 + e2 in R^3, Groebner basis over the complex numbers: "
        "no solution with one sample",
        one.exprs == [1],
    )
    docket.symbolic(
        "and with two samples, scaled to b_i = 1, there are some, all multiples of e1 and e2",
        [two.exprs != [1]]
        + [vanishes(two, entry) for z in unknowns(2) for entry in (z[2], z[0] * z[1])],
    )


def spans_row_space(point: ExactPoint) -> bool:
    """Whether the values f(u_j) lie in row(W) and span it (steps 1 and 2)."""
    values = [contraction(point.b, point.x, u, point.alpha) for u in point.u]
    return rank(values) == rank(point.u) == rank([*values, *point.u])


def powers_independent(point: ExactPoint) -> bool:
    """Whether the powers (P x_i.w)^(alpha-1) are independent on row(W) (step 3)."""
    powers = [[dot(x, u) ** (point.alpha - 1) for x in point.x] for u in point.u]
    return len(independent_columns(powers)) == len(point.x)


def unknowns(count: int) -> list[tuple[sympy.Symbol, ...]]:
    """Unknown samples z_i = b_i^(1/3) x_i in R^3."""
    return [sympy.symbols(f"z{i}_:3") for i in range(count)]


def groebner_system(count: int) -> sympy.GroebnerBasis:
    """Groebner basis of f(u) = u at u = e1, e2, e1 + e2 for unknown samples, alpha = 3."""
    z = unknowns(count)
    points = [(1, 0, 0), (0, 1, 0), (1, 1, 0)]
    values = [contraction([1] * count, z, u, 3) for u in points]
    equations = [
        f_k - u_k
        for f, u in zip(values, points, strict=True)
        for f_k, u_k in zip(f, u, strict=True)
    ]
    symbols = [entry for sample in z for entry in sample]
    return sympy.groebner(equations, *symbols, order="grevlex")


def vanishes(basis: sympy.GroebnerBasis, entry: sympy.Expr) -> bool:
    """Whether an expression is 0 at all common zeros: adding 1 - t entry leaves none."""
    t = sympy.Symbol("t")
    system = sympy.groebner([*basis.exprs, 1 - t * entry], t, *basis.gens, order="grevlex")
    return system.exprs == [1]
