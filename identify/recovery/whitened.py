"""Steps of Gauss and Newton in the coordinates of the samples themselves.

As many samples as coordinates make a basis of the row space. In it, the gradient equations of
neuron j and the step x_k -> x_k + sum_i d_ki x_i are, with t_ji = u_j.x_i and P, Q as in
``identify.equations.system``,

    Q_jk sum_l t_jl d_kl + sum_i P_ji d_ik = (R X^{-1})_jk        for every k,

R what the samples leave of the right-hand sides: equation k knows row k and column k of d alone. So
the normal matrix has 3 n entries a row in place of n r; tables of them cost m n^3 in place of
m n^2 r^2, and its condition is that of the samples' contributions rather than of their angles.
The metric is another one: what the equations do not hold exactly weighs more along samples that are
nearly dependent. These steps come first; the last ones are of the equations as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import eigh

from identify.arrays import Float64, FloatArray
from identify.equations.system import Equations
from identify.recovery.by_products import solve_by_products

_PRODUCTS, _SHARE = 200, 1e-3
"""Steps of conjugate gradients, and the share of the right side at which they end."""

_STEPS, _SLOW, _PATIENCE = 40, 0.1, 2
"""Steps at the most, and the share by which the residual falls in all but so many of them."""

_DAMPING, _REJECTED = 1.0, 12
"""Largest damping of the first step, in units of the diagonal; each rejection raises it tenfold."""

_EXACT = 1e-14
"""Relative residual below which there is nothing left to gain."""


def whitens(equations: Equations, x: Float64[FloatArray, "n r"]) -> bool:
    """Whether the samples make a basis in which their equations come apart."""
    square = len(x) == x.shape[1] and not equations.by_value and not equations.free_b
    return square and bool(np.linalg.cond(x) < 1 / np.sqrt(np.finfo(float).eps))


class _Normal:
    """The normal matrix of d at the samples, in units that make its diagonal 1."""

    def __init__(
        self, equations: Equations, x: Float64[FloatArray, "n n"], b: Float64[FloatArray, " n"]
    ) -> None:
        n, k = len(x), np.arange(len(x))
        s = equations.scale[:, None]
        self.x, self.inverse = x, np.linalg.inv(x)
        self.t = equations.points @ x.T
        self.P = s * equations.activation(self.t, 1) * b
        self.Q = s * equations.activation(self.t, 2) * b
        self.rows, self.mixed = np.empty((n, n, n)), np.empty((n, n, n))
        for i in range(n):
            along = self.t * self.Q[:, i : i + 1]
            self.rows[i] = along.T @ along
            self.mixed[i] = along.T @ self.P
        self.columns = self.P.T @ self.P
        diagonal = self.rows[:, k, k] + np.diag(self.columns)[:, None]
        diagonal[k, k] += 2 * self.mixed[k, k, k]
        self.unit = np.sqrt(np.maximum(diagonal, np.finfo(float).tiny))

    def times(self, d: Float64[FloatArray, "n n"]) -> Float64[FloatArray, "n n"]:
        """Return J^T J d."""
        along = self.columns @ d + np.matmul(self.rows, d[:, :, None])[:, :, 0]
        along += np.matmul(self.mixed, d.T[:, :, None])[:, :, 0]
        return along + np.matmul(self.mixed.transpose(0, 2, 1), d[:, :, None])[:, :, 0].T

    def gradient(self, left: Float64[FloatArray, "m n"]) -> Float64[FloatArray, "n n"]:
        """Return J^T left, of what is left in the basis of the samples."""
        return (self.Q * left).T @ self.t + self.P.T @ left

    def step(self, left: Float64[FloatArray, "m n"], mu: float) -> Float64[FloatArray, "n n"]:
        """Return the damped step of the samples, by conjugate gradients."""
        shape, unit = self.unit.shape, self.unit
        solved = self._apart(mu)

        def damped(d: FloatArray) -> FloatArray:
            d = d.reshape(shape)
            return (self.times(d / unit) / unit + mu * d).ravel()

        def inverted(d: FloatArray) -> FloatArray:
            return (solved(d.reshape(shape) * unit) * unit).ravel()

        found = solve_by_products(
            damped,
            (self.gradient(left) / unit).ravel(),
            inverse=inverted,
            share=_SHARE,
            most=_PRODUCTS,
        )
        return (found.reshape(shape) / unit) @ self.x

    def _apart(self, mu: float) -> Callable[[FloatArray], FloatArray]:
        """Return the inverse of the damped matrix with one shape for all rows, none mixed."""
        size = np.trace(self.rows, axis1=1, axis2=2) / len(self.x)
        shape = np.mean(self.rows / size[:, None, None], axis=0)
        k = np.arange(len(self.x))
        columns = self.columns.copy()
        columns[k, k] *= 1 + mu
        shape[k, k] *= 1 + mu
        across, V = eigh(columns, np.diag(size))
        along, W = np.linalg.eigh(shape)
        weights = 1 / np.maximum(across[:, None] + along, np.finfo(float).tiny)
        return lambda d: V @ ((V.T @ d @ W) * weights) @ W.T


def whitened(
    equations: Equations,
    x: Float64[FloatArray, "n n"],
    b: Float64[FloatArray, " n"],
    *,
    progress: Callable[[float], None] | None = None,
) -> Float64[FloatArray, "n n"]:
    """Return the samples that such steps lead to, the best of them by the equations as they are."""
    scale = float(np.linalg.norm(equations.right_side)) or 1.0
    R, slow = equations.residual(x, b), 0
    best, found = float(np.linalg.norm(R)), x
    mu = min(_DAMPING, (best / scale) ** 2)
    for _ in range(_STEPS):
        normal = _Normal(equations, x, b)
        left = R @ normal.inverse
        before = float(np.linalg.norm(left))
        for _ in range(_REJECTED):
            trial = x + normal.step(left, mu)
            R = equations.residual(trial, b)
            gain = 1 - float(np.linalg.norm(R @ normal.inverse)) / before
            if gain > 0:
                break
            mu *= 10
        else:
            break
        x, mu = trial, max(mu / 10, 1e-14)
        residual = float(np.linalg.norm(R))
        if residual < best:
            best, found = residual, x
            if progress is not None:
                progress(best / scale)
        slow += gain < _SLOW
        if slow == _PATIENCE or best <= _EXACT * scale or not whitens(equations, x):
            break
    return found
