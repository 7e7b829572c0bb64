"""The four KKT conditions of a ReLU network, neuron by neuron.

Of the network nothing but its definition is used: h_l = max(W_l h_{l-1} + c_l, 0), and the effect
of a neuron on Phi is the sum over the neurons it feeds of weight times effect. Where a neuron is
not on its derivative counts 0; a preactivation of the size of its own rounding counts as 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from identify.arrays import FloatArray, IntArray

Layers: TypeAlias = Sequence[tuple[FloatArray, FloatArray | None]]

ROUNDING = 64 * float(np.finfo(np.float64).eps)
"""A preactivation at or below this multiple of the sum of its terms' sizes counts as 0."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How well samples satisfy the KKT conditions of a network.

    Attributes:
        stationarity: |theta - sum_i b_i grad Phi(theta; x_i)| / |theta|.
        margin: min_i y_i Phi(x_i) / margin - 1; the condition is >= 0.
        multiplier: min_i lambda_i; the condition is >= 0.
        slackness: The mean of |y_i Phi(x_i) / margin - 1| weighted by |lambda_i|.
    """

    stationarity: float
    margin: float
    multiplier: float
    slackness: float


def evaluate_conditions(
    layers: Layers, x: FloatArray, b: FloatArray, labels: IntArray, margin: float = 1.0
) -> Conditions:
    """Evaluate the four conditions at samples.

    Args:
        layers: One (W, bias or None) per layer, the last W of one row.
        x: Samples, (n, d).
        b: lambda_i y_i, (n,).
        labels: y_i, (n,).
        margin: The margin of the active samples.

    Returns:
        The four numbers.
    """
    total = [np.zeros_like(W) for W, _ in layers]
    offsets = [np.zeros(len(W)) for W, _ in layers]
    outputs = np.empty(len(x))
    for i, sample in enumerate(x):
        inputs, on, outputs[i] = forward(layers, sample)
        effects = [1.0]
        for depth in range(len(layers) - 1, -1, -1):
            for j, effect in enumerate(effects):
                if effect:
                    total[depth][j] += b[i] * effect * inputs[depth]
                    offsets[depth][j] += b[i] * effect
            if depth:
                W = layers[depth][0]
                effects = [
                    float(W[:, j] @ effects) if active else 0.0
                    for j, active in enumerate(on[depth - 1])
                ]
    square = off = 0.0
    for (W, c), weights, bias in zip(layers, total, offsets, strict=True):
        square += float(np.sum(W**2)) + (0.0 if c is None else float(np.sum(c**2)))
        off += float(np.sum((W - weights) ** 2))
        off += 0.0 if c is None else float(np.sum((c - bias) ** 2))
    multipliers = b * labels
    excess = labels * outputs / margin - 1
    return Conditions(
        stationarity=float(np.sqrt(off / square)),
        margin=float(excess.min()),
        multiplier=float(multipliers.min()),
        slackness=float(np.sum(np.abs(multipliers * excess)) / np.sum(np.abs(multipliers))),
    )


def forward(
    layers: Layers, sample: FloatArray
) -> tuple[list[FloatArray], list[tuple[bool, ...]], float]:
    """Run one sample through the network.

    Args:
        layers: The layers.
        sample: (d,).

    Returns:
        The input of every layer, which neurons of every hidden layer are on, and Phi.
    """
    h, inputs, on, phi = sample, [sample], [], 0.0
    for W, c in layers:
        values = np.array([
            float(row @ h) + (0.0 if c is None else float(c[j])) for j, row in enumerate(W)
        ])
        phi = float(values[0])
        size = np.abs(W) @ np.abs(h) + (0.0 if c is None else np.abs(c))
        active = values > ROUNDING * size
        on.append(tuple(active.tolist()))
        h = np.where(active, values, 0.0)
        inputs.append(h)
    return inputs[:-1], on[:-1], phi
