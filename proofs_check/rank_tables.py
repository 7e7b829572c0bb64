"""What ranks the real eigenvectors of T = sum_i b_i x_i^{⊗alpha} reach, for r independent samples.

Every neuron of a KKT point that is not 0 is such an eigenvector, so at any width

    rank(K)         <= rank of the monomials of degree alpha - 1 at all eigenvectors <= N(r),
    symmetric rank  <= rank of p -> grad p at all eigenvectors <= C(r+alpha-1, alpha),

with p(w) = T(w, ..., w) and grad p = alpha f. Condition (4.2) asks for the first N(r); where the
second is full, the evaluations (A.3) of the gradient f determine T. Both ranks are the same in the
coordinates w and z_i = x_i.w. ``coherent_table`` is the table of both for KKT points whose margins
are all 1; the points are built by ``identify.points.synthesis``, their eigenvectors searched for again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import comb
from typing import cast

import numpy as np
from flint import arb, arb_mat, ctx
from numpy.typing import NDArray
from scipy.linalg import qr

from identify.points.synthesis import KKTPoint, synthesize_kkt
from identify.tensor.features import gradient_features, monomial_features
from proofs_check.eigenvector_search import (
    count_directions,
    distinct,
    enclosed_directions,
    search_directions,
)
from proofs_check.formulas import Matrix, Vector, exponents, monomials

Floats = NDArray[np.float64]

COHERENCES = (0.05, 0.1, 0.2, 0.3)
COUNTED = 128
"""Eigenvectors are counted where there are at most so many complex solutions, (alpha - 1)^r."""
BITS = 512
"""Precision of the balls."""
SMALLEST = 1e-12
"""Relative size of the smallest singular value that counts."""


def forms(r: int, degree: int) -> int:
    """C(r+degree-1, degree), the dimension of the forms of a degree in r variables."""
    return comb(r + degree - 1, degree)


def expected_directions(labels: Sequence[int], alpha: int) -> int:
    """2^r - 1 (alpha odd), or (3^q - 1)/2 summed over the classes: see "orthonormal-directions"."""
    classes = (labels.count(1), labels.count(-1))
    return 2 ** len(labels) - 1 if alpha % 2 else sum((3**q - 1) // 2 for q in classes)


def gradient_rows(w: Vector, alpha: int) -> Matrix:
    """Coefficients of d p / d w_k at w in those of a form p of degree alpha, one row for each k."""
    values = monomials(w, alpha - 1)
    return [[e * values[j] for e, j in row] for row in _derivatives(len(w), alpha)]


@cache
def _derivatives(d: int, alpha: int) -> list[list[tuple[int, int]]]:
    """By k and i the factor and the monomial in d w^i / d w_k = i_k w^(i - e_k)."""
    place = {index: j for j, index in enumerate(exponents(d, alpha - 1))}
    return [
        [(i[k], place.get((*i[:k], i[k] - 1, *i[k + 1 :]), 0)) for i in exponents(d, alpha)]
        for k in range(d)
    ]


def coherent_gram(r: int, coherence: float, seed: int) -> Floats:
    """Gram matrix of unit samples with random cosines, the largest of them +-coherence."""
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.choice([-1.0, 1.0], (r, r)) * rng.uniform(0.3, 1, (r, r)), 1)
    return np.eye(r) + coherence * (upper + upper.T) / np.abs(upper).max()


@dataclass(frozen=True, slots=True)
class Cell:
    """A KKT point with all margins 1 and what is known of the eigenvectors of its T.

    Attributes:
        alpha: Degree of the activation.
        labels: (r,) of the samples.
        coherence: Largest |cosine| between them.
        seed: Draws them, and the starts of the search.
        expected: Eigenvectors there would be for orthonormal samples, up to scale.
        followed: How many the point has neurons on, those followed from orthonormal samples.
        found: How many a search from random starts finds, of those or others.
        counted: How many there are, by Hermite's form in balls; None where that is too large.
        gram_rank: Rank of K for all eigenvectors in ``z``; (4.2) asks for ``gram_full``.
        gram_full: N(r).
        symmetric_rank: Symmetric rank for them.
        symmetric_full: What determines T.
        C: (r, r) Gram matrix of the samples.
        b: (r,) signed weights.
        z: (D, r) the eigenvectors that are known either way, z_i = x_i.w.
    """

    alpha: int
    labels: tuple[int, ...]
    coherence: float
    seed: int
    expected: int
    followed: int
    found: int
    counted: int | None
    gram_rank: int
    gram_full: int
    symmetric_rank: int
    symmetric_full: int
    C: Floats = field(repr=False)
    b: Floats = field(repr=False)
    z: Floats = field(repr=False)

    def certified(self) -> tuple[bool, bool]:
        """Whether both ranks are at least those given, proved by minors in balls."""
        with ctx.workprec(BITS):
            C, b = arb_mat(self.C.tolist()), [arb(t) for t in self.b]
            z = enclosed_directions(C, b, self.alpha, self.z)
            gram = [monomials(u, self.alpha - 1) for u in z]
            symmetric = [row for u in z for row in gradient_rows(u, self.alpha)]
            return has_rank(gram, self.gram_rank), has_rank(symmetric, self.symmetric_rank)


def has_rank(rows: Matrix, rank: int) -> bool:
    """Prove that a matrix of balls has at least a given rank.

    Args:
        rows: Balls.
        rank: At most the number of rows and columns.

    Returns:
        True if a minor A of that size has an approximate inverse B with |B A - 1| < 1.
    """
    A = np.array([[float(t) for t in row] for row in rows])
    some = _leading_columns(A.T, rank)
    others = _leading_columns(A[some], rank)
    B = np.linalg.inv(A[np.ix_(some, others)])
    product = arb_mat(B.tolist()) * arb_mat([[rows[i][j] for j in others] for i in some])
    off = [[abs(t - (i == j)) for j, t in enumerate(row)] for i, row in enumerate(product.tolist())]
    return all(bool(sum(row) < 1) for row in off)


def _leading_columns(A: Floats, count: int) -> NDArray[np.int64]:
    """Columns that a pivoted QR factorisation takes first."""
    pivoted = cast("tuple[Floats, NDArray[np.int64]]", qr(A, mode="r", pivoting=True))
    return pivoted[1][:count]


def coherent_cell(alpha: int, labels: Sequence[int], coherence: float, seed: int) -> Cell | None:
    """Build a KKT point on coherent samples and look at the eigenvectors of its T.

    Args:
        alpha: Degree, at least 3.
        labels: (r,) in {-1, +1}.
        coherence: Largest |cosine| between the samples.
        seed: Draws the samples, and the starts of the search.

    Returns:
        What was found; None where no point with all margins 1 was found.
    """
    r = len(labels)
    C = coherent_gram(r, coherence, seed)
    try:
        point = synthesize_kkt(np.linalg.cholesky(C), labels, alpha)
    except ValueError:
        return None
    found = search_directions(C, point.b, alpha, seed)
    z = distinct(np.concatenate([found, eigenvectors_of(point)]))
    counted = None
    if (alpha - 1) ** r <= COUNTED:
        with ctx.workprec(BITS):
            counted = count_directions(arb_mat(C.tolist()), [arb(t) for t in point.b], alpha)
    unit = z / np.linalg.norm(z, axis=1)[:, None]
    return Cell(
        alpha,
        tuple(labels),
        coherence,
        seed,
        expected=expected_directions(labels, alpha),
        followed=point.survived,
        found=len(found),
        counted=counted,
        gram_rank=_rank(monomial_features(unit, alpha - 1)),
        gram_full=forms(r, alpha - 1),
        symmetric_rank=_rank(gradient_features(unit, alpha).reshape(r * len(z), -1)),
        symmetric_full=forms(r, alpha),
        C=C,
        b=point.b,
        z=z,
    )


def eigenvectors_of(point: KKTPoint) -> Floats:
    """The neurons W_j = alpha a_j f(W_j), scaled to f(w) = eps w, as rows z_i = x_i.w."""
    scale = np.abs(point.alpha * point.a) ** (1 / (point.alpha - 2))
    return (scale[:, None] * point.W) @ point.x.T


def _rank(A: Floats) -> int:
    values = np.linalg.svd(A, compute_uv=False)
    return int(np.sum(values > SMALLEST * values[0]))


def coherent_table(
    sizes: Mapping[int, Sequence[int]], seed: int
) -> Iterator[tuple[tuple[int, tuple[int, ...], float], Cell | None]]:
    """Both ranks at every coherence, for one class and, for alpha even, for alternating classes.

    For alpha odd (x, y) and (-x, -y) are one sample, so the classes make no difference there.

    Args:
        sizes: Numbers of samples r by degree; r up to 6 for alpha = 3..6, 120 cells, take minutes.
        seed: Draws the samples of each cell.

    Yields:
        (alpha, labels, coherence) and the cell, None where no KKT point was found.
    """
    for alpha, numbers in sizes.items():
        for r in numbers:
            one, two = (1,) * r, tuple((-1) ** i for i in range(r))
            for labels in (one,) if alpha % 2 else (one, two):
                for coherence in COHERENCES:
                    key = (alpha, labels, coherence)
                    yield key, coherent_cell(alpha, labels, coherence, seed)
