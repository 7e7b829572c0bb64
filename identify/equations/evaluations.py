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
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import Polynomial
from identify.equations.weights import Weights


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
        rounding: Rounding noise of the stored right-hand sides, root mean square per entry.
        base: Where the points were taken: "trained", "initial" or "midpoint".
    """

    setting: str
    activation: Polynomial
    points: FloatArray
    scale: FloatArray
    gradients: FloatArray | None
    values: FloatArray | None
    rounding: float
    base: str

    @property
    def right_side(self) -> FloatArray:
        """The right-hand sides as one matrix, (m, d) or (m, 1)."""
        if self.gradients is not None:
            return self.gradients
        assert self.values is not None
        return self.values[:, None]


def _rms(*arrays: FloatArray) -> float:
    return float(np.sqrt(max(np.mean(np.square(x)) for x in arrays)))


def kkt_evaluations(weights: Weights, activation: Polynomial) -> Evaluations:
    """Read the trained weights as evaluations (paper, eq. 4.1; homogenised by eq. 4.4).

    Args:
        weights: Trained weights; a0 and W0 are not looked at.
        activation: The activation; only its top degree enters.

    Returns:
        The evaluations.
    """
    return Evaluations(
        setting="kkt",
        activation=activation.homogenized(),
        points=weights.W,
        scale=weights.a,
        gradients=weights.W,
        values=weights.a,
        rounding=weights.precision * _rms(weights.W),
        base="trained",
    )


def known_init_evaluations(weights: Weights, activation: Polynomial, base: float) -> Evaluations:
    """Read the change of the weights as evaluations at points between initial and final weights.

    Args:
        weights: Trained and initial weights.
        activation: The activation, used in full.
        base: 0 takes the points at the initial weights, 1/2 at the midpoint.

    Returns:
        The evaluations.
    """
    assert weights.a0 is not None
    assert weights.W0 is not None
    return Evaluations(
        setting="known-init",
        activation=activation,
        points=(1 - base) * weights.W0 + base * weights.W,
        scale=(1 - base) * weights.a0 + base * weights.a,
        gradients=weights.W - weights.W0,
        values=weights.a - weights.a0,
        rounding=weights.precision * _rms(weights.W, weights.W0),
        base={0.0: "initial", 0.5: "midpoint"}.get(base, f"{base:g}"),
    )


def random_features_evaluations(weights: Weights, activation: Polynomial) -> Evaluations:
    """Read the change of the output layer over a frozen first layer.

    The setting of Tansley et al. and of Iurada et al.

    Args:
        weights: Trained weights and the initial output layer.
        activation: The activation.

    Returns:
        The evaluations, values only.
    """
    assert weights.a0 is not None
    return Evaluations(
        setting="random-features",
        activation=activation,
        points=weights.W,
        scale=np.ones_like(weights.a),
        gradients=None,
        values=weights.a - weights.a0,
        rounding=weights.precision * _rms(weights.a, weights.a0),
        base="trained",
    )
