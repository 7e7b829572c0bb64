"""Simultaneous diagonalization of random slices, and the choice among many.

Symbols: T = sum_i b_i x_i^{(x) alpha} with independent x_i; slices
M(v) = X^T diag(b_i (x_i.v)^{alpha-2}) X (paper, eq. A.6). M(v_1)^{-1} M(v_2) has the dual basis of
X as eigenvectors (eq. A.9). One pair of slices is an initialiser, not an answer: pencil methods are
unstable on an open set of tensors (Beltran, Breiding and Vannieuwenhoven, arXiv 1807.04159). So
directions are pooled from many pairs, and the n that explain T are picked greedily in the inner
product <x^{(x) alpha}, y^{(x) alpha}> = (x.y)^alpha.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.activation import integer_power
from identify.tensor.implicit import ImplicitTensor, SymmetricTensor
from identify.tensor.rank import gap_rank


def range_basis(tensor: ImplicitTensor, rng: np.random.Generator) -> Float64[FloatArray, "r n"]:
    """Return an orthonormal basis of the span of the components of T, from a few random slices."""
    r = tensor.variables
    slices = [tensor.slice(v) for v in rng.standard_normal((8, r))]
    left, values, _ = np.linalg.svd(np.concatenate(slices, axis=1))
    rank, _ = gap_rank(values, values[0] * 1e-13, largest=r)
    return left[:, :rank]


def pencil_directions(
    tensor: SymmetricTensor, pairs: int, rng: np.random.Generator
) -> Float64[FloatArray, "k r"]:
    """Return unit directions from random pairs of slices (paper, eqs. A.6 to A.9), T of rank r.

    There are r for each pair that is not singular; complex ones, which only noise brings, give
    their real and imaginary parts.
    """
    r = tensor.variables
    found = []
    for _ in range(pairs):
        v = rng.standard_normal((2, r))
        try:
            # M(v_1)^{-1} M(v_2) Y = Y diag(values), and X = Y^{-1} up to scale
            pencil = np.linalg.solve(tensor.slice(v[0]), tensor.slice(v[1]))
            values, vectors = np.linalg.eig(pencil)
            x = np.linalg.inv(vectors)
        except np.linalg.LinAlgError:
            continue
        imaginary = np.imag(values)
        paired = x[imaginary > 0]
        found += [np.real(x[imaginary == 0]), np.real(paired), np.imag(paired)]
    if not found:
        return np.zeros((0, r))
    directions = np.concatenate(found)
    norms = np.linalg.norm(directions, axis=1, keepdims=True)
    return (directions / np.where(norms > 0, norms, 1.0))[norms[:, 0] > 0]


def filled(
    pool: Float64[FloatArray, "k n"], n: int, rng: np.random.Generator
) -> Float64[FloatArray, "l n"]:
    """Fill a pool that a singular slice left short with random unit directions."""
    directions = rng.standard_normal((max(0, n - len(pool)), n))
    norms = np.linalg.norm(directions, axis=1, keepdims=True)
    return np.concatenate([pool, directions / norms])


def fit_weights(
    tensor: SymmetricTensor, x: Float64[FloatArray, "n r"]
) -> Float64[FloatArray, " n"]:
    """Return the b that fit T best for given directions.

    The paper's b_k = T(x_k, ..., x_k) holds for orthonormal x only: T(x_k, ..., x_k) =
    sum_i b_i (x_i.x_k)^alpha, a linear system with the matrix (X X^T)^{o alpha}.
    """
    solved = np.linalg.lstsq(integer_power(x @ x.T, tensor.degree), tensor.p(x), rcond=None)
    return np.asarray(solved[0], dtype=np.float64)


def pick(
    tensor: SymmetricTensor, pool: Float64[FloatArray, "k r"], n: int
) -> tuple[Float64[FloatArray, "n r"], Float64[FloatArray, " n"]]:
    """Pick n unit directions of a pool that explain T, by orthogonal matching pursuit, and b."""
    gram = integer_power(pool @ pool.T, tensor.degree)
    target = tensor.p(pool)
    chosen: list[int] = []
    rest, b = target, np.zeros(0)
    open_ = np.ones(len(pool), dtype=bool)
    for _ in range(min(n, len(pool))):
        index = int(np.argmax(np.where(open_, np.abs(rest), -1.0)))
        chosen.append(index)
        open_[index] = False
        b = np.linalg.lstsq(gram[np.ix_(chosen, chosen)], target[chosen], rcond=1e-12)[0]
        rest = target - gram[:, chosen] @ b
    return pool[chosen], np.asarray(b, dtype=np.float64)
