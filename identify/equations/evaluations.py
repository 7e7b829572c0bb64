"""What the weights tell: values of one polynomial and its gradient at known points.

Symbols: Phi(x) = sum_j a_j sigma(w_j.x); x_i samples, b_i signed weights;

    P(w) = sum_i b_i sigma(x_i.w),    grad P(w) = sum_i b_i sigma'(x_i.w) x_i.

For sigma(t) = c t^alpha this is P = c p and grad P = alpha c f with the p and f of the paper
(eqs. 4.1 and A.1). Every setting hands us s_j grad P(w_j) and P(w_j):

    setting           points w_j     s_j      s_j grad P(w_j)    P(w_j)
    kkt               W_j            a_j      W_j                a_j
    known-init        base point     base a   W_j - W0_j         a_j - a0_j
    random-features   W_j            -        not seen           a_j - a0_j

No equation is ever divided by a small s_j. In known-init the base point is the initial weight (one
gradient step is then exact) or the midpoint of initial and final weights (second-order accurate
along a training path).

For a power activation Euler's identity w.grad P(w) = alpha P(w) tests a door without any data:
w_j.s_j grad P(w_j) = alpha s_j P(w_j), where both are seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import Polynomial
from identify.equations.weights import Weights, root_mean_square


@dataclass(frozen=True, slots=True)
class Evaluations:
    """Values of P and its gradient at the points w_j.

    Attributes:
        setting: "kkt", "known-init" or "random-features".
        activation: sigma, homogenised in kkt.
        points: w_j, (m, d).
        scale: s_j, (m,).
        gradients: s_j grad P(w_j), (m, d), or None where only values are seen.
        values: P(w_j), (m,), or None where they are not seen.
        rounding: Noise of the right-hand sides, root mean square per entry: the rounding of the
            stored numbers at least, and once the row space is known (``pose``) what it shows.
        base: Where the points were taken: "trained", "initial" or "midpoint".
        data_free: Relative residual of the equations that hold whatever the data, or None where
            there are none.
    """

    setting: str
    activation: Polynomial
    points: FloatArray
    scale: FloatArray
    gradients: FloatArray | None
    values: FloatArray | None
    rounding: float
    base: str
    data_free: float | None

    @property
    def right_side(self) -> FloatArray:
        """The right-hand sides as one matrix, (m, d) or (m, 1)."""
        if self.gradients is not None:
            return self.gradients
        assert self.values is not None
        return self.values[:, None]


def evaluate(weights: Weights, activation: Polynomial) -> tuple[Evaluations, ...]:
    """Return the evaluations behind the front door of the setting.

    Known initial weights have two, at the midpoint and the initial point: the one that satisfies
    the data-free equations better comes first, the midpoint without any.

    Raises:
        ValueError: If the weights do not differ from the initial ones.
    """
    if weights.a0 is None:
        return (kkt_evaluations(weights, activation),)
    if weights.frozen:
        if np.array_equal(weights.a, weights.a0):
            raise ValueError(
                "init: found weights equal to their initial values, so they tell nothing; pass the "
                "weights before and after training"
            )
        return (random_features_evaluations(weights, activation),)
    assert weights.W0 is not None
    change = weights.W - weights.W0
    doors = [known_init_evaluations(weights, activation, base, change) for base in (0.5, 0.0)]
    return tuple(sorted(doors, key=lambda door: door.data_free or 0.0))


def kkt_evaluations(weights: Weights, activation: Polynomial) -> Evaluations:
    """Read the trained weights as evaluations (paper, eq. 4.1; homogenised by eq. 4.4)."""
    # W_j = a_j grad P(W_j) times W_j, with a_j = P(W_j), leaves |W_j|^2 = alpha a_j^2
    squares = np.einsum("ji,ji->j", weights.W, weights.W)
    return Evaluations(
        setting="kkt",
        activation=activation.homogenized(),
        points=weights.W,
        scale=weights.a,
        gradients=weights.W,
        values=weights.a,
        rounding=weights.precision * weights.size,
        base="trained",
        data_free=_relative(activation.degree * weights.a**2, squares),
    )


def known_init_evaluations(
    weights: Weights, activation: Polynomial, base: float, change: FloatArray | None = None
) -> Evaluations:
    """Read the change of the weights at the initial weights (base 0) or half way (base 1/2)."""
    assert weights.a0 is not None
    assert weights.W0 is not None
    gradients = weights.W - weights.W0 if change is None else change  # computed once for both
    points, scale, values = weights.W0, weights.a0, weights.a - weights.a0
    if base:
        points = (1 - base) * weights.W0
        points += base * weights.W
        scale = (1 - base) * weights.a0 + base * weights.a
    data_free = None
    if activation.is_power and np.any(values):
        # <w_j, dW_j> = alpha s_j da_j: at the initial weights exactly for one gradient step, at
        # the midpoint exactly for gradient flow
        left = np.einsum("ji,ji->j", points, gradients)
        data_free = _relative(left, activation.degree * scale * values)
    return Evaluations(
        setting="known-init",
        activation=activation,
        points=points,
        scale=scale,
        gradients=gradients,
        values=values,
        rounding=weights.precision * weights.size,
        base={0.0: "initial", 0.5: "midpoint"}[base],
        data_free=data_free,
    )


def random_features_evaluations(weights: Weights, activation: Polynomial) -> Evaluations:
    """Read the change of the output layer over a frozen first layer: values of P alone."""
    # the setting of Tansley et al. and of Iurada et al.
    assert weights.a0 is not None
    return Evaluations(
        setting="random-features",
        activation=activation,
        points=weights.W,
        scale=np.ones_like(weights.a),
        gradients=None,
        values=weights.a - weights.a0,
        rounding=weights.precision * max(map(root_mean_square, (weights.a, weights.a0))),
        base="trained",
        data_free=None,
    )


def _relative(left: FloatArray, right: FloatArray) -> float:
    """Return |left - right| over the larger of both norms, 1 where both are 0."""
    size = float(max(np.linalg.norm(left), np.linalg.norm(right)))
    return float(np.linalg.norm(left - right)) / size if size > 0 else 1.0
