"""Monomial feature maps, their dimension N and the polynomial kernel (paper, section 4.2).

Symbols: d dimension, k degree, phi_k(w) the vector of monomials of degree k. With each monomial
w^e weighted by sqrt(k! / (e_1! ... e_d!)) the features reproduce the kernel,
<phi_k(u), phi_k(v)> = (u.v)^k. With plain monomials, as the paper writes them, K = V V^T is not an
identity, though the ranks agree.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from identify.arrays import Float64, FloatArray


def form_dimension(d: int, k: int) -> int:
    """Return the dimension C(d+k-1, k) of the space of forms of degree k in d variables.

    With k = alpha - 1 this is the N of Theorem 4.1, with k = alpha the number of coefficients of
    the form p.
    """
    return math.comb(d + k - 1, k) if d > 0 else int(k == 0)


@lru_cache(maxsize=64)
def monomial_indices(d: int, k: int) -> NDArray[np.intp]:
    """Return each monomial of degree k as a non-decreasing tuple of k variable indices.

    The order is lexicographic; the array, (N, k), is read-only.
    """
    rows = list(itertools.combinations_with_replacement(range(d), k))
    indices = np.array(rows, dtype=np.intp).reshape(len(rows), k)
    indices.setflags(write=False)
    return indices


@lru_cache(maxsize=64)
def monomial_weights(d: int, k: int) -> Float64[FloatArray, " N"]:
    """Return the roots of the multinomial coefficients, by monomial; read-only."""
    indices = monomial_indices(d, k)
    repeats = np.ones(len(indices))
    run = np.ones(len(indices))
    for column in range(1, k):  # e_1! ... e_d! as a product over the runs of equal indices
        run = np.where(indices[:, column] == indices[:, column - 1], run + 1, 1.0)
        repeats *= run
    weights = np.sqrt(math.factorial(k) / repeats)
    weights.setflags(write=False)
    return weights


def monomial_features(
    w: Float64[FloatArray, "m d"], k: int, *, weighted: bool = True
) -> Float64[FloatArray, "m N"]:
    """Evaluate phi_k at each row of ``w``; ``weighted=False`` leaves the monomials plain."""
    d, features = w.shape[1], np.ones((w.shape[0], 1))
    for degree in range(1, k + 1):
        # those that begin with w_i are w_i times the features of w_i, ..., w_d, which come last
        lengths = [form_dimension(d - i, degree - 1) for i in range(d)]
        lower, features = features, np.empty((w.shape[0], sum(lengths)))
        ends = np.cumsum(lengths)
        for i, (end, length) in enumerate(zip(ends, lengths, strict=True)):
            rest = lower[:, lower.shape[1] - length :]
            np.multiply(w[:, i : i + 1], rest, out=features[:, end - length : end])
    if weighted:
        features *= monomial_weights(d, k)
    return features


def gradient_features(w: Float64[FloatArray, "m d"], k: int) -> Float64[FloatArray, "m d N"]:
    """Evaluate the partial derivatives of the weighted features phi_k at each row of ``w``."""
    m, d = w.shape
    indices = monomial_indices(d, k)
    gradient = np.zeros((m, d, len(indices)))
    for column in range(k):
        rest = np.ones((m, len(indices)))
        for other in range(k):
            if other != column:
                rest *= w[:, indices[:, other]]
        gradient[:, indices[:, column], np.arange(len(indices))] += rest
    return gradient * monomial_weights(d, k)
