"""The bias of a first layer: one more input, which is always 1.

Phi(x) = sum_j a_j sigma(W_j.x + c_j) is a network of [W, c] on [x, 1], so the bias is the last
column, where it was trained like the weights: at their rate, with their decay. Both can be seen.

With a decay of the weights alone, c_T - rho c_0 holds (1 - rho) c_0 and steps weighed otherwise:
the rank grows by the column. Along a gradient path, with the learning rates eta of the parts,

    alpha s_j da_j / eta_a = <w_j, dw_j> / eta_w + c_j dc_j / eta_c        (sigma = t^alpha),

whatever the samples: least squares over the neurons gives eta_c / eta_w.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from identify.checkpoints.decomposition import taken_apart
from identify.checkpoints.spectrum import spectrum
from identify.equations.activation import Polynomial
from identify.equations.weights import Weights

_SURE = 4.0
"""Standard deviations by which a rate has to differ, and"""

_APART = 0.05
"""by how much: momentum alone moved it by .03 at most."""


def bias_rate(weights: Weights, activation: Polynomial) -> tuple[float, float] | None:
    """Return eta_c / eta_w with its standard deviation, or None where nothing tells it.

    Args:
        weights: Trained weights without decay, and initial ones, the bias as last column.
        activation: sigma.

    Returns:
        Ratio and deviation; None for several degrees, or where a layer did not move.
    """
    W0, a0 = weights.W0, weights.a0
    if W0 is None or a0 is None or not activation.is_power or np.array_equal(weights.a, a0):
        return None
    s, points = (weights.a + a0) / 2, (weights.W + W0) / 2
    products = points * (weights.W - W0)
    sides = np.column_stack([products[:, :-1].sum(axis=1), products[:, -1]])
    left = activation.degree * s * (weights.a - a0)
    if not sides.any(axis=0).all():
        return None
    (p, q), *_ = np.linalg.lstsq(sides, left)
    if not (p > 0 and q > 0):
        return float("inf"), float("inf")
    rest = left - sides @ np.array([p, q])
    covariance = np.linalg.inv(sides.T @ sides) * float(rest @ rest) / (len(left) - 2)
    slope = np.array([1 / q, -p / q**2])
    return float(p / q), float(np.sqrt(slope @ covariance @ slope))


def without_odd_bias(weights: Weights, activation: Polynomial) -> tuple[Weights, str | None]:
    """Drop a bias that was not trained like the weights, and say why; keep it otherwise."""
    if not weights.bias or weights.frozen or weights.W0 is None:
        return weights, None
    why = _unlike(weights, activation)
    if why is None:
        return weights, None
    return replace(weights, W=weights.W[:, :-1], W0=weights.W0[:, :-1], bias=False), (
        f"{why} The samples are read where it was trained like the weights, as one more input that "
        "is always 1."
    )


def _unlike(weights: Weights, activation: Polynomial) -> str | None:
    assert weights.W0 is not None
    change, size, precision = weights.W - weights.W0, weights.size, 2 * weights.precision
    if not change[:, -1].any():
        return "The bias of the first layer did not move."
    taken = taken_apart(change[:, :-1], weights.W0[:, :-1], size, precision)
    rho = taken.decay if taken.spectrum.rank is not None else 1.0
    whole = spectrum(change + (1 - rho) * weights.W0, size, precision)
    if rho < 1 and whole.rank != taken.spectrum.rank:
        return (
            f"The weights of the first layer decayed by the factor {rho:.6g}, and its bias did "
            "not, or otherwise."
        )
    undecayed = replace(weights, W=weights.W / rho)
    if weights.a0 is not None and not np.array_equal(weights.a, weights.a0):
        undecayed = replace(undecayed, a=weights.a / rho)
    found = bias_rate(undecayed, activation)
    if found is None:
        return None
    ratio, deviation = found
    if abs(ratio - 1) <= max(_APART, _SURE * deviation):
        return None
    return f"The bias of the first layer moved {ratio:.3g} times as fast as its weights."
