"""Section 4.2: when the hypothesis rank(K) = N of Theorem 4.1 can hold, for orthonormal samples.

arXiv 2602.08723, sections 1, 4.2 and A.2. By (4.1) every neuron of a KKT point that is not 0 is a
real eigenvector f(w) = mu w of T = sum_i b_i x_i^{⊗alpha}, mu = 1 / (alpha a_j). There are finitely
many of them up to scale, so the rank of K is bounded whatever the width. With r active samples all
neurons lie in their span, and N becomes N(r); Theorem 4.1 as stated needs r = d.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, product
from math import comb

from flint import fmpq, fmpq_mat, fmpz_mat

from proofs_check.docket import Docket
from proofs_check.exact.eigenvector_count import count_directions, count_in_plane
from proofs_check.exact.exact_kkt import orthonormal_point
from proofs_check.exact.formulas import (
    Matrix,
    Scalar,
    Vector,
    contraction,
    dot,
    form,
    gram,
    monomials,
)
from proofs_check.exact.ranks import expected_directions, forms
from proofs_check.exact.rational import identity, rank, to_flint
from proofs_check.ledger import ClaimVerdict, claim

Labels = tuple[int, ...]


def labellings(alphas: Sequence[int], sizes: Sequence[int]) -> Iterator[tuple[int, Labels]]:
    """Every degree with every number of samples and of negative labels among them."""
    for alpha, r in product(alphas, sizes):
        for negative in range(r // 2 + 1):
            yield alpha, (1,) * (r - negative) + (-1,) * negative


def one_class(labels: Labels) -> bool:
    """Whether all labels are equal."""
    return len(set(labels)) == 1


def patterns(labels: Labels, alpha: int) -> list[list[int]]:
    """The eigenvectors of sum_i y_i x_i^{⊗alpha} for orthonormal x_i, in these coordinates."""
    point = orthonormal_point(identity(len(labels)), labels, alpha)
    return [[int(t) for t in u] for u in point.u]


def integer_rank(rows: Matrix) -> int:
    """Rank of an integer matrix."""
    return fmpz_mat([list(row) for row in rows]).rank()


def parallel(u: Vector, v: Vector) -> bool:
    """Whether all 2 x 2 minors of two vectors vanish."""
    return all(u[j] * v[k] == u[k] * v[j] for j, k in combinations(range(len(u)), 2))


@claim(
    "orthonormal-directions",
    where="A.2, eq. (A.2)",
    statement="W_j = α a_j f(W_j): every neuron is an eigenvector of T. For r orthonormal samples "
    "these are the w for which b_i (x_i.w)^{α-2} is the same for all i in a support: 2^r - 1 "
    "directions for α odd, (3^q - 1)/2 summed over the two classes, of q samples each, for α even.",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("α >= 3", "x_1, ..., x_r orthonormal, all b_i other than 0"),
)
def directions(docket: Docket) -> None:
    """With z_i = x_i.w the equation f(w) = mu w reads b_i z_i^(alpha-1) = mu z_i, mu != 0.

    On the support of z, z_i^(alpha-2) = mu / b_i. For alpha odd the root is unique and mu scales
    the vector: one direction per support. For alpha even all b_i of the support have the sign of
    mu, and each root has two signs: 3^q - 1 vectors per class, w and -w being one direction.
    """
    for alpha, most in ((3, 5), (4, 3), (5, 3), (6, 2)):
        outcomes = []
        for _, y in labellings((alpha,), range(1, most + 1)):
            b = [fmpq(t * (i + 1)) for i, t in enumerate(y)]
            found = count_directions(to_flint(identity(len(y))), b, alpha)
            outcomes.append(found == expected_directions(y, alpha))
        docket.exact(
            f"solutions of f(w) = ±w counted by the signature of Hermite's form, α = {alpha}, "
            f"r = 1..{most}, all sizes of the classes, |b_i| = 1, ..., r",
            outcomes,
        )
    docket.exact(
        "real roots of det[w, f(w)] counted by Sturm's theorem, α = 3..10, b = (1, 3) and (2, -5)",
        [
            count_in_plane(identity(2), b, alpha) == expected_directions(y, alpha)
            for alpha in range(3, 11)
            for b, y in (((1, 3), (1, 1)), ((2, -5), (1, -1)))
        ],
    )
    for alpha in range(3, 7):
        outcomes = []
        for _, y in labellings((alpha,), range(1, 6)):
            found = patterns(y, alpha)
            values = [contraction(y, identity(len(y)), u, alpha) for u in found]
            outcomes += [parallel(u, f) and any(f) for u, f in zip(found, values, strict=True)]
            outcomes += [not any(parallel(u, v) for u, v in combinations(found, 2))]
            outcomes += [len(found) == expected_directions(y, alpha)]
        docket.exact(
            f"b_i = ±1, α = {alpha}, r = 1..5: so many vectors in {{-1, 0, 1}}^r are eigenvectors, "
            "no two of them parallel",
            outcomes,
        )
    docket.exact(
        "samples at 60° with b = (1, 1), α = 3 have one direction, not three; orthonormal ones at "
        "α = 2 have w = (1, t) for every t: both hypotheses are needed",
        [
            count_directions(fmpq_mat([[2, 1], [1, 2]]) / 2, [fmpq(1)] * 2, 3) == 1,
            *(parallel([1, t], contraction([1, 1], identity(2), [1, t], 2)) for t in range(20)),
        ],
    )


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


def satisfiable(labels: Labels, alpha: int) -> bool:
    """Whether r >= 2 orthonormal samples admit a KKT point with rank(K) = N(r)."""
    return alpha == 3 or (alpha == 4 and one_class(labels))


@claim(
    "satisfiability-orthonormal",
    where="4.2, eq. (4.2)",
    statement="Suppose rank(K) = N. For r >= 2 orthonormal active samples some KKT point has "
    "rank(K) = N(r), of whatever width, if and only if α = 3, or α = 4 and all labels are equal.",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("α >= 3", "the active samples are orthonormal and r is at least 2"),
)
def orthonormal(docket: Docket) -> None:
    """The eigenvectors are D u with u in {-1, 0, 1}^r and D diagonal, and D changes no rank.

    If: neurons on all of them form a KKT point, and all monomials of degree alpha - 1 are
    independent on the patterns. It is enough to see that for r < alpha: a form that vanishes on all
    patterns vanishes on those within the support of any of its monomials.
    Only if: for alpha >= 5 the monomials z_1^(alpha-2) z_2 and z_1^(alpha-4) z_2^3 agree on every
    pattern; for alpha = 4 and samples 1, 2 of different classes z_1^2 z_2 vanishes on all.
    """
    for alpha, most in ((3, 6), (4, 6), (5, 6), (6, 6), (7, 4)):
        outcomes = []
        for _, y in labellings((alpha,), range(2, most + 1)):
            found = integer_rank([monomials(u, alpha - 1) for u in patterns(y, alpha)])
            outcomes += [found == gram_rank(y, alpha)]
            outcomes += [(found == forms(len(y), alpha - 1)) == satisfiable(y, alpha)]
        docket.exact(
            f"rank(K) for neurons on all eigenvectors, α = {alpha}, r = 2..{most}, all sizes of "
            "the classes: by elimination and in closed form; N(r) where stated, less elsewhere",
            outcomes,
        )
    docket.exact(
        "neurons on all eigenvectors satisfy all four KKT conditions where stated, r = 2..5",
        [
            orthonormal_point(identity(len(y)), y, alpha).kkt()
            for alpha, y in labellings((3, 4), range(2, 6))
            if satisfiable(y, alpha)
        ],
    )
    docket.exact(
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


def is_kkt(m: int, a: Scalar, w: Vector, b: Vector, x: Matrix, alpha: int) -> bool:
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
        and is_kkt(m, a, w, b, x, alpha)
        and is_kkt(m, a, w, b, others, alpha)
        and rank(x) == rank(others) == len(x)
        and not any(parallel(u, v) for u in x for v in others)
    )


@claim(
    "E4",
    where="1, last sentence of Question 1",
    statement="With cubic or higher-degree activations, margin samples are exactly recoverable for "
    "moderately wide networks.",
    corrected="Width is not the obstacle: wide networks exist whose KKT equations do not determine "
    "the samples, and at any width rank(K) is at most its value for one neuron on each real "
    "eigenvector of T. For r >= 2 orthonormal samples that is N(r) only if α = 3, or α = 4 with "
    "one class; elsewhere no width satisfies (4.2).",
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
        m=10**4,
        a=tenth,
        w=(tenth, tenth, tenth),
        b=(100 * third, 100 * third, 100 * third),
        x=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        others=(
            (-third, 2 * third, 2 * third),
            (2 * third, -third, 2 * third),
            (2 * third, 2 * third, -third),
        ),
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
