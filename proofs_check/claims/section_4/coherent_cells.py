"""KKT points on coherent samples and the eigenvectors of their tensors: a table for section 4.2.

The points, with all margins 1, come from ``identify.points.synthesis``, which follows eigenvectors
from orthonormal samples: how many it keeps is one column of the table. What is said of T, for the
stored x and b, does not rest on that: its eigenvectors are searched for, counted and enclosed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from flint import arb, arb_mat, ctx

from identify.arrays import FloatArray
from identify.points.synthesis import KKTPoint, synthesize_kkt
from proofs_check.exact.eigenvector_count import count_directions
from proofs_check.exact.eigenvector_search import distinct, enclosed_directions, search_directions
from proofs_check.exact.formulas import monomials
from proofs_check.exact.ranks import (
    BITS,
    expected_directions,
    forms,
    gradient_rows,
    has_rank,
    weighted_gradients,
    weighted_monomials,
)

COHERENCES = (0.05, 0.1, 0.2, 0.3)
COUNTED = 128
"""Eigenvectors are counted where there are at most so many complex solutions, (alpha - 1)^r."""
SMALLEST = 1e-12
"""Relative size of the smallest singular value that counts."""


def coherent_gram(r: int, coherence: float, seed: int) -> FloatArray:
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
    C: FloatArray = field(repr=False)
    b: FloatArray = field(repr=False)
    z: FloatArray = field(repr=False)

    def certified(self) -> tuple[bool, bool]:
        """Whether both ranks are at least those given, proved by minors in balls."""
        with ctx.workprec(BITS):
            C, b = arb_mat(self.C.tolist()), [arb(t) for t in self.b]
            z = enclosed_directions(C, b, self.alpha, self.z)
            gram = [monomials(u, self.alpha - 1) for u in z]
            symmetric = [row for u in z for row in gradient_rows(u, self.alpha)]
            return has_rank(gram, self.gram_rank), has_rank(symmetric, self.symmetric_rank)


def coherent_cell(alpha: int, labels: Sequence[int], coherence: float, seed: int) -> Cell | None:
    """Look at the eigenvectors of a KKT point, None where none with all margins 1 was found."""
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
        gram_rank=_rank(weighted_monomials(unit, alpha - 1)),
        gram_full=forms(r, alpha - 1),
        symmetric_rank=_rank(weighted_gradients(unit, alpha)),
        symmetric_full=forms(r, alpha),
        C=C,
        b=point.b,
        z=z,
    )


def eigenvectors_of(point: KKTPoint) -> FloatArray:
    """The neurons W_j = alpha a_j f(W_j), scaled to f(w) = eps w, as rows z_i = x_i.w."""
    scale = np.abs(point.alpha * point.a) ** (1 / (point.alpha - 2))
    return (scale[:, None] * point.W) @ point.x.T


def _rank(A: FloatArray) -> int:
    values = np.linalg.svd(A, compute_uv=False)
    return int(np.sum(values > SMALLEST * values[0]))


def coherent_table(
    sizes: Mapping[int, Sequence[int]], seed: int
) -> Iterator[tuple[tuple[int, tuple[int, ...], float], Cell | None]]:
    """(alpha, labels, coherence) and the cell, for one class and, for alpha even, for two.

    For alpha odd (x, y) and (-x, -y) are one sample, so the classes make no difference there.

    Args:
        sizes: Numbers of samples r by degree; r up to 6 for alpha = 3..6, 120 cells, take minutes.
        seed: Draws the samples of each cell.

    Yields:
        The key and the cell, None where no KKT point was found.
    """
    for alpha, numbers in sizes.items():
        for r in numbers:
            one, two = (1,) * r, tuple((-1) ** i for i in range(r))
            for labels in (one,) if alpha % 2 else (one, two):
                for coherence in COHERENCES:
                    key = (alpha, labels, coherence)
                    yield key, coherent_cell(alpha, labels, coherence, seed)
