"""Where the neurons of a network start and end, in the coordinates of the row space."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import Float64, FloatArray, IntArray
from identify.equations.activation import Polynomial

_MILD = 0.5
"""A neuron that moved by more than this share of its length is left out of fits: few Runge-Kutta
steps do not follow it, and what the model neglects grows with the movement."""

_LEVEL = 0.1
"""A neuron that moves less than this share of the median counts as if it moved so much: below lies
the noise of the weights rather than an error of the model."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Initial and final weights in the coordinates of the row space.

    Attributes:
        a0: Initial output weights.
        U0: Initial first layer.
        a: Final output weights, divided by the decay factor.
        U: Final first layer, likewise.
        activation: sigma.
        decay: The decay factor, 1 without.
    """

    a0: Float64[FloatArray, " m"]
    U0: Float64[FloatArray, "m r"]
    a: Float64[FloatArray, " m"]
    U: Float64[FloatArray, "m r"]
    activation: Polynomial
    decay: float = 1.0

    @property
    def output_moves(self) -> bool:
        """Whether the output layer was trained."""
        return not np.array_equal(self.a, self.a0)

    @property
    def change(self) -> Float64[FloatArray, "m q"]:
        """The change of every neuron, that of a first; q = r + 1."""
        return np.column_stack([self.a - self.a0, self.U - self.U0])

    @property
    def movement(self) -> Float64[FloatArray, " m"]:
        """The length of that change."""
        return np.linalg.norm(self.change, axis=1)

    @property
    def relative_movement(self) -> Float64[FloatArray, " m"]:
        """The movement over the initial size of the neuron."""
        size = np.sqrt(self.a0**2 + np.sum(self.U0**2, axis=1))
        return self.movement / np.maximum(size, np.finfo(float).tiny)

    def weights(self, noise: float = 0.0) -> Float64[FloatArray, " m"]:
        """Return weights that make the model's errors, which grow with the movement, of one size.

        ``noise`` is the root mean square error of a stored weight.
        """
        moved = self.movement
        level = max(_LEVEL * float(np.median(moved)), noise * np.sqrt(self.U.shape[1] + 1))
        return 1 / np.maximum(moved, max(level, np.finfo(float).tiny))

    def chosen(self, rows: IntArray) -> Ends:
        """Return some of the neurons."""
        parts = (self.a0[rows], self.U0[rows], self.a[rows], self.U[rows])
        return Ends(*parts, self.activation, self.decay)

    def least_moved(self, count: int) -> Ends:
        """Return the neurons that moved least relative to their size: their flow is mild."""
        order = np.argsort(self.relative_movement, kind="stable")
        return self.chosen(np.sort(order[:count]))

    def mild(self) -> IntArray:
        """Return the neurons whose flow is mild, by what they moved."""
        order = np.argsort(self.relative_movement, kind="stable")
        return order[self.relative_movement[order] <= _MILD]

    def outputs(self, x: Float64[FloatArray, "n r"]) -> Float64[FloatArray, " n"]:
        """Return the outputs of the final network."""
        return self.activation(self.U @ x.T).T @ self.a

    def at(self, s: float) -> Polynomial:
        """Return sigma as the undecayed weights see it at time s in [0, 1].

        With theta = D phi, D = decay^s, the flow of theta under weight decay is that of phi with
        coefficients c_k D^{k-1}; for one degree that factor belongs to the residual functions.
        """
        sigma = self.activation
        if self.decay == 1 or sigma.is_power:
            return sigma
        factors = self.decay ** (s * (np.arange(sigma.degree + 1) - 1))
        return replace(sigma, coefficients=tuple(np.asarray(sigma.coefficients) * factors))
