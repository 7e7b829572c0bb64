"""The flow of every neuron under given samples and residuals over time.

With u the row-space coordinates of a neuron, a its output weight, z_i those of the samples and
rho_i(s), 0 <= s <= 1, their residuals (mathematics of ordinary training, section 8):

    da/ds = sum_i rho_i(s) sigma(u.z_i),    du/ds = a sum_i rho_i(s) sigma'(u.z_i) z_i.

rho_i(s) = sum_k c_ik P_k(2 s - 1) with Legendre polynomials P_k is free: learning rate, number of
steps, loss, targets and shared changes of pace need not be known. Steps of finite size and momentum
make the weights follow the field v with a lag eps: they move by v - eps (dv/dtheta) v, to first
order; N steps of gradient descent have eps = 1 / (2 N), with momentum beta beta / (1 - beta) / N
more. Classical Runge-Kutta steps; theta = (a, u) is one row of an (m, r + 1) array.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre

from identify.arrays import Float64, FloatArray
from identify.recovery.flow.ends import Ends
from identify.recovery.flow.steps import integrated, times_of


@dataclass(frozen=True, slots=True)
class Drive:
    """What moves the neurons.

    Attributes:
        z: Samples.
        c: Coefficients of their residual functions, for P_0, P_1, ...
        lag: eps.
    """

    z: Float64[FloatArray, "n r"]
    c: Float64[FloatArray, "n k"]
    lag: float = 0.0


@dataclass(frozen=True, slots=True)
class Flow:
    """The flow from given initial weights, in so many Runge-Kutta steps.

    Attributes:
        ends: The neurons.
        functions: Number of residual functions K.
        steps: S.
    """

    ends: Ends
    functions: int
    steps: int

    def basis(self, s: FloatArray | float) -> FloatArray:
        """Return P_0 ... P_{K-1} at times s, (..., K)."""
        x = 2 * np.asarray(s) - 1
        rows = [legendre.legval(x, row) for row in np.eye(self.functions)]
        return np.stack(rows, axis=-1).astype(np.float64)

    @property
    def times(self) -> Float64[FloatArray, " t"]:
        """The ends and middles of all steps, 2 S + 1 of them."""
        return times_of(self.steps)

    def velocity(
        self, theta: Float64[FloatArray, "m q"], drive: Drive, s: float
    ) -> Float64[FloatArray, "m q"]:
        """Return d theta / ds."""
        sigma, z = self.ends.at(s), drive.z
        rho = self.basis(s) @ drive.c.T
        a, t = theta[:, :1], theta[:, 1:] @ z.T
        slope = sigma(t, 1)
        trained = float(self.ends.output_moves)
        v = np.column_stack([trained * (sigma(t) @ rho), (a * slope * rho) @ z])
        if drive.lag:
            turned = v[:, 1:] @ z.T
            bent = v[:, :1] * slope + a * sigma(t, 2) * turned
            late = [trained * ((slope * turned) @ rho), (bent * rho) @ z]
            v -= drive.lag * np.column_stack(late)
        return v

    def path(self, drive: Drive) -> Float64[FloatArray, "t m q"]:
        """Return the neurons at ``times``."""
        theta = np.column_stack([self.ends.a0, self.ends.U0])
        return integrated(lambda at, s: self.velocity(at, drive, s), theta, self.steps)

    def miss(self, drive: Drive) -> Float64[FloatArray, "m q"]:
        """Return by how far the flow misses the final weights."""
        return np.column_stack([self.ends.a, self.ends.U]) - self.path(drive)[-1]
