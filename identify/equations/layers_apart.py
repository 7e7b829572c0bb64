"""Two layers that were trained unlike: other learning rates, or other weight decays.

Along a gradient path, with theta = (a, W) freed of decay, <w_j, dw_j> / eta_w = alpha s_j da_j /
eta_a, whatever the samples. With a_j of a factor rho_a of its own,

    2 <w_j, dw_j> ~ alpha kappa (a_j^2 / rho_a^2 - a0_j^2),    kappa = eta_w / eta_a,

so least squares over the neurons shows both. Other rates alone change nothing but units: with
a' = a sqrt(kappa) both layers follow one flow, whose residuals are larger by 1 / sqrt(kappa).
Other decays weigh the two layers differently in time: that is named, and not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import Polynomial
from identify.equations.weights import Weights

_CLEAR, _WELL = 0.2, 0.05
"""Other rates are taken where they leave this share of what equal ones leave, and no more than the
second; momentum and large steps leave as much with either."""

_NAMED, _UNEQUAL = 0.3, 0.1
"""Other decays are named where they leave this share of what is above the second."""


@dataclass(frozen=True, slots=True)
class LayersApart:
    """How the output layer was trained beside the first one.

    Attributes:
        rate: Its learning rate over that of the first layer, 1 where they do not clearly differ.
        decay: Factor by which its initial weights decayed, about, where that is not the first
            layer's; None where it is.
    """

    rate: float = 1.0
    decay: float | None = None

    def sentences(self, first: float) -> tuple[str, ...]:
        """Name what differs, with the decay factor of the first layer; nothing where none does."""
        if self.rate != 1:
            return (
                (
                    f"They do so with the output layer at {self.rate:.3g} times the learning rate "
                    "of the first, in whose units it is taken."
                ),
            )
        if self.decay is None:
            return ()
        return (
            (
                f"The output weights decayed by the factor {self.decay:.2f}, about, and the first "
                f"layer by {first:.4g}: that the two decayed unlike is named and not modelled."
            ),
        )


ALIKE = LayersApart()
"""No difference shows."""


def at_one_rate(
    weights: Weights, activation: Polynomial, rho: float
) -> tuple[Weights, LayersApart]:
    """Return weights as if both layers had been trained at one rate, and what tells them apart.

    Args:
        weights: Trained weights over the decay factor of the first layer, and initial ones.
        activation: sigma; several degrees tell nothing.
        rho: That factor.

    Returns:
        The weights, both a divided by sqrt(rate), and how the layers differ.
    """
    W0, a0 = weights.W0, weights.a0
    if W0 is None or a0 is None or weights.frozen or not activation.is_power:
        return weights, ALIKE
    if np.array_equal(weights.a, a0):
        return weights, ALIKE
    change, alpha = weights.W - W0, activation.degree
    best, rate = np.inf, 1.0
    for base in (0.5, 0.0):
        left = np.sum(((1 - base) * W0 + base * weights.W) * change, axis=1)
        right = alpha * ((1 - base) * a0 + base * weights.a) * (weights.a - a0)
        kappa = _factor(right, left)
        miss, equal = _apart(left, kappa * right), _apart(left, right)
        if kappa > 0 and miss < min(_WELL, _CLEAR * equal, best):
            best, rate = miss, 1 / kappa
    if rate != 1.0:
        root = np.sqrt(rate)
        return replace(weights, a=weights.a / root, a0=a0 / root), LayersApart(rate)
    return weights, LayersApart(decay=_other_decay(weights, alpha, rho))


def _other_decay(weights: Weights, alpha: int, rho: float) -> float | None:
    """Return the decay of the output layer where it clearly is another one."""
    assert weights.W0 is not None
    assert weights.a0 is not None
    left = np.sum(weights.W**2, axis=1) - np.sum(weights.W0**2, axis=1)
    sides = alpha * np.column_stack([weights.a**2, -(weights.a0**2)])
    equal = _apart(left, sides.sum(axis=1))
    (end, start), *_ = np.linalg.lstsq(sides, left)
    if not (end > 0 and start > 0 and equal > _UNEQUAL):
        return None
    if _apart(left, sides @ np.array([end, start])) > _NAMED * equal:
        return None
    found = rho * float(np.sqrt(start / end))
    return min(found, 1.0)


def _factor(right: FloatArray, left: FloatArray) -> float:
    square = float(right @ right)
    return float(left @ right) / square if square > 0 else 0.0


def _apart(left: FloatArray, right: FloatArray) -> float:
    size = max(float(np.linalg.norm(left)), float(np.linalg.norm(right)))
    return float(np.linalg.norm(left - right)) / size if size > 0 else 1.0
