"""Weights that decayed, W = rho W0 + C X, seen as if they had not.

Constant weight decay shrinks the initial weights by one factor rho and nothing else tells it from
training without: with u = W / rho and c = a / rho a step of the flow keeps its form, at other rates
that the signed weights of the samples absorb. So W / rho and a / rho take the place of W and a. The
output weights are taken to have decayed like the hidden ones, or not at all where they never moved.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from identify.checkpoints.decomposition import taken_apart
from identify.checkpoints.spectrum import Spectrum, spectrum
from identify.equations.activation import Polynomial
from identify.equations.weights import Weights

_CLEARER = 2.0
"""Where a gap shows without decay, a decay has to lower the noise by this factor to be seen."""

_LINEAR = 2
"""Up to this degree gradients are linear in the weights: the change of neurons with equal a_j can
be a multiple of W0 itself, and pass for decay."""


def undecayed(weights: Weights, activation: Polynomial) -> tuple[Weights, float, Spectrum]:
    """Return weights W / rho and a / rho, the factor rho, and the spectrum of W / rho - W0.

    A decay is seen where W - rho W0 has a gap above the noise of rounding and W - W0 has none, or
    far more noise; rho is 1 otherwise.

    Args:
        weights: Trained and initial weights, both layers.
        activation: sigma.

    Returns:
        The weights, rho, and the spectrum.
    """
    assert weights.a0 is not None
    assert weights.W0 is not None
    change, size, precision = weights.W - weights.W0, weights.size, 2 * weights.precision
    taken = taken_apart(change, weights.W0, size, precision, head=True)
    if taken.spectrum.rank is None:  # noise that rounding does not explain: it has to be flat
        taken = taken_apart(change, weights.W0, size, precision, of_records=False, head=True)
    found, plain, rho = taken.spectrum, taken.plain, taken.decay
    shown = plain.rank is None or _CLEARER * found.noise < plain.noise
    if found.rank is None or not shown or not 0 < rho < 1 or activation.degree <= _LINEAR:
        if plain.rank is None:
            plain = spectrum(change, size, precision, of_records=False, head=True, known=plain)
        return weights, 1.0, plain
    a = weights.a if np.array_equal(weights.a, weights.a0) else weights.a / rho
    return replace(weights, a=a, W=weights.W / rho), rho, taken.undecayed()
