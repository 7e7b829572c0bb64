"""The weighted normal equations of a flow's miss in samples, residual functions and lag.

By the residual functions the end is differentiated along the flow; by the samples either likewise,
or at the mean of the path, where the normal matrix has a structure that need not be formed through
J. Neurons that move mildly make that an error of a few hundredths: a search loses little by it, and
a last fit on many neurons has it for a preconditioner of products with J. Symbols as in
``identify.equations.system``: P = w a b sigma'(t), Q = w a b sigma''(t), V = w b sigma'(t), B and C
the column-wise products of Q and V with u.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.recovery.flow.derivatives import by_functions, by_lag, by_samples
from identify.recovery.flow.flow import Drive, Flow
from identify.recovery.flow.products import EndProducts

_CHUNK = 2**26
"""Entries of B held at a time (0.5 GB)."""


_FORMED = 10**7
"""Largest number of entries of J that is formed; beyond it a few products are cheaper."""


@dataclass(frozen=True, slots=True)
class NormalEquations:
    """N x = g of the linearised miss; unknowns are z, then c, then the lag if it is free.

    Attributes:
        matrix: N = J^T J, at the mean of the path by z where there are products or J is not whole.
        gradient: J^T miss.
        products: Those of the whole J, where it is large.
    """

    matrix: Float64[FloatArray, "p p"]
    gradient: Float64[FloatArray, " p"]
    products: EndProducts | None = None


@dataclass(frozen=True, slots=True)
class _Mean:
    """The derivative by z at the mean of the path, in factors."""

    u: FloatArray
    z: FloatArray
    P: FloatArray
    Q: FloatArray
    V: FloatArray

    @classmethod
    def of(cls, flow: Flow, drive: Drive, path: FloatArray, w: FloatArray) -> _Mean:
        theta, sigma = path.mean(axis=0), flow.ends.at(0.5)
        a, u, b = theta[:, :1], theta[:, 1:], w[:, None] * drive.c[:, 0]
        t = u @ drive.z.T
        slope = b * sigma(t, 1)
        seen = slope * float(flow.ends.output_moves)
        return cls(u, drive.z, a * slope, a * b * sigma(t, 2), seen)

    def transposed(self, change: Float64[FloatArray, "m q k"]) -> Float64[FloatArray, "p k"]:
        """Return J_z^T change."""
        (m, _, k), (n, r) = change.shape, self.z.shape
        first, rest = change[:, 0], change[:, 1:]
        onto = np.matmul(self.z, rest)  # (m, n, k)
        weights = self.Q[:, :, None] * onto + self.V[:, :, None] * first[:, None, :]
        straight = (self.P.T @ rest.reshape(m, -1)).reshape(n, r, k)
        return (straight + np.tensordot(weights, self.u, (0, 0)).transpose(0, 2, 1)).reshape(-1, k)

    def normal(self) -> Float64[FloatArray, "p p"]:
        """Return J_z^T J_z."""
        (m, n), r = self.P.shape, self.u.shape[1]
        N, values = np.zeros((n, r, n, r)), np.zeros((n, r, n, r))
        c = np.zeros((n, r, n))
        step = max(1, _CHUNK // (n * r))
        for start in range(0, m, step):
            rows = slice(start, start + step)
            B, C = (
                (f[rows, :, None] * self.u[rows, None, :]).reshape(-1, n * r)
                for f in (self.Q, self.V)
            )
            N += (B.T @ B).reshape(N.shape)
            values += (C.T @ C).reshape(N.shape)
            c += (B.T @ self.P[rows]).reshape(n, r, n)
        # (x_i.x_k) (B^T B)_ik + c_ik x_i^T + x_k c_ki^T + (P^T P)_ik I + (C^T C)_ik
        N *= (self.z @ self.z.T)[:, None, :, None]
        mixed = c[:, :, :, None] * self.z[:, None, None, :]
        N += mixed + mixed.transpose(2, 3, 0, 1) + values
        diagonal = np.arange(r)
        N[:, diagonal, :, diagonal] += self.P.T @ self.P
        return N.reshape(n * r, n * r)


def normal_equations(
    flow: Flow,
    drive: Drive,
    weights: Float64[FloatArray, " m"],
    *,
    lagged: bool,
    whole: bool,
) -> NormalEquations:
    """Build them at a drive; ``weights`` multiply each neuron's equations.

    Args:
        flow: The flow.
        drive: Where it is linearised.
        weights: One a neuron.
        lagged: Whether the lag is free.
        whole: Whether what samples do is followed along the whole path.

    Returns:
        The equations.
    """
    path = flow.path(drive)
    miss = np.column_stack([flow.ends.a, flow.ends.U]) - path[-1]
    (m, q), w = miss.shape, weights[:, None, None]
    parts = [by_functions(flow, drive, path).reshape(m, q, -1)]
    if lagged:
        parts.append(by_lag(flow, drive, path)[..., None])
    formed = whole and miss.size * (drive.z.size + drive.c.size) <= _FORMED
    if formed:
        parts.insert(0, by_samples(flow, drive, path).reshape(m, q, -1))
    rest = (np.concatenate([*parts, miss[..., None]], axis=2) * w).reshape(m * q, -1)
    below = rest.T @ rest
    matrix, gradient = below[:-1, :-1], below[:-1, -1]
    if formed:
        return NormalEquations(matrix, gradient)
    mean = _Mean.of(flow, drive, path, weights)
    mixed = mean.transposed(rest.reshape(m, q, -1))
    matrix = np.block([[mean.normal(), mixed[:, :-1]], [mixed[:, :-1].T, matrix]])
    if not whole:
        return NormalEquations(matrix, np.concatenate([mixed[:, -1], gradient]))
    products = EndProducts(flow, drive, path, weights, lagged=lagged)
    return NormalEquations(matrix, products.transposed_times(miss * weights[:, None]), products)
