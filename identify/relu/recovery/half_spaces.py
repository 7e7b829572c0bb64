"""The silent rows of a sample are those of a half-space: off at the start and off at the end."""

from __future__ import annotations

import numpy as np

from identify.arrays import BoolArray, FloatArray
from identify.relu.recovery.problem import FirstLayer

DEEP = 0.01
"""Largest share of neurons that moved far from a sample's gates: honest trainings reached 1 in 300,
sums of two samples left 11 at least."""

_ROUNDS = 8
"""Newton steps of the logistic regression; it changes by less than 1e-3 after five."""

_SHARPNESS = 4.0
"""Gates are as sharp as a quarter of their root mean square, about what flips in training."""


def sample_of_pattern(
    layer: FirstLayer, silent: BoolArray, space: FloatArray | None = None
) -> FloatArray:
    """Return the direction z whose gates fit a pattern best, by logistic regression.

    ``space`` (n, k) restricts z to its columns.
    """
    N = np.eye(layer.n) if space is None else space
    G = (layer.gates[0] + layer.gates[1]) / 2 @ N
    sign = np.where(silent, -1.0, 1.0)
    y = np.linalg.lstsq(G, sign)[0]
    y /= np.linalg.norm(y)
    for _ in range(_ROUNDS):
        t = G @ y
        sharp = _SHARPNESS / np.sqrt(np.mean(t * t))
        p = 1 / (1 + np.exp(np.clip(sign * t * sharp, -30, 30)))
        weighted = G * (p * (1 - p) * sharp**2)[:, None]
        H = weighted.T @ G
        H += 1e-3 * np.trace(H) / len(y) * np.eye(len(y))
        y = y + np.linalg.solve(H, G.T @ (sign * p * sharp))
        y /= np.linalg.norm(y)
    return N @ y


def sample_within(
    layer: FirstLayer, V: FloatArray, own: list[int], silent: BoolArray
) -> FloatArray:
    """Fit a sample of norm 1 to its gates in what all duals but its own, rows of V, leave."""
    others = np.delete(V, own, axis=0)
    space = np.linalg.qr(others.T, mode="complete")[0][:, len(others) :]
    if space.shape[1] > 1:
        return sample_of_pattern(layer, silent, space)
    return space[:, 0]


def gate_conflicts(layer: FirstLayer, z: FloatArray, silent: BoolArray) -> tuple[float, float]:
    """Return the share of silent rows on at both ends, and of loud rows off at both ends."""
    t0, t1 = (G @ z for G in layer.gates)
    on, off = np.minimum(t0, t1) > 0, np.maximum(t0, t1) <= 0
    quiet, loud = max(int(silent.sum()), 1), max(int((~silent).sum()), 1)
    return float(np.sum(silent & on) / quiet), float(np.sum(~silent & off) / loud)


def deep_rows(layer: FirstLayer, z: FloatArray, silent: BoolArray) -> float:
    """Return the share of rows that moved although z is off at both ends, and far off.

    A row that z itself moved was on in between, so it lies no deeper than the gates moved. Other
    rows were moved by a sample that is a combination of z and others, and hides in their columns.
    """
    t0, t1 = (G @ z for G in layer.gates)
    moved = np.maximum(np.abs(t1 - t0), np.sqrt(np.mean((t1 - t0) ** 2)))
    return float(np.mean(~silent & (np.maximum(t0, t1) < -moved)))
