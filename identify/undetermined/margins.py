"""Scaling samples to a margin (power activations, kkt)."""

from __future__ import annotations

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import Polynomial
from identify.sample_sets import SampleSet


def with_margin(
    samples: SampleSet, activation: Polynomial, a: FloatArray, W: FloatArray, margin: float
) -> SampleSet | None:
    """Return the set with each sample scaled to the given margin sign(b_i) Phi(x_i).

    It satisfies the same stationarity equations; None where a margin has the wrong sign.
    """
    x, b = samples
    phi = activation(W @ x.T).T @ a
    if not np.all(phi * b > 0):
        return None
    # Phi(s x) = s^alpha Phi(x), and b_i |x_i|^alpha is kept
    scale = (margin / np.abs(phi)) ** (1 / activation.degree)
    return x * scale[:, None], b / scale**activation.degree
