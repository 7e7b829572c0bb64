"""The equations of a flow near its solution, as those that bounds are computed from.

For a power activation the scale of z_i and of its residual functions cannot be told apart; as in
``identify.equations.system`` b_i = +-1 is fixed and x_i stands for |b_i|^{1/alpha} z_i, with
b_i = c_i0, the mean of the residual. The other residual functions and the lag are unknowns nobody
asks for: what they can follow is projected out of J.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.system import Equations
from identify.recovery.fit import Fit
from identify.recovery.flow.derivatives import by_functions, by_lag, by_samples
from identify.recovery.flow.flow import Drive, Flow
from identify.recovery.flow.last_fit import LastFit
from identify.recovery.sensitivity import FORMED, Sensitivity, from_jacobian

_NULL = 1e-9
"""Singular value of the derivatives by what nobody asks for, below which they say the same."""


@dataclass(frozen=True, slots=True)
class Linearised:
    """The weighted gradient equations of the neurons a bound rests on, at the mean of their paths.

    Attributes:
        equations: The equations, every neuron's multiplied by its weight.
        fit: The samples in them.
        found: What an error of norm 1 in them does to each sample.
        spare: Number of equations less that of all unknowns.
        weight: Root mean square of the weights.
    """

    equations: Equations
    fit: Fit
    found: Sensitivity
    spare: int
    weight: float


def as_samples(drive: Drive, degree: int, *, power: bool) -> Drive:
    """Return the drive with b_i = c_i0 = +-1 for a power activation, as it is otherwise."""
    if not power:
        return drive
    size = np.maximum(np.abs(drive.c[:, 0]), np.finfo(float).tiny)
    return Drive(drive.z * size[:, None] ** (1 / degree), drive.c / size[:, None], drive.lag)


def mean_equations(flow: Flow, drive: Drive, weights: Float64[FloatArray, " m"]) -> Equations:
    """Return the weighted gradient equations at the mean of the paths, the flow's miss left."""
    path = flow.path(drive)
    theta, sigma = path.mean(axis=0), flow.ends.at(0.5)
    b = drive.c[:, 0]
    scale = weights * theta[:, 0]
    static = Equations(
        activation=sigma,
        points=theta[:, 1:],
        scale=scale,
        right_side=np.zeros_like(theta[:, 1:]),
        by_value=False,
        free_b=not sigma.is_power,
    )
    miss = (flow.ends.U - path[-1, :, 1:]) * weights[:, None]
    return static.with_right_side(static.predict(drive.z, b) + miss)


def linearised(last: LastFit, noise: float) -> Linearised:
    """Linearise a last fit, on the least-moved of its neurons where J would be too large."""
    ends, r = last.flow.ends, last.drive.z.shape[1]
    unknowns = last.drive.z.size + last.drive.c.size + 1
    few = ends.least_moved(max(1, FORMED // (unknowns * (r + 1))))
    flow = Flow(few, last.flow.functions, last.flow.steps)
    power = ends.activation.is_power
    drive = as_samples(last.drive, ends.activation.degree, power=power)
    w = few.weights(noise)
    path = flow.path(drive)
    J = by_samples(flow, drive, path)[:, 1:]
    by_c = by_functions(flow, drive, path)[:, 1:]
    if not power:
        J = np.concatenate([J, by_c[..., :1]], axis=3)
    rest = by_c[..., 1:].reshape(*by_c.shape[:2], -1)
    rest = np.concatenate([rest, by_lag(flow, drive, path)[:, 1:, None]], axis=2)
    rows = len(w) * r
    weighted = (J * w[:, None, None, None]).reshape(rows, -1)
    others = (rest * w[:, None, None]).reshape(rows, -1)
    Q = _range(others)
    weighted -= Q @ (Q.T @ weighted)
    equations = mean_equations(flow, drive, w)
    fit = sample_fit(equations, drive)
    left = equations.residual(fit.x, fit.b).ravel()
    left -= Q @ (Q.T @ left)
    found = from_jacobian(weighted, fit, left, free_b=not power)
    size = float(np.sqrt(np.mean(w**2)))
    return Linearised(equations, fit, found, rows - weighted.shape[1] - Q.shape[1], size)


def sample_fit(equations: Equations, drive: Drive) -> Fit:
    """Return the samples of a drive as a fit of equations along its path."""
    b = drive.c[:, 0]
    n, r = drive.z.shape
    residual = float(np.linalg.norm(equations.residual(drive.z, b)))
    unit = np.ones((n, r + equations.free_b))
    return Fit(drive.z, b, residual, None, unit, converged=True)


def _range(matrix: Float64[FloatArray, "e k"]) -> FloatArray:
    """Return an orthonormal basis of the columns."""
    size = np.linalg.norm(matrix, axis=0)
    U, values, _ = np.linalg.svd(matrix / np.where(size > 0, size, 1.0), full_matrices=False)
    return U[:, values > _NULL * values[0]]
