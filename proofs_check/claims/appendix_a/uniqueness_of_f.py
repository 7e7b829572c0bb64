"""A.2, step 1: when the values f(W_j) determine f.

arXiv 2602.08723, section 4.2 and A.2. f(w) = A phi(w) with the monomials phi of degree alpha-1, and
f = grad p / alpha for p(w) = T(w, ..., w), T = sum_i b_i x_i^{⊗alpha}.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np

from proofs_check.docket import Docket
from proofs_check.exact.conditions import gram_has_full_rank
from proofs_check.exact.exact_kkt import ExactPoint, orthonormal_point
from proofs_check.exact.feature_matrix import (
    SIZES,
    enough,
    features,
    left_inverse,
    samples,
    too_few,
)
from proofs_check.exact.formulas import (
    Matrix,
    Scalar,
    Vector,
    contraction,
    exponents,
    gram,
    monomials,
    multinomial,
    tensor,
)
from proofs_check.exact.rational import Rows, identity, multiply, nullspace, rank, transpose
from proofs_check.ledger import ClaimVerdict, claim

SEED = 0


def spread(index: tuple[int, ...]) -> Rows:
    """The unit vectors whose product is a monomial: e_i as often as w_i occurs in it."""
    unit = identity(len(index))
    return [unit[i] for i, e in enumerate(index) for _ in range(e)]


def entries_of_f(b: Vector, x: Matrix, d: int, alpha: int) -> list[list[Scalar]]:
    """A, d x N, with f(w) = A phi(w): multinomial coefficients times entries T(e_k, e_i, ...)."""
    unit = identity(d)
    return [
        [
            multinomial(index) * tensor(b, x, [unit[k], *spread(index)])
            for index in exponents(d, alpha - 1)
        ]
        for k in range(d)
    ]


@claim(
    "uniqueness-of-f",
    where="A.2, step 1, uniqueness of interpolation",
    statement="If rank(K) = N then V has full column rank and F = V A^T has a unique solution A.",
    gist="rank N makes the interpolant unique",
    recorded=ClaimVerdict.PROVED,
)
def unique_coefficients(docket: Docket) -> None:
    """F = V A^T has one solution if and only if V c = 0 has none but 0, and rank K = rank V.

    The solution is compared with A computed from the entries of T.
    """
    docket.exact(
        f"rank K = N: no null vector of V, and (V^T V)^-1 V^T F = A^T, (d, α) in {SIZES}",
        [
            gram_has_full_rank(W, alpha)
            and nullspace(V) == []
            and transpose(multiply(left_inverse(V), F)) == entries_of_f(b, x, d, alpha)
            for d, alpha in SIZES
            for W, (b, x) in [(enough(d, alpha), samples(d))]
            for V, F in [(features(W, alpha), [contraction(b, x, w, alpha) for w in W])]
        ],
    )
    docket.exact(
        f"rank K = N - 1: V c = 0 for some c, so A + v c^T has the same values, (d, α) in "
        f"{SIZES[1:]}",
        [
            rank(gram(W, alpha)) == comb(d + alpha - 2, alpha - 1) - 1
            and len(nullspace(features(W, alpha))) == 1
            for d, alpha in SIZES[1:]
            for W in [too_few(d, alpha)]
        ],
    )


def power_values(W: Matrix, alpha: int) -> list[list[Scalar]]:
    """The m d values f(W_j) of T = x^{⊗alpha}, a row for each x of a basis of symmetric T."""
    basis = exponents(len(W[0]), alpha)
    return [[t for w in W for t in contraction([1], [x], w, alpha)] for x in basis]


def tensor_is_determined(W: Matrix, alpha: int) -> bool:
    """Whether no symmetric T but 0 has all values f(W_j) = 0."""
    return rank(power_values(W, alpha)) == comb(len(W[0]) + alpha - 1, alpha)


def determined_without(W: Matrix, alpha: int) -> bool:
    """Whether T is determined though rank(K) < N."""
    return tensor_is_determined(W, alpha) and not gram_has_full_rank(W, alpha)


@claim(
    "full-rank-precisely",
    where="4.2, sentence before Theorem 4.1",
    statement="A full-rank condition on K is precisely what ensures the interpolation problem has "
    "a unique solution.",
    corrected="Right in the paper's setting, maps A φ(w) with any A. But f is the gradient of "
    "the form p / α: "
    "T is determined if and only if the values f(W_j) of symmetric T have rank "
    "C(d+α-1, α). rank(K) = N implies that; the converse fails, also for KKT points.",
    gist="right for any d polynomials; f is a gradient, and needs less",
    recorded=ClaimVerdict.PROVED,
)
def gradient_interpolation(docket: Docket) -> None:
    """A form of degree alpha has fewer coefficients than d forms of degree alpha-1 have.

    For d = 2, alpha = 3 and W = e_1, e_2 the four values are T_111, T_211, T_122, T_222, all of T.
    """
    docket.exact(
        f"the powers x^{{⊗α}} are a basis, and rank K = N determines T, (d, α) in {SIZES}",
        [
            rank([monomials(x, alpha) for x in basis]) == len(basis) == comb(d + alpha - 1, alpha)
            and gram_has_full_rank(exponents(d, alpha - 1), alpha)
            and tensor_is_determined(exponents(d, alpha - 1), alpha)
            for d, alpha in SIZES
            for basis in [exponents(d, alpha)]
        ],
    )
    rng = np.random.default_rng(SEED)
    sizes = ((2, 3, 2), (2, 5, 3), (3, 3, 4), (3, 4, 6), (4, 3, 5))
    docket.witness(
        f"m < N generic neurons determine T, m - 1 do not, (d, α, m) in {sizes}",
        [
            determined_without(W, alpha) and not tensor_is_determined(W[1:], alpha)
            for d, alpha, m in sizes
            for W in [rng.integers(-9, 10, (m, d)).tolist()]
        ],
        seed=SEED,
    )
    two_of_three = ExactPoint(identity(2), [1, 1], 3, identity(2), [Fraction(1)] * 2)
    docket.exact(
        "KKT points on orthonormal samples: α = 3 with neurons on e_1, e_2 only, and α = 5 "
        "with neurons on all eigenvectors, d = 2, 3",
        [
            point.kkt() and determined_without(point.u, point.alpha)
            for point in (
                two_of_three,
                orthonormal_point(identity(2), [1, 1], 5),
                orthonormal_point(identity(3), [1, -1, 1], 5),
            )
        ],
    )
    docket.exact(
        "two neurons in the plane, α = 3: rank K = 2 < 3 = N, and all 4 coefficients of T are "
        "determined; not by one of them",
        [
            determined_without(((1, 0), (0, 1)), 3),
            not determined_without(((1, 0),), 3),
            not determined_without(((1, 0), (0, 1), (1, 1)), 3),
        ],
    )
