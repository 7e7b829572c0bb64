"""What may be done to samples without changing the equations: signs, and splits off the row space.

arXiv 2602.08723, sections 4.2 and A.2; lengths are in ``appendix_a.length_of_samples``.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

import sympy

from proofs_check.docket import Docket
from proofs_check.exact.conditions import (
    independent_units,
    margins_with,
    meets_theorem,
    point_symbols,
    stationary_with,
    vanish,
)
from proofs_check.exact.exact_kkt import orthonormal_point
from proofs_check.exact.formulas import Vector, combine, contraction, dot, form, gram, network
from proofs_check.exact.one_term import flipped_sign, halves_off_the_row_space
from proofs_check.exact.proof_a_2 import Sample, normalized
from proofs_check.exact.rational import Rows, rank
from proofs_check.exact.tensor_pencil import (
    RANDOM,
    SEED,
    PencilInstance,
    decomposed,
    dual_basis,
    pencil_instances,
)
from proofs_check.ledger import ClaimVerdict, Origin, Severity, claim


def up_to_sign(x: Rows, b: Vector, alpha: int) -> set[Sample]:
    """Per sample the one of (x, b) and (-x, (-1)^alpha b) whose first entry is positive."""
    return {normalized(x_i, b_i, alpha) for x_i, b_i in zip(x, b, strict=True)}


def recovered(case: PencilInstance) -> set[Sample]:
    """The samples that the pencil finds, and their weights by the dual basis (E1)."""
    x = decomposed(case)[1]
    b = [form(case.b, case.x, y_k, case.alpha) for y_k in dual_basis(x)]
    return up_to_sign(x, b, case.alpha)


def another_set(alpha: int, x: Rows, b: Vector, other_x: Rows, other_b: Vector) -> bool:
    """Whether a network meets Theorem 4.1 with (x, b), and all KKT conditions with another set."""
    point = orthonormal_point(x, b, alpha)
    return (
        meets_theorem(point)
        and len(other_x) == len(x)
        and independent_units(other_x)
        and stationary_with(point, other_x, other_b)
        and margins_with(point, other_x, other_b) == point.margins()
        and set(zip(x, b, strict=True)) != set(zip(other_x, other_b, strict=True))
    )


@claim(
    "E2",
    where="4.2, Theorem 4.1",
    statement="One can recover the active components (x_i, b_i) from T up to permutation.",
    corrected=(
        "Up to permutation and sign: (x_i, b_i) and (-x_i, (-1)^α b_i) have the same T and the "
        "same margins, the label going with b_i."
    ),
    gist="samples are found up to permutation and sign",
    severity=Severity.GAP,
    recorded=ClaimVerdict.CORRECTED,
)
def signs(docket: Docket) -> None:
    """(-x)^{⊗alpha} = (-1)^alpha x^{⊗alpha}, and y Phi(x) = (-1)^alpha y Phi(-x).

    Nothing else is open: directions are unique (A.9), unit norm leaves the sign, and b follows.
    """
    docket.general(
        "one term of any degree: f and b Φ(x) are the same for (x, b) and (-x, (-1)^α b)",
        flipped_sign(),
    )
    a, W, b, x = point_symbols(2, 2, 2)
    for alpha in (3, 4, 5, 6):
        flipped = [(-1) ** alpha * b[0], b[1]], [[-t for t in x[0]], x[1]]
        f, g = (contraction(*samples, W[0], alpha) for samples in ((b, x), flipped))
        phi, psi = (network(a, W, t, alpha) for t in (x[0], flipped[1][0]))
        docket.example(
            f"f(w) and b Φ(x) are the same for (x, b) and (-x, (-1)^α b), α = {alpha}",
            [vanish(f[0] - g[0], f[1] - g[1]), vanish(b[0] * phi - flipped[0][0] * psi)],
        )
    docket.example(
        f"recovery up to permutation and sign, {RANDOM}",
        [recovered(case) == up_to_sign(case.x, case.b, case.alpha) for case in pencil_instances()],
        seed=SEED,
    )
    for alpha, b in ((3, (-1, 1)), (4, (1, 1))):
        docket.refute(
            f"α = {alpha}: one network, two sets of samples that differ in the sign of one",
            another_set,
            near={
                "the hypotheses of Theorem 4.1": {"alpha": alpha + 2},
                "the same equations": {"other_b": (2, 1)},
                "unit samples": {
                    "other_x": ((-2, 0), (0, 1)),
                    "other_b": (Fraction(b[0], 2**alpha), 1),
                },
                "another set": {"other_x": ((1, 0), (0, 1)), "other_b": (1, 1)},
                "as many samples": {
                    "other_x": ((-1, 0), (0, 1), (1, 0)),
                    "other_b": (*b, 0),
                },
            },
            alpha=alpha,
            x=((1, 0), (0, 1)),
            b=(1, 1),
            other_x=((-1, 0), (0, 1)),
            other_b=b,
        )


@claim(
    "split-orthogonal",
    where="4.2, Theorem 4.1",
    statement=(
        "The rank condition (4.2) counts N in all d variables. Counted in r = rank(W) < d "
        "variables, it does not determine the samples: x_i can be split into x_i ± z, z orthogonal "
        "to all W_j."
    ),
    gist="off the row space of W a sample can be split without a trace",
    origin=Origin.OURS,
    recorded=ClaimVerdict.PROVED,
    hypotheses=(
        "power activations, α >= 3",
        "norms are free, or margins are not used; known norms and margins exclude this split",
    ),
)
def split_off_the_row_space(docket: Docket) -> None:
    """The equations contain x_i through x_i.W_j, and x_i itself times b_i: halves cancel z.

    So all four conditions hold for x_i +- z with b_i / 2. At most r independent samples are unique
    all the same, on the row space. |x_i +- z| > 1, and rescaling to unit norm shrinks the margin.
    A split inside the row space changes p there, by a form in x.w and delta.w with positive
    coefficients, so it changes T.
    """
    x, delta, w = (sympy.symbols(f"{name}:2") for name in ("x", "delta", "w"))
    docket.general(
        "one sample, any degree: halves at x ± z with z.w = 0 have the terms of x in p and in f",
        halves_off_the_row_space(),
    )
    for alpha in (3, 4, 5, 6):
        parts = [combine([1, sign], [x, delta]) for sign in (1, -1)]
        change = form([Fraction(1, 2)] * 2, parts, w, alpha) - form([1], [x], w, alpha)
        even = [
            comb(alpha, k) * dot(x, w) ** (alpha - k) * dot(delta, w) ** k
            for k in range(2, alpha + 1, 2)
        ]
        docket.example(
            f"halves at x ± δ change p(w) by sum_k C(α, k) (x.w)^(α-k) (δ.w)^k, k = 2, 4, ..., "
            f"α = {alpha}",
            vanish(change - sum(even)),
        )
    for alpha, d, labels in ((3, 3, (1, 1)), (3, 4, (1, -1)), (4, 3, (1, 1))):
        rows = [[int(j == k) for k in range(d)] for j in range(2)]
        point = orthonormal_point(rows, labels, alpha)
        z = [0] * (d - 1) + [Fraction(3, 4)]
        pair = [combine([1, sign], [rows[0], z]) for sign in (1, -1)] + rows[1:]
        b = [Fraction(labels[0], 2)] * 2 + [Fraction(labels[1])]
        unit = [[Fraction(4, 5) * t for t in u] for u in pair[:2]] + rows[1:]
        c = [Fraction(5, 4) ** alpha * t for t in b[:2]] + b[2:]
        same = margins_with(point, rows, labels)[0]
        docket.example(
            f"α = {alpha}, d = {d}, labels {labels}: rank(K) = N(2), a KKT point; x_1 ± z with b/2 "
            "keep f(W_j) and the margins, not the norms; scaled to norm 1, not the margins",
            [
                point.kkt() and rank(gram(point.u, alpha)) == comb(alpha, alpha - 1),
                stationary_with(point, pair, b)
                and all(t == same for t in margins_with(point, pair, b)),
                all(dot(u, u) > 1 for u in pair[:2]),
                all(dot(u, u) == 1 for u in unit) and stationary_with(point, unit, c),
                all(t != same for t in margins_with(point, unit, c)[:2]),
                all(
                    contraction(b, pair, u, alpha) == contraction(labels, rows, u, alpha)
                    for u in point.u
                ),
            ],
        )
        inside = [combine([1, sign * Fraction(1, 2)], rows) for sign in (1, -1)]
        docket.example(
            f"α = {alpha}, d = {d}, labels {labels}: e_1 ± e_2 / 2, inside the row space, are not",
            not stationary_with(point, inside + rows[1:], b),
        )
