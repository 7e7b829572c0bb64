"""How the end of the flow moves with residual functions, samples and lag.

The end of one neuron moves by B(s) dv when its velocity changes by dv at time s, with B(s) the
derivative of the end by the position at s: B(1) = I, dB/ds = -B A, A the derivative of the velocity
by the position:

    A = [[0, g^T], [g, a H]],  g = sum_i rho_i sigma'(u.z_i) z_i,
                               H = sum_i rho_i sigma''(u.z_i) z_i z_i^T.

An output layer that is not trained has a first row of zeros, and no dv there. B is integrated like
theta, the integral over dv by Simpson's rule: the order of the flow itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.recovery.flow.flow import Drive, Flow
from identify.recovery.flow.steps import propagators, simpson

_LAG = 1e-4
"""Change of the lag by which its derivative is taken."""


def by_functions(
    flow: Flow, drive: Drive, path: Float64[FloatArray, "t m q"]
) -> Float64[FloatArray, "m q n k"]:
    """Return the derivative of the end by the coefficients c."""
    (times, m, q), n = path.shape, len(drive.z)
    moved, trained = np.empty((m, q, n, times)), float(flow.ends.output_moves)
    for k, B in _propagators(flow, drive, path):
        sigma, a = flow.ends.at(float(flow.times[k])), path[k, :, :1]
        t = path[k, :, 1:] @ drive.z.T
        along = a[:, :, None] * sigma(t, 1)[:, None, :] * np.matmul(B[:, :, 1:], drive.z.T)
        moved[..., k] = trained * B[:, :, :1] * sigma(t)[:, None, :] + along
    return moved @ (simpson(flow.steps)[:, None] * flow.basis(flow.times))


def by_samples(
    flow: Flow, drive: Drive, path: Float64[FloatArray, "t m q"]
) -> Float64[FloatArray, "m q n r"]:
    """Return the derivative of the end by the samples z."""
    (times, m, q), (n, r) = path.shape, drive.z.shape
    along, across = np.empty((m, q, n, times)), np.empty((m, n, times))
    through, trained = np.empty((m, times, q, r)), float(flow.ends.output_moves)
    rho = simpson(flow.steps)[:, None] * (flow.basis(flow.times) @ drive.c.T)
    for k, B in _propagators(flow, drive, path):
        sigma, a = flow.ends.at(float(flow.times[k])), path[k, :, :1]
        t = path[k, :, 1:] @ drive.z.T
        slope, bend = sigma(t, 1), a * sigma(t, 2)
        # dv = rho_i (sigma'(t) u.dz, a sigma''(t) (u.dz) z_i + a sigma'(t) dz)
        turned = np.matmul(B[:, :, 1:], drive.z.T)
        first = trained * B[:, :, :1] * slope[:, None]
        along[..., k] = (first + turned * bend[:, None]) * rho[k]
        across[..., k] = a * slope * rho[k]
        through[:, k] = B[:, :, 1:]
    u = path[:, :, 1:].transpose(1, 0, 2)
    J = np.matmul(along.reshape(m, q * n, times), u).reshape(m, q, n, r)
    straight = np.matmul(across, through.reshape(m, times, q * r)).reshape(m, n, q, r)
    return J + straight.transpose(0, 2, 1, 3)


def by_lag(
    flow: Flow, drive: Drive, path: Float64[FloatArray, "t m q"]
) -> Float64[FloatArray, "m q"]:
    """Return the derivative of the end by the lag, from a second flow."""
    return (flow.path(replace(drive, lag=drive.lag + _LAG))[-1] - path[-1]) / _LAG


def _propagators(
    flow: Flow, drive: Drive, path: Float64[FloatArray, "t m q"]
) -> Iterator[tuple[int, Float64[FloatArray, "m q q"]]]:
    """Yield the number of a time and B there, from the last to the first."""
    return propagators(lambda k: _by_position(flow, drive, path, k), flow.steps)


def _by_position(
    flow: Flow, drive: Drive, path: Float64[FloatArray, "t m q"], k: int
) -> Float64[FloatArray, "m q q"]:
    """Return A at one of the times; the lag, which is small, is left out."""
    _, m, q = path.shape
    sigma, z = flow.ends.at(float(flow.times[k])), drive.z
    rho = flow.basis(float(flow.times[k])) @ drive.c.T
    t = path[k, :, 1:] @ z.T
    A = np.zeros((m, q, q))
    A[:, 1:, 0] = (sigma(t, 1) * rho) @ z
    A[:, 0, 1:] = float(flow.ends.output_moves) * A[:, 1:, 0]
    weights = path[k, :, :1] * sigma(t, 2) * rho
    A[:, 1:, 1:] = np.matmul(z.T * weights[:, None, :], z)
    return A
