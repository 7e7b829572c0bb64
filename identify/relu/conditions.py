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
class ReluConditions:
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
) -> ReluConditions:
    """Evaluate the four conditions at samples (n, d) with b_i = lambda_i y_i, (n,)."""
    outputs, off = _stationarity(layers, x, b)
    multipliers = b * labels
    excess = labels * outputs / margin - 1
    return ReluConditions(
        stationarity=off,
        margin=float(excess.min()),
        multiplier=float(multipliers.min()),
        slackness=float(np.sum(np.abs(multipliers * excess)) / np.sum(np.abs(multipliers))),
    )


def _stationarity(layers: Layers, x: FloatArray, b: FloatArray) -> tuple[FloatArray, float]:
    """Return Phi at the samples, (n,), and |theta - sum_i b_i grad Phi(theta; x_i)| / |theta|."""
    total = [np.zeros_like(W) for W, _ in layers]
    offsets = [np.zeros(len(W)) for W, _ in layers]
    outputs = np.empty(len(x))
    for i, sample in enumerate(x):
        inputs, on, outputs[i] = propagate(layers, sample)
        effects = [1.0]  # d Phi / d (preactivation), from the last layer backwards
        for depth in range(len(layers) - 1, -1, -1):
            for j, effect in enumerate(effects):
                if effect:
                    total[depth][j] += b[i] * effect * inputs[depth]
                    offsets[depth][j] += b[i] * effect
            if depth:
                W = layers[depth][0]
                gates = enumerate(on[depth - 1])
                effects = [float(W[:, j] @ effects) if active else 0.0 for j, active in gates]
    square = off = 0.0
    for (W, c), weights, bias in zip(layers, total, offsets, strict=True):
        square += float(np.sum(W**2)) + (0.0 if c is None else float(np.sum(c**2)))
        off += float(np.sum((W - weights) ** 2))
        off += 0.0 if c is None else float(np.sum((c - bias) ** 2))
    return outputs, float(np.sqrt(off / square))


def propagate(
    layers: Layers, sample: FloatArray
) -> tuple[list[FloatArray], list[tuple[bool, ...]], float]:
    """Return the input of every layer, which hidden neurons are on, and Phi, for a sample (d,)."""
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
