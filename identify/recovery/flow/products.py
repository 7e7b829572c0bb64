"""Products with the derivative of the end of the flow, none of it formed.

The discretisation of ``derivatives`` with its propagator B applied to vectors: A as there, the
change of the velocity by samples and residual functions is

    dv = (sum_i sigma dr_i + r_i sigma' (u.dz_i),
          sum_i (a sigma' dr_i + a r_i sigma'' (u.dz_i)) z_i + a r_i sigma' dz_i),

with r_i = rho_i(s) and sigma taken at u.z_i. A product costs what a few Runge-Kutta steps cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.recovery.flow.derivatives import by_lag
from identify.recovery.flow.flow import Drive, Flow
from identify.recovery.flow.steps import accumulated, backwards, simpson


@dataclass(frozen=True, slots=True)
class _Moment:
    """The velocity linearised at one time; ``value`` is 0 where the output layer is not trained."""

    u: Float64[FloatArray, "m r"]
    z: Float64[FloatArray, "n r"]
    value: Float64[FloatArray, "m n"]
    first: Float64[FloatArray, "m n"]  # r sigma'
    slope: Float64[FloatArray, "m n"]  # a sigma'
    driven: Float64[FloatArray, "m n"]  # a r sigma'
    bend: Float64[FloatArray, "m n"]  # a r sigma''
    trained: float

    @classmethod
    def of(cls, flow: Flow, drive: Drive, path: FloatArray, k: int) -> _Moment:
        s = float(flow.times[k])
        sigma, rho = flow.ends.at(s), flow.basis(s) @ drive.c.T
        a, u, trained = path[k, :, :1], path[k, :, 1:], float(flow.ends.output_moves)
        t = u @ drive.z.T
        raw = sigma(t, 1)
        slope, bend = a * raw, a * rho * sigma(t, 2)
        return cls(u, drive.z, trained * sigma(t), raw * rho, slope, slope * rho, bend, trained)

    def moved(self, dz: FloatArray, dr: FloatArray) -> Float64[FloatArray, "m q"]:
        """Return dv."""
        along = self.u @ dz.T
        first = self.value @ dr + self.trained * np.sum(self.first * along, axis=1)
        rest = (self.slope * dr + self.bend * along) @ self.z + self.driven @ dz
        return np.column_stack([first, rest])

    def moved_transposed(self, e: Float64[FloatArray, "m q"]) -> tuple[FloatArray, FloatArray]:
        """Apply the transpose of ``moved``."""
        turned = e[:, 1:] @ self.z.T
        weights = self.trained * e[:, :1] * self.first + self.bend * turned
        dr = e[:, 0] @ self.value + np.sum(self.slope * turned, axis=0)
        return weights.T @ self.u + self.driven.T @ e[:, 1:], dr

    def left(self, y: Float64[FloatArray, "m q"]) -> Float64[FloatArray, "m q"]:
        """Return A y."""
        along = y[:, 1:] @ self.z.T
        rest = (self.first * y[:, :1] + self.bend * along) @ self.z
        return np.column_stack([self.trained * np.sum(self.first * along, axis=1), rest])

    def right(self, e: Float64[FloatArray, "m q"]) -> Float64[FloatArray, "m q"]:
        """Return e^T A."""
        turned = e[:, 1:] @ self.z.T
        rest = (self.trained * self.first * e[:, :1] + self.bend * turned) @ self.z
        return np.column_stack([np.sum(self.first * turned, axis=1), rest])


class EndProducts:
    """The weighted derivative J of the end by z, then c, then the lag if it is free."""

    def __init__(
        self,
        flow: Flow,
        drive: Drive,
        path: Float64[FloatArray, "t m q"],
        weights: Float64[FloatArray, " m"],
        *,
        lagged: bool,
    ) -> None:
        """Linearise along a path; ``weights`` multiply each neuron's equations."""
        self.moments = [_Moment.of(flow, drive, path, k) for k in range(len(path))]
        self.steps, self.weights = flow.steps, weights[:, None]
        self.basis = flow.basis(flow.times)
        self.simpson = simpson(flow.steps)
        self.shapes = drive.z.shape, drive.c.shape
        self.lag = self.weights * by_lag(flow, drive, path) if lagged else None

    def times(self, step: Float64[FloatArray, " p"]) -> Float64[FloatArray, "m q"]:
        """Return J step."""
        (n, r), (_, K) = self.shapes
        z, c = step[: n * r].reshape(n, r), step[n * r : n * (r + K)].reshape(n, K)
        dr = c @ self.basis.T

        def given(k: int) -> FloatArray:
            return self.simpson[k] * self.moments[k].moved(z, dr[:, k])

        end = accumulated(given, lambda y, k: self.moments[k].left(y), self.steps)
        end *= self.weights
        return end if self.lag is None else end + step[-1] * self.lag

    def transposed_times(self, e: Float64[FloatArray, "m q"]) -> Float64[FloatArray, " p"]:
        """Return J^T e."""
        (n, r), (_, K) = self.shapes
        z, c = np.zeros((n, r)), np.zeros((n, K))
        start = e * self.weights
        for k, back in backwards(start, lambda y, k: self.moments[k].right(y), self.steps):
            dz, dr = self.moments[k].moved_transposed(back)
            z += self.simpson[k] * dz
            c += self.simpson[k] * np.outer(dr, self.basis[k])
        parts = [z.ravel(), c.ravel()]
        if self.lag is not None:
            parts.append(np.array([np.vdot(self.lag, e)]))
        return np.concatenate(parts)
