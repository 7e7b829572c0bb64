"""Where full-batch gradient descent on the squared loss ends, from given weights on given samples.

Symbols: theta = (a, U) weights in the coordinates of the row space, rho = y - Phi(x) residuals,
beta their sum over the steps; K the tangent kernel
K_ik = sum_j sigma(t_ji) sigma(t_jk) + a_j^2 sigma'(t_ji) sigma'(t_jk) (x_i.x_k).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.activation import Polynomial
from identify.recovery.flow.ends import Ends

_SINGLE_STEPS = 200
"""Steps of gradient descent taken one by one; later ones, which move little, are taken in blocks.
200 leave an error of about 1e-7 of the change of the weights, 50 of 1e-5."""

_GROWTH = 1.2
"""Ratio of the lengths of successive blocks."""


@dataclass(frozen=True, slots=True)
class Path:
    """Where gradient descent ends.

    Attributes:
        U: Final first layer.
        a: Final output weights.
        beta: Total signed weight of each sample.
    """

    U: Float64[FloatArray, "m r"]
    a: Float64[FloatArray, " m"]
    beta: Float64[FloatArray, " n"]


@dataclass(frozen=True, slots=True)
class _Tangent:
    """The network linearized at (a, U): Phi(x) moves by by_a^T da + sum_j by_u (dU_j.x)."""

    by_a: Float64[FloatArray, "m n"]
    by_u: Float64[FloatArray, "m n"]
    x: Float64[FloatArray, "n r"]

    @classmethod
    def at(
        cls,
        sigma: Polynomial,
        a: Float64[FloatArray, " m"],
        U: Float64[FloatArray, "m r"],
        x: Float64[FloatArray, "n r"],
    ) -> _Tangent:
        t = U @ x.T
        return cls(sigma(t), a[:, None] * sigma(t, 1), x)

    def moved(
        self, a: Float64[FloatArray, " m"], U: Float64[FloatArray, "m r"], beta: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Add the gradients of the samples, beta_i times each."""
        return a + self.by_a @ beta, U + (self.by_u * beta) @ self.x

    def kernel(self) -> tuple[Float64[FloatArray, " n"], Float64[FloatArray, "n n"]]:
        """Return eigenvalues, increasing, and eigenvectors of K."""
        coherence = self.x @ self.x.T
        return np.linalg.eigh(self.by_a.T @ self.by_a + (self.by_u.T @ self.by_u) * coherence)

    def total(self, rho: Float64[FloatArray, " n"], eta: float, steps: int) -> FloatArray:
        """Return the sum of the residuals over a block, (1 - (1 - eta K)^steps) / K rho."""
        values, vectors = self.kernel()
        return vectors @ (_block_gain(values, eta, steps) * (vectors.T @ rho))


def descend_to_outputs(
    ends: Ends, x: Float64[FloatArray, "n r"], rate: float, single_steps: int = _SINGLE_STEPS
) -> Path | None:
    """Return where gradient descent to the outputs of the final weights ends, None if it diverges.

    ``rate`` is in units of the reciprocal of the largest eigenvalue of K.
    """
    sigma, y = ends.activation, ends.outputs(x)
    a, U, beta = ends.a0.copy(), ends.U0.copy(), np.zeros(len(x))
    goal = 1e-11 * max(float(np.abs(y).max()), np.finfo(float).tiny)
    eta, block, best = 0.0, 1, np.inf
    for k in range(single_steps + 100):
        tangent = _Tangent.at(sigma, a, U, x)
        rho = y - tangent.by_a.T @ a
        size = float(np.abs(rho).max())
        if not np.isfinite(size) or size > 100 * best:
            return None
        best = min(best, size)
        if size <= goal:
            break
        if k == 0:
            eta = rate / float(tangent.kernel()[0][-1])
        if k < single_steps:
            total = eta * rho
        else:  # a block of steps, with the features of its middle
            block = max(block + 1, int(block * _GROWTH))
            half = tangent.total(rho, eta, block // 2)
            tangent = _Tangent.at(sigma, *tangent.moved(a, U, half), x)
            total = tangent.total(rho, eta, block)
        (a, U), beta = tangent.moved(a, U, total), beta + total
    return Path(U, a, beta)


def _block_gain(
    values: Float64[FloatArray, " n"], eta: float, steps: int
) -> Float64[FloatArray, " n"]:
    """Return (1 - (1 - eta k)^steps) / k for each eigenvalue k of K."""
    values = np.maximum(values, np.finfo(float).tiny)
    factor = np.clip(1 - eta * values, -1.0, 1.0)
    with np.errstate(divide="ignore"):
        decay = np.where(factor > 0, -np.expm1(steps * np.log1p(-np.minimum(eta * values, 1))), 1.0)
    return np.where(factor > 0, decay, 1 - factor**steps) / values
