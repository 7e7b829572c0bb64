"""The flow of every neuron under a polynomial that changes in time: no samples are asked for.

With the samples the field is the gradient of one polynomial, P_s(u) = sum_i rho_i(s) sigma(u.z_i):

    da/ds = P_s(u),    du/ds = a grad P_s(u),    P_s = P_0 + gamma (2 s - 1) P_1.

Its coefficients in the weighted monomials of u / size, all degrees of sigma, are free: where the
neurons end is nearly linear in them (along fixed paths it is linear), and many more neurons are
given than there are coefficients. So no start has to be guessed: the first paths are straight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.recovery.flow.ends import Ends
from identify.recovery.flow.steps import integrated, propagators, times_of
from identify.tensor.features import form_dimension, monomial_features
from identify.tensor.form import Form, slopes, slopes_transposed

FUNCTIONS = 2
"""Functions of time of the polynomial."""

_GAMMA = 4.0
"""Size of P_1, which acts through the movement of the neurons alone, beside that of P_0."""

Coefficients = dict[int, FloatArray]
"""By degree: coefficients of P_0 and P_1, (2, N), or of one polynomial, (N,)."""


@dataclass(frozen=True, slots=True)
class Points:
    """Neurons at one time, with what the polynomial is evaluated from.

    Attributes:
        a: Output weights.
        v: First layer over its size.
        features: Weighted monomials of degree k - 1 by k.
    """

    a: Float64[FloatArray, "m 1"]
    v: Float64[FloatArray, "m r"]
    features: dict[int, FloatArray]


@dataclass(frozen=True, slots=True)
class TensorFlow:
    """The flow of neurons under a free polynomial, in so many Runge-Kutta steps.

    Attributes:
        ends: The neurons.
        steps: S.
        size: Typical entry of the first layer.
    """

    ends: Ends
    steps: int
    size: float

    @classmethod
    def of(cls, ends: Ends, steps: int = 2) -> TensorFlow:
        """Return the flow of some neurons."""
        return cls(ends, steps, float(np.sqrt(np.mean(ends.U0**2))) or 1.0)

    @property
    def degrees(self) -> tuple[int, ...]:
        """The degrees of P; 0, seen by the output weights alone, among them."""
        sigma = self.ends.activation
        constant = sigma.coefficients[0] != 0 and self.ends.output_moves
        return (0, *sigma.support) if constant else sigma.support

    @property
    def unknowns(self) -> int:
        """The number of coefficients."""
        r = self.ends.U.shape[1]
        return FUNCTIONS * sum(form_dimension(r, k) for k in self.degrees)

    @property
    def times(self) -> Float64[FloatArray, " t"]:
        """The ends and middles of all steps, 2 S + 1 of them."""
        return times_of(self.steps)

    def basis(self, s: float) -> Float64[FloatArray, " k"]:
        """Return the factors of P_0 and P_1 at time s."""
        return np.array([1.0, _GAMMA * (2 * s - 1)])

    def unpacked(self, x: Float64[FloatArray, " p"]) -> Coefficients:
        """Return the coefficients by degree."""
        r, found, at = self.ends.U.shape[1], {}, 0
        for k in self.degrees:
            N = form_dimension(r, k)
            found[k] = x[at : at + FUNCTIONS * N].reshape(FUNCTIONS, N)
            at += FUNCTIONS * N
        return found

    def forms(self, x: Float64[FloatArray, " p"]) -> list[dict[int, Form]]:
        """Return the forms in u of P_0, and of the factor of 2 s - 1, by degree from 1 on."""
        r, q = self.ends.U.shape[1], self.unpacked(x)
        return [
            {k: Form(k, r, factor * q[k][i] / self.size**k) for k in q if k}
            for i, factor in enumerate((1.0, _GAMMA))
        ]

    def at(self, x: Float64[FloatArray, " p"], s: float) -> Coefficients:
        """Return the coefficients at time s."""
        return {k: self.basis(s) @ q for k, q in self.unpacked(x).items()}

    def points(self, theta: Float64[FloatArray, "m q"]) -> Points:
        """Return neurons with their monomials."""
        v = theta[:, 1:] / self.size
        features = {k: monomial_features(v, k - 1) for k in self.degrees if k}
        return Points(theta[:, :1], v, features)

    def field(self, at: Points, q: Coefficients) -> Float64[FloatArray, "m q"]:
        """Return d theta / ds."""
        r = at.v.shape[1]
        value, slope = np.zeros(len(at.v)), np.zeros_like(at.v)
        for k, one in q.items():
            if k == 0:
                value += one[0]
                continue
            f = at.features[k] @ slopes(one, r, k)
            value += np.sum(f * at.v, axis=1)
            slope += (k / self.size) * f
        return np.column_stack([float(self.ends.output_moves) * value, at.a * slope])

    def field_transposed(self, at: Points, change: Float64[FloatArray, "m q"]) -> Coefficients:
        """Apply the transpose of ``field`` as a linear map of the coefficients."""
        r, q = at.v.shape[1], {}
        first, rest = float(self.ends.output_moves) * change[:, :1], at.a * change[:, 1:]
        for k in self.degrees:
            if k == 0:
                q[k] = np.array([first.sum()])
                continue
            y = first * at.v + (k / self.size) * rest
            q[k] = slopes_transposed(at.features[k].T @ y, r, k)
        return q

    def path(self, x: Float64[FloatArray, " p"]) -> Float64[FloatArray, "t m q"]:
        """Return the neurons at ``times``."""

        def velocity(theta: FloatArray, s: float) -> FloatArray:
            return self.field(self.points(theta), self.at(x, s))

        theta = np.column_stack([self.ends.a0, self.ends.U0])
        return integrated(velocity, theta, self.steps)

    def by_position(
        self, theta: Float64[FloatArray, "m q"], x: Float64[FloatArray, " p"], s: float
    ) -> Float64[FloatArray, "m q q"]:
        """Return the derivative of the velocity by the position."""
        (m, q), q_s = theta.shape, self.at(x, s)
        at, A = self.points(theta), np.zeros((m, q, q))
        A[:, 1:, 0] = self.field(Points(np.ones((m, 1)), at.v, at.features), q_s)[:, 1:]
        A[:, 0, 1:] = float(self.ends.output_moves) * A[:, 1:, 0]
        for k, one in q_s.items():
            if k > 1:
                bent = Form(k, q - 1, one).slices(at.v)
                A[:, 1:, 1:] += (k * (k - 1) / self.size**2) * at.a[:, :, None] * bent
        return A

    def propagators(
        self, path: Float64[FloatArray, "t m q"], x: Float64[FloatArray, " p"]
    ) -> Iterator[tuple[int, Float64[FloatArray, "m q q"]]]:
        """Yield the number of a time and the derivative of the end by the position there."""

        def A(k: int) -> FloatArray:
            return self.by_position(path[k], x, float(self.times[k]))

        return propagators(A, self.steps)
