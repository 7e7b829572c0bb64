"""The weighted equations in the coordinates of the row space, and products with their Jacobian.

Symbols: points u_j in the coordinates of the row space, weights s_j, t_ji = x_i.u_j. The equations
are

    s_j sum_i b_i sigma'(t_ji) x_i = g_j      (gradients), or
        sum_i b_i sigma(t_ji)      = v_j      (values).

For sigma(t) = c t^alpha the scale of x_i and b_i cannot be told apart; then b_i = +-1 is fixed and
x_i stands for z_i = |b_i|^{1/alpha} x_i. Shapes: m points, n samples, r coordinates, and q = r
unknowns per sample, or r + 1 with b_i last where b is free; c = r columns of right-hand sides, or 1
by values. The Jacobian J, m c times n q, is never formed here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.activation import Polynomial

_CHUNK = 2**26
"""Entries of B held at a time (0.5 GB)."""


@dataclass(frozen=True, slots=True)
class Equations:
    """The weighted equations.

    Attributes:
        activation: sigma.
        points: u_j.
        scale: s_j; not used by values.
        right_side: g_j or v_j.
        by_value: Whether the right-hand sides are values rather than gradients.
        free_b: Whether the b_i are unknowns of their own (sigma not homogeneous).
    """

    activation: Polynomial
    points: Float64[FloatArray, "m r"]
    scale: Float64[FloatArray, " m"]
    right_side: Float64[FloatArray, "m c"]
    by_value: bool
    free_b: bool

    def predict(
        self, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"]
    ) -> Float64[FloatArray, "m c"]:
        """Return the left-hand sides at (x, b)."""
        t = self.points @ x.T
        if self.by_value:
            return (self.activation(t) @ b)[:, None]
        return (self.activation(t, 1) * (self.scale[:, None] * b)) @ x

    def residual(
        self, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"]
    ) -> Float64[FloatArray, "m c"]:
        """Return right-hand minus left-hand sides at (x, b)."""
        return self.right_side - self.predict(x, b)

    def with_right_side(self, right_side: Float64[FloatArray, "m c"]) -> Equations:
        """Return the same equations with other right-hand sides."""
        return replace(self, right_side=right_side)


def normal_matrix(
    equations: Equations, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"]
) -> Float64[FloatArray, "nq nq"]:
    """Build J^T J from its structure."""
    n, r = x.shape
    t = equations.points @ x.T
    if equations.by_value:
        return _value_normal(equations, t, b)
    # P = s sigma'(t), Q = s sigma''(t), B the column-wise product of Q and u:
    # J_xi^T J_xk = b_i b_k ((x_i.x_k) (B^T B)_ik + c_ik x_i^T + x_k c_ki^T + (P^T P)_ik I)
    s = equations.scale[:, None]
    P, Q = s * equations.activation(t, 1), s * equations.activation(t, 2)
    blocks, c = _curved(equations.points, P, Q)
    overlap, coherence = P.T @ P, x @ x.T
    blocks *= coherence[:, None, :, None]
    blocks += c[:, :, :, None] * x[:, None, None, :]
    blocks += (c[:, :, :, None] * x[:, None, None, :]).transpose(2, 3, 0, 1)
    diagonal = np.arange(r)
    blocks[:, diagonal, :, diagonal] += overlap
    blocks *= b[:, None, None, None] * b[None, None, :, None]
    if not equations.free_b:
        return blocks.reshape(n * r, n * r)
    bordered = np.zeros((n, r + 1, n, r + 1))
    bordered[:, :r, :, :r] = blocks
    # J_bi^T J_xk = b_k ((x_i.x_k) c_ki + (P^T P)_ik x_i)
    border = coherence[:, :, None] * c.transpose(2, 0, 1) + overlap[:, :, None] * x[:, None, :]
    border = border * b[None, :, None]
    bordered[:, r, :, :r] = border
    bordered[:, :r, :, r] = border.transpose(1, 2, 0)
    # J_bi^T J_bk = (x_i.x_k) (P^T P)_ik
    bordered[:, r, :, r] = coherence * overlap
    return bordered.reshape(n * (r + 1), n * (r + 1))


def _curved(
    points: Float64[FloatArray, "m r"],
    P: Float64[FloatArray, "m n"],
    Q: Float64[FloatArray, "m n"],
) -> tuple[Float64[FloatArray, "n r n r"], Float64[FloatArray, "n r n"]]:
    """Return B^T B and c_ik = sum_j Q_ji P_jk u_j, of a chunk of points at a time."""
    (m, r), n = points.shape, P.shape[1]
    blocks, c = np.zeros((n, r, n, r)), np.zeros((n, r, n))
    step = max(1, _CHUNK // (n * r))
    for start in range(0, m, step):
        rows = slice(start, start + step)
        B = _column_product(Q[rows], points[rows])
        blocks += (B.T @ B).reshape(n, r, n, r)
        c += (B.T @ P[rows]).reshape(n, r, n)
    return blocks, c


def _column_product(
    weights: Float64[FloatArray, "m n"], points: Float64[FloatArray, "m r"]
) -> Float64[FloatArray, "m nr"]:
    m, n = weights.shape
    return (weights[:, :, None] * points[:, None, :]).reshape(m, n * points.shape[1])


def _value_normal(
    equations: Equations, t: Float64[FloatArray, "m n"], b: Float64[FloatArray, " n"]
) -> Float64[FloatArray, "nq nq"]:
    """Build J^T J from J, b_i sigma'(t) u behind one another, with sigma(t) where b is free."""
    m, n = t.shape
    J = _column_product(b * equations.activation(t, 1), equations.points).reshape(m, n, -1)
    if equations.free_b:
        J = np.concatenate([J, equations.activation(t)[:, :, None]], axis=2)
    J = J.reshape(m, -1)
    return J.T @ J


def residual_gradient(
    equations: Equations,
    x: Float64[FloatArray, "n r"],
    b: Float64[FloatArray, " n"],
    residual: Float64[FloatArray, "m c"],
) -> Float64[FloatArray, "n q"]:
    """Return J^T residual."""
    t = equations.points @ x.T
    if equations.by_value:
        error = residual[:, 0]
        along_x = (b * equations.activation(t, 1) * error[:, None]).T @ equations.points
        along_b = equations.activation(t).T @ error
    else:
        s = equations.scale[:, None]
        P, Q = s * equations.activation(t, 1), s * equations.activation(t, 2)
        projected = residual @ x.T
        along_x = P.T @ residual + (Q * projected).T @ equations.points
        along_x *= b[:, None]
        along_b = np.einsum("ji,ji->i", P, projected)
    return np.column_stack([along_x, along_b]) if equations.free_b else along_x


def jacobian_product(
    equations: Equations,
    x: Float64[FloatArray, "n r"],
    b: Float64[FloatArray, " n"],
    step: Float64[FloatArray, "n q"],
) -> Float64[FloatArray, "m r"]:
    """Return J step, the change of the gradients to first order."""
    r = x.shape[1]
    t, moved = equations.points @ x.T, equations.points @ step[:, :r].T
    s = equations.scale[:, None]
    P, Q = s * equations.activation(t, 1), s * equations.activation(t, 2)
    change = (Q * moved * b) @ x + (P * b) @ step[:, :r]
    return change + (P * step[:, r]) @ x if equations.free_b else change
