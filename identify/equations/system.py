"""TODO system."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import Polynomial

_CHUNK = 2**26
"""Entries of B held at a time (0.5 GB)."""


@dataclass(frozen=True, slots=True)
class Equations:
    """The weighted equations in the coordinates of the row space.

    Attributes:
        activation: sigma.
        points: u_j, (m, r).
        scale: s_j, (m,); not used by values.
        right_side: g_j, (m, r), or v_j, (m, 1).
        by_value: Whether the right-hand sides are values rather than gradients.
        free_b: Whether the b_i are unknowns of their own (sigma not homogeneous).
    """

    activation: Polynomial
    points: FloatArray
    scale: FloatArray
    right_side: FloatArray
    by_value: bool
    free_b: bool

    def predict(self, x: FloatArray, b: FloatArray) -> FloatArray:
        """Return the left-hand sides at (x, b).

        Args:
            x: Samples, (n, r).
            b: Coefficients, (n,).

        Returns:
            An array of the shape of ``right_side``.
        """
        t = self.points @ x.T
        if self.by_value:
            return (self.activation(t) @ b)[:, None]
        return (self.activation(t, 1) * (self.scale[:, None] * b)) @ x

    def residual(self, x: FloatArray, b: FloatArray) -> FloatArray:
        """Return right-hand minus left-hand sides at (x, b).

        Args:
            x: Samples, (n, r).
            b: Coefficients, (n,).

        Returns:
            An array of the shape of ``right_side``.
        """
        return self.right_side - self.predict(x, b)

    def with_right_side(self, right_side: FloatArray) -> Equations:
        """Return the same equations with other right-hand sides.

        Args:
            right_side: (m, r) or (m, 1).

        Returns:
            The equations.
        """
        return replace(self, right_side=right_side)


def normal_matrix(equations: Equations, x: FloatArray, b: FloatArray) -> FloatArray:
    """Build J^T J from its structure.

    Args:
        equations: The equations.
        x: Samples, (n, r).
        b: Coefficients, (n,).

    Returns:
        The matrix, (n q, n q), q = r, or r + 1 with b_i last in each block where b is free.
    """
    n, r = x.shape
    t = equations.points @ x.T
    if equations.by_value:
        return _value_normal(equations, t, b, r)
    s = equations.scale[:, None]
    first, second = s * equations.activation(t, 1), s * equations.activation(t, 2)
    blocks = np.zeros((n, r, n, r))
    mixed = np.zeros((n, r, n))
    step = max(1, _CHUNK // (n * r))
    for start in range(0, len(t), step):
        rows = slice(start, start + step)
        product = _column_product(second[rows], equations.points[rows])
        blocks += (product.T @ product).reshape(n, r, n, r)
        mixed += (product.T @ first[rows]).reshape(n, r, n)
    overlap, coherence = first.T @ first, x @ x.T
    blocks *= coherence[:, None, :, None]
    blocks += mixed[:, :, :, None] * x[:, None, None, :]
    blocks += (mixed[:, :, :, None] * x[:, None, None, :]).transpose(2, 3, 0, 1)
    diagonal = np.arange(r)
    blocks[:, diagonal, :, diagonal] += overlap
    blocks *= b[:, None, None, None] * b[None, None, :, None]
    if not equations.free_b:
        return blocks.reshape(n * r, n * r)
    bordered = np.zeros((n, r + 1, n, r + 1))
    bordered[:, :r, :, :r] = blocks
    # J_bi^T J_xk = b_k ((x_i.x_k) c_ki + (P^T P)_ik x_i)
    border = coherence[:, :, None] * mixed.transpose(2, 0, 1) + overlap[:, :, None] * x[:, None, :]
    border = border * b[None, :, None]
    bordered[:, r, :, :r] = border
    bordered[:, :r, :, r] = border.transpose(1, 2, 0)
    bordered[:, r, :, r] = coherence * overlap
    return bordered.reshape(n * (r + 1), n * (r + 1))


def _column_product(weights: FloatArray, points: FloatArray) -> FloatArray:
    m, n = weights.shape
    return (weights[:, :, None] * points[:, None, :]).reshape(m, n * points.shape[1])


def _value_normal(equations: Equations, t: FloatArray, b: FloatArray, r: int) -> FloatArray:
    m, n = t.shape
    jacobian = _column_product(b * equations.activation(t, 1), equations.points).reshape(m, n, r)
    if equations.free_b:
        jacobian = np.concatenate([jacobian, equations.activation(t)[:, :, None]], axis=2)
    jacobian = jacobian.reshape(m, -1)
    return jacobian.T @ jacobian


def gradient(
    equations: Equations, x: FloatArray, b: FloatArray, residual: FloatArray
) -> FloatArray:
    """Return J^T residual.

    Args:
        equations: The equations.
        x: Samples, (n, r).
        b: Coefficients, (n,).
        residual: As returned by :meth:`Equations.residual`.

    Returns:
        The product, (n, r), or (n, r + 1) where b is free.
    """
    t = equations.points @ x.T
    if equations.by_value:
        error = residual[:, 0]
        along_x = (b * equations.activation(t, 1) * error[:, None]).T @ equations.points
        along_b = equations.activation(t).T @ error
    else:
        s = equations.scale[:, None]
        first, second = s * equations.activation(t, 1), s * equations.activation(t, 2)
        projected = residual @ x.T
        along_x = first.T @ residual + (second * projected).T @ equations.points
        along_x *= b[:, None]
        along_b = np.einsum("ji,ji->i", first, projected)
    return np.column_stack([along_x, along_b]) if equations.free_b else along_x


def jacobian_product(
    equations: Equations, x: FloatArray, b: FloatArray, step: FloatArray
) -> FloatArray:
    """Return J step, the change of the left-hand sides to first order.

    Args:
        equations: The equations, by gradients.
        x: Samples, (n, r).
        b: Coefficients, (n,).
        step: Change of the unknowns, (n, r), or (n, r + 1) where b is free.

    Returns:
        An array of the shape of ``right_side``.
    """
    r = x.shape[1]
    t, moved = equations.points @ x.T, equations.points @ step[:, :r].T
    s = equations.scale[:, None]
    first, second = s * equations.activation(t, 1), s * equations.activation(t, 2)
    change = (second * moved * b) @ x + (first * b) @ step[:, :r]
    return change + (first * step[:, r]) @ x if equations.free_b else change
