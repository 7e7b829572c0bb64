"""What the ranks of Theorem 4.1 may reach, and proofs that a matrix has at least a given rank.

Every neuron of a KKT point that is not 0 is a real eigenvector of T = sum_i b_i x_i^{⊗alpha}, so
for r independent samples, at any width,

    rank(K)         <= rank of the monomials of degree alpha - 1 at all eigenvectors <= N(r),
    symmetric rank  <= rank of p -> grad p at all eigenvectors <= C(r+alpha-1, alpha),

with p(w) = T(w, ..., w) and grad p = alpha f. Condition (4.2) asks for the first N(r); where the
second is full, the evaluations (A.3) of the gradient f determine T. Both ranks are the same in the
coordinates w and z_i = x_i.w.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import comb
from typing import cast

import numpy as np
from flint import arb_mat
from numpy.typing import NDArray
from scipy.linalg import qr

from proofs_check.exact.arrays import Floats
from proofs_check.exact.formulas import Matrix, Vector, exponents, monomials, multinomial

BITS = 512
"""Precision of the balls."""


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


def weighted_monomials(w: Floats, degree: int) -> Floats:
    """Monomials at the rows of w times root(multinomial): their products are (u.v)^degree."""
    return np.array(monomials(list(w.T), degree)).T * _weights(w.shape[1], degree)


def weighted_gradients(w: Floats, degree: int) -> Floats:
    """The derivatives of the same at the K rows of w, (d K, number of monomials)."""
    table = gradient_rows(list(w.T), degree)
    rows = np.array([[t + np.zeros(len(w)) for t in row] for row in table])
    return rows.transpose(0, 2, 1).reshape(-1, rows.shape[1]) * _weights(w.shape[1], degree)


def _weights(d: int, degree: int) -> Floats:
    return np.sqrt([float(multinomial(index)) for index in exponents(d, degree)])


def has_rank(rows: Matrix, rank: int) -> bool:
    """Prove that a matrix of balls has at least this rank, by an invertible minor."""
    # A is invertible if |B A - 1| < 1 for some B: an approximate inverse of a good minor A
    A = np.array([[float(t) for t in row] for row in rows])
    some = _leading_columns(A.T, rank)
    others = _leading_columns(A[some], rank)
    B = np.linalg.inv(A[np.ix_(some, others)])
    # B A - 1 in balls, in the norm of the largest row sum
    product = arb_mat(B.tolist()) * arb_mat([[rows[i][j] for j in others] for i in some])
    off = [[abs(t - (i == j)) for j, t in enumerate(row)] for i, row in enumerate(product.tolist())]
    return all(bool(sum(row) < 1) for row in off)


def _leading_columns(A: Floats, count: int) -> NDArray[np.int64]:
    """Columns that a pivoted QR factorisation takes first."""
    pivoted = cast("tuple[Floats, NDArray[np.int64]]", qr(A, mode="r", pivoting=True))
    return pivoted[1][:count]
