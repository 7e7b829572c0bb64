"""Section 4.2: when the hypothesis rank(K) = N of Theorem 4.1 can hold, for orthonormal samples.

arXiv 2602.08723, sections 1 and 4.2. T has finitely many real eigenvectors up to scale, so the rank
of K is bounded whatever the width. With r active samples all neurons lie in their span, and N
becomes N(r); Theorem 4.1 as stated needs r = d.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

from proofs_check.claims.appendix_a.orthonormal_directions import (
    Labels,
    integer_rank,
    labellings,
    one_class,
    parallel,
    patterns,
)
from proofs_check.docket import Docket, Method
from proofs_check.exact.exact_kkt import orthonormal_point
from proofs_check.exact.formulas import (
    Matrix,
    Scalar,
    Vector,
    contraction,
    dot,
    exponents,
    form,
    gram,
    monomials,
)
from proofs_check.exact.one_term import k, same, t
from proofs_check.exact.ranks import forms
from proofs_check.exact.rational import identity, rank
from proofs_check.ledger import ClaimVerdict, Origin, Severity, claim


def gram_rank(labels: Labels, alpha: int) -> int:
    """Rank of K for neurons on all eigenvectors of orthonormal samples: distinct monomials."""
    # on the patterns a monomial depends, up to sign, on its support alone (alpha odd), or on it and
    # on the set of odd exponents, within one class (alpha even); as functions these are independent
    if alpha % 2:
        return sum(comb(len(labels), s) for s in range(1, alpha))
    return sum(
        comb(q, odd) * comb(q - odd, even)
        for q in (labels.count(1), labels.count(-1))
        for odd in range(1, q + 1, 2)
        for even in range(q - odd + 1)
        if odd + 2 * even <= alpha - 1
    )


REDUCTIONS = {3: True, 4: True, 5: False}
"""By alpha, whether the monomials of degree alpha - 1 have different reductions."""


def distinct_reductions(alpha: int) -> bool:
    """Whether monomials of degree alpha - 1 in as many variables differ on the patterns."""
    # exponents above the largest fall by 2, or for alpha = 3, on {0, 1}, to 1
    largest, fall = (1, 1) if alpha == 3 else (2, 2)

    def reduced(e: int) -> int:
        return e if e <= largest else reduced(e - fall)

    found = [tuple(map(reduced, index)) for index in exponents(alpha - 1, alpha - 1)]
    return len(set(found)) == len(found)


def satisfiable(labels: Labels, alpha: int) -> bool:
    """Whether r >= 2 orthonormal samples admit a KKT point with rank(K) = N(r)."""
    return alpha == 3 or (alpha == 4 and one_class(labels))


@claim(
    "satisfiability-orthonormal",
    where="4.2, eq. (4.2)",
    statement="For r >= 2 orthonormal active samples some KKT point has rank(K) = N(r), of "
    "whatever width, if and only if α = 3, or α = 4 and all labels are equal.",
    gist="for orthonormal samples (4.2) can hold for α = 3, or α = 4 and one class, only",
    origin=Origin.OURS,
    recorded=ClaimVerdict.PROVED,
    hypotheses=("α >= 3", "the active samples are orthonormal and r is at least 2"),
)
def orthonormal(docket: Docket) -> None:
    """The eigenvectors are D u with u in {-1, 0, 1}^r and D diagonal, and D changes no rank.

    If: neurons on all of them form a KKT point, all margins being equal by symmetry. Modulo
    z^3 - z every monomial has exponents 0, 1 or 2 in each variable, and on {0, 1}, where the
    patterns of alpha = 3 lie up to signs, modulo z^2 - z exponents 0 or 1. Such monomials are
    independent on the cube, for all r, because 1, z, z^2 are so on {-1, 0, 1} and 1, z on {0, 1}.
    For alpha = 3 and 4 no two monomials of degree alpha - 1 have one reduction; they have to have
    one support, of alpha - 1 variables at most, so r = alpha - 1 is enough to see it.
    Only if: for alpha >= 5 the monomials z_1^(alpha-2) z_2 and z_1^(alpha-4) z_2^3 have one
    reduction, as z^(k+2) - z^k = z^(k-1) (z^3 - z); for alpha = 4 and samples 1, 2 of different
    classes z_1^2 z_2 vanishes on all patterns.
    """
    docket.general(
        "z^(k+2) - z^k = z^(k-1) (z^3 - z) for every k >= 1, so degrees α-2 and α-4, 1 and 3 agree "
        "for every α >= 5, and for no α below, where α-4 < 1",
        [
            same(t ** (k + 2) - t**k, t ** (k - 1) * (t**3 - t)),
            [alpha for alpha in range(3, 9) if alpha - 4 >= 1] == list(range(5, 9)),
        ],
    )
    docket.general(
        "1, z, z^2 are independent on {-1, 0, 1} and 1, z on {0, 1}; the monomials of degree 2 and "
        "3 reduce to different ones, those of degree 4 do not",
        [
            rank([[point**e for e in range(3)] for point in (-1, 0, 1)]) == 3,
            rank([[point**e for e in range(2)] for point in (0, 1)]) == 2,
            *(distinct_reductions(alpha) == expected for alpha, expected in REDUCTIONS.items()),
        ],
        method=Method.EXACT,
    )
    for alpha, most in ((3, 6), (4, 6), (5, 6), (6, 6), (7, 4)):
        outcomes = []
        for _, y in labellings((alpha,), range(2, most + 1)):
            found = integer_rank([monomials(u, alpha - 1) for u in patterns(y, alpha)])
            outcomes += [found == gram_rank(y, alpha)]
            outcomes += [(found == forms(len(y), alpha - 1)) == satisfiable(y, alpha)]
        docket.example(
            f"rank(K) for neurons on all eigenvectors, α = {alpha}, r = 2..{most}, all sizes of "
            "the classes: by elimination and in closed form; N(r) where stated, less elsewhere",
            outcomes,
        )
    docket.example(
        "neurons on all eigenvectors satisfy all four KKT conditions where stated, r = 2..5",
        [
            orthonormal_point(identity(len(y)), y, alpha).kkt()
            for alpha, y in labellings((3, 4), range(2, 6))
            if satisfiable(y, alpha)
        ],
    )
    docket.example(
        "two monomials agree on all patterns for α = 5..12; one vanishes for α = 4, y = (1, -1)",
        [
            *(
                u[0] ** (alpha - 2) * u[1] == u[0] ** (alpha - 4) * u[1] ** 3
                for alpha, y in labellings(range(5, 13), (2,))
                for u in patterns(y, alpha)
            ),
            *(u[0] ** 2 * u[1] == 0 for u in patterns((1, -1), 4)),
            [satisfiable(y, 4) for _, y in labellings((4,), (2,))] == [True, False],
        ],
    )


def _is_kkt(m: int, a: Scalar, w: Vector, b: Vector, x: Matrix, alpha: int) -> bool:
    """The KKT conditions for m equal neurons (a, w) and active unit samples of the class +1."""
    f = contraction(b, x, w, alpha)
    return (
        all(w_k == alpha * a * f_k for w_k, f_k in zip(w, f, strict=True))
        and a == form(b, x, w, alpha)
        and all(m * a * dot(w, x_i) ** alpha == 1 for x_i in x)
        and all(b_i > 0 for b_i in b)
        and all(dot(x_i, x_i) == 1 for x_i in x)
    )


def not_recoverable(
    m: int, a: Scalar, w: Vector, b: Vector, x: Matrix, others: Matrix, alpha: int
) -> bool:
    """Two different sets of independent samples for one network of at least N neurons."""
    return (
        m >= forms(len(w), alpha - 1)
        and _is_kkt(m, a, w, b, x, alpha)
        and _is_kkt(m, a, w, b, others, alpha)
        and rank(x) == rank(others) == len(x)
        and not any(parallel(u, v) for u in x for v in others)
    )


HALF_TURNED = tuple(
    tuple(Fraction(t, 3) for t in row) for row in ((-1, 2, 2), (2, -1, 2), (2, 2, -1))
)
"""The images of e_1, e_2, e_3 under the half-turn about (1, 1, 1)."""


@claim(
    "E4",
    where="1, last sentence of Question 1",
    statement="With cubic or higher-degree activations, margin samples are exactly recoverable for "
    "moderately wide networks.",
    corrected="Width is not the obstacle: wide networks exist whose KKT equations do not determine "
    "the samples, and at any width rank(K) is at most its value for one neuron on each real "
    "eigenvector of T. For r >= 2 orthonormal samples that is N(r) only if α = 3, or α = 4 with "
    "one class; elsewhere no width satisfies (4.2).",
    gist="width is not what makes samples recoverable: no width need satisfy (4.2)",
    severity=Severity.FATAL,
    recorded=ClaimVerdict.CORRECTED,
)
def width(docket: Docket) -> None:
    """Copies of a neuron are new rows of W, not new values of f.

    The counterexample has all neurons on (1, 1, 1). It is a KKT point of e_1, e_2, e_3, and as well
    of their images under the half-turn about that axis; the axis is what it determines.
    """
    third, tenth = Fraction(1, 3), Fraction(1, 10)
    docket.refute(
        "10000 neurons a_j = 1/10, W_j = (1, 1, 1)/10, N = 6: two sets of independent unit samples "
        "of one class satisfy all KKT conditions, with the same weights and all margins 1",
        not_recoverable,
        near={
            "as many neurons as N": {"m": 1, "a": 1, "w": (1, 1, 1), "b": (third,) * 3},
            "the common margin is 1": {"m": 10**4 + 1},
            "a KKT point of the first set": {"x": ((1, 0, 0), (0, 1, 0), (0, 0, -1))},
            "a KKT point of the second set": {"others": (*HALF_TURNED[:2], (1, 0, 0))},
            "a different set": {"others": ((1, 0, 0), (0, 1, 0), (0, 0, 1))},
            "independent samples": {
                "b": (50 * third, 100 * third, 100 * third, 50 * third),
                "x": ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0)),
                "others": (*HALF_TURNED, HALF_TURNED[0]),
            },
            "unit samples": {"x": ((1, 2, -2), (0, -1, 2), (0, 0, 1))},
        },
        m=10**4,
        a=tenth,
        w=(tenth, tenth, tenth),
        b=(100 * third, 100 * third, 100 * third),
        x=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        others=HALF_TURNED,
        alpha=3,
    )
    docket.exact(
        "α = 3..6, r = 2..4: one neuron on each eigenvector gives rank N(r) where stated and less "
        "elsewhere; two more on each, of other signs and lengths, do not change it",
        [
            (narrow == forms(len(y), alpha - 1)) == satisfiable(y, alpha) and narrow == wide
            for alpha, y in labellings(range(3, 7), range(2, 5))
            for W in [patterns(y, alpha)]
            for narrow in [rank(gram(W, alpha))]
            for wide in [rank(gram([[s * t for t in u] for u in W for s in (1, -2, 3)], alpha))]
        ],
    )
