"""Least squares with thousands of unknowns: conjugate gradients behind a factor of few digits.

Symbols: X the matrix, of which only some rows are formed at a time; D the lengths of its columns,
N = D^{-1} X^T X D^{-1} the normal matrix with diagonal 1. In single precision a Cholesky factor of
N takes half the time and memory, and where the smallest eigenvalue of N is clear of its rounding it
solves N y = c to some digits; conjugate gradients with exact products give the others. Where it is
not clear, N is formed and factored in double precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigvalsh, get_blas_funcs

from identify.arrays import Float64, FloatArray

_ENTRIES, _BY_NORMAL = 2**21, 2**23
"""Entries of X held at a time (16 MB), and where X^T X is summed."""

_CLEAR = 1e-4
"""Smallest eigenvalue of N, in single precision good to some 1e-6, that needs no more digits."""

_STEPS = 60
"""Conjugate gradients end after so many steps: a good factor needs three to six."""

_SETTLED = 1e-14
"""Share of the right side at which the rest of the normal equations is rounding."""

_INVERSE = 20
"""Rounds of inverse iteration to the smallest eigenvalue."""

_PROBES, _LANCZOS = 4, 50
"""Vectors of an inverse iteration or a quadrature, and steps of the latter."""


@dataclass(frozen=True, slots=True)
class RowBlocks:
    """A matrix whose rows are formed when they are asked for.

    Attributes:
        shape: RowBlocks and columns.
        part: From a slice of the rows to these.
    """

    shape: tuple[int, int]
    part: Callable[[slice], FloatArray]

    def parts(self, entries: int = _ENTRIES) -> list[slice]:
        """Return the slices to be formed one after the other."""
        step = max(1, entries // self.shape[1])
        return [slice(start, start + step) for start in range(0, self.shape[0], step)]

    def times(self, A: Float64[FloatArray, "N q"]) -> Float64[FloatArray, "rows q"]:
        """Return X A."""
        return np.concatenate([self.part(rows) @ A for rows in self.parts()])

    def transposed_times(self, B: Float64[FloatArray, "rows q"]) -> Float64[FloatArray, "N q"]:
        """Return X^T B."""
        total = np.zeros((self.shape[1], B.shape[1]))
        for rows in self.parts():
            total += self.part(rows).T @ B[rows]
        return total

    def normal_times(self, A: Float64[FloatArray, "N q"]) -> Float64[FloatArray, "N q"]:
        """Return X^T X A."""
        total = np.zeros_like(A)
        for rows in self.parts():
            X = self.part(rows)
            total += X.T @ (X @ A)
        return total

    def lengths(self) -> Float64[FloatArray, " N"]:
        """Return the lengths of the columns, 1 for columns of zeros."""
        squares = np.zeros(self.shape[1])
        for rows in self.parts():
            X = self.part(rows)
            squares += np.einsum("ij,ij->j", X, X)
        return np.sqrt(np.where(squares > 0, squares, 1.0))

    def normal(self, units: Float64[FloatArray, " N"], *, single: bool) -> NDArray[np.floating]:
        """Return the lower half of N, in single or double precision."""
        dtype = np.float32 if single else np.float64
        (add,) = get_blas_funcs(("syrk",), dtype=dtype)
        N = np.zeros((self.shape[1], self.shape[1]), dtype=dtype, order="F")
        for rows in self.parts(_BY_NORMAL):
            X = (self.part(rows) / units).astype(dtype, copy=False)
            N = add(1.0, X.T, beta=1.0, c=N, lower=1, overwrite_c=1)
        return N


class Normal:
    """The normal equations of X: solutions, and the singular values of X.

    Attributes:
        singular: Whether N is not positive definite, even in double precision.
        values: The singular values of X, decreasing. In double precision they are those of the
            normal matrix; in single precision, where none is near zero, the bulk is an estimate of
            which the picture is shown. The smallest is an accurate Rayleigh quotient.
    """

    def __init__(self, X: RowBlocks) -> None:
        """Factor N, in double precision where single is not enough."""
        self.X, self.units = X, X.lengths()
        squares, smallest = self._factored(single=True)
        if smallest < _CLEAR:
            squares, smallest = self._factored(single=False)
        self.singular = self.factor is None
        if not self.singular:
            least = self._smallest(np.ones_like(self.units))
            squares = np.append(np.maximum(squares[:-1], least), least)
        self.values = np.sqrt(np.maximum(squares, 0.0))

    def _factored(self, *, single: bool) -> tuple[Float64[FloatArray, " N"], float]:
        """Factor N; return the squares of X's singular values and N's smallest eigenvalue."""
        N = self.X.normal(self.units, single=single)
        if single:
            squares = quadrature(lambda v: self.units * _symmetric(N, self.units * v), len(N))
        else:
            scaled = (N * self.units[:, None] * self.units).astype(np.float32)
            squares = eigvalsh(scaled, overwrite_a=True).astype(np.float64)[::-1]
        try:
            self.factor = cho_factor(N, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            self.factor = None
            return squares, 0.0
        return squares, self._smallest(self.units)

    def _smallest(self, units: Float64[FloatArray, " N"]) -> float:
        """Return the smallest eigenvalue of X^T X over units, by inverse iteration."""
        ratio = (self.units / units)[:, None]
        block = np.random.default_rng(0).standard_normal((len(units), _PROBES))
        for _ in range(_INVERSE):
            block = np.linalg.qr(self._approximately(block / ratio) / ratio)[0]
        # Rayleigh quotients with exact products
        product = self.X.normal_times(block / units[:, None]) / units[:, None]
        return max(float(np.linalg.eigvalsh(block.T @ product)[0]), 0.0)

    def _approximately(self, c: Float64[FloatArray, "N q"]) -> Float64[FloatArray, "N q"]:
        assert self.factor is not None
        solved = cho_solve(self.factor, c.astype(self.factor[0].dtype), check_finite=False)
        return solved.astype(np.float64)

    def solve(self, c: Float64[FloatArray, "N q"]) -> Float64[FloatArray, "N q"]:
        """Return A with X^T X A = c, every column by conjugate gradients of its own."""
        rest = c / self.units[:, None]
        size = np.linalg.norm(rest, axis=0)
        goal = _SETTLED * np.where(size > 0, size, 1.0)
        A, best = np.zeros_like(rest), np.full(rest.shape[1], np.inf)
        step = np.zeros_like(rest)
        before = np.ones(rest.shape[1])
        for k in range(_STEPS):
            z = self._approximately(rest / goal) * goal
            along = np.einsum("ij,ij->j", rest, z)
            step = z + step * (along / before if k else 0.0)
            product = self.X.normal_times(step / self.units[:, None]) / self.units[:, None]
            curved = np.einsum("ij,ij->j", step, product)
            length = np.where(curved > 0, along / np.where(curved > 0, curved, 1.0), 0.0)
            A += step * length
            rest = rest - product * length
            before = np.where(along > 0, along, 1.0)
            left = np.linalg.norm(rest, axis=0)
            if np.all((left <= goal) | (left > 0.5 * best)):
                break
            best = np.minimum(best, left)
        return A / self.units[:, None]


def _symmetric(N: NDArray[np.floating], v: Float64[FloatArray, " N"]) -> Float64[FloatArray, " N"]:
    """Return N v, with the lower half of N."""
    (times,) = get_blas_funcs(("symv",), (N,))
    return times(1.0, N, v.astype(N.dtype), lower=1).astype(np.float64)


def quadrature(times: Callable[[FloatArray], FloatArray], N: int) -> Float64[FloatArray, " N"]:
    """Return N eigenvalues, decreasing, of the density of a symmetric operator's; its largest.

    Lanczos from some random vectors gives nodes and weights whose sums estimate how many
    eigenvalues lie below each node.
    """
    rng, nodes, weights = np.random.default_rng(0), [], []
    for _ in range(_PROBES):
        basis = np.zeros((_LANCZOS, N))
        a, b = np.zeros(_LANCZOS), np.zeros(_LANCZOS)
        v = rng.standard_normal(N)
        v /= np.linalg.norm(v)
        for k in range(_LANCZOS):
            basis[k] = v
            w = times(v)
            a[k] = w @ v
            for _ in range(2):
                w -= basis[: k + 1].T @ (basis[: k + 1] @ w)
            b[k] = np.linalg.norm(w)
            v = w / b[k]
        T = np.diag(a) + np.diag(b[:-1], 1) + np.diag(b[:-1], -1)
        values, vectors = np.linalg.eigh(T)
        nodes.append(values)
        weights.append(vectors[0] ** 2)
    values, share = np.concatenate(nodes), np.concatenate(weights) / _PROBES
    order = np.argsort(values)
    values, share = values[order], share[order]
    middle = np.cumsum(share) - share / 2  # eigenvalues below a node, as a share of all
    found = np.interp((np.arange(N) + 0.5) / N, middle, values)[::-1].copy()
    found[0] = values[-1]
    return found
