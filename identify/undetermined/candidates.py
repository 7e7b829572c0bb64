"""First candidates where T is not determined: fits from random starts.

With n samples of random directions the weights b that fit best are a linear problem; in kkt they
are also required to agree in sign with the outputs, b_i Phi(x_i) > 0, as at every KKT point whose
active samples have positive margins (non-negative least squares). From there all unknowns move.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.sample_sets import SampleSet
from identify.undetermined.sample_equations import SampleEquations
from identify.undetermined.solving import solve_for_samples
from identify.undetermined.work import Work


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set of samples fitted to the equations.

    Attributes:
        X: Samples in the coordinates of the system, (n, q).
        b: Coefficients, (n,).
        residual: Norm of the residual of the system, relative to the right-hand sides.
        consistent: kkt: whether b_i Phi(x_i) > 0 for every sample; True elsewhere.
    """

    X: FloatArray
    b: FloatArray
    residual: float
    consistent: bool


def candidates(
    system: SampleEquations, setting: str, n: int, rng: np.random.Generator, work: Work
) -> Iterator[Candidate]:
    """Yield fits of n samples from one random start after the other, until the work is spent."""
    while not work.over:
        X, b, residual = solve_for_samples(system, *_start(system, setting, n, rng), work)
        alive = system.alive(X, b)
        agree = alive and system.consistent(setting, X, b)
        yield Candidate(X, b, residual if alive else np.inf, agree)


def _start(system: SampleEquations, setting: str, n: int, rng: np.random.Generator) -> SampleSet:
    X = random_unit_vectors(rng, n, system.dimension)
    if system.free_b:
        X *= system.forms.sigma if system.unit else np.exp(rng.uniform(-1, 1, (n, 1)))
        return X, _lifted(best_weights(system, X, 1e-8))
    if setting == "kkt":
        signs = np.sign(system.outputs(X))
        signs = np.where(signs == 0, 1.0, signs)
        b = signs * signed_weights(system, X, signs)[0]
        b = np.where(b == 0, signs * 0.1 * (np.mean(np.abs(b)) or 1.0), b)
    else:
        b = _lifted(best_weights(system, X, 1e-8))
    return absorbed(system, X, b)


def best_weights(system: SampleEquations, X: FloatArray, cutoff: float) -> FloatArray:
    """Return the weights b that fit best for given samples X."""
    solved = np.linalg.lstsq(system.features(X).T, system.forms.target, rcond=cutoff)
    return np.asarray(solved[0], dtype=np.float64)


def signed_weights(
    system: SampleEquations, X: FloatArray, signs: FloatArray
) -> tuple[FloatArray, float]:
    """Return |b| with the given signs of b that fit best, and by how much they miss."""
    from scipy.optimize import nnls

    matrix, target = (signs[:, None] * system.features(X)).T, system.forms.target
    try:
        weights, miss = nnls(matrix, target)
    except RuntimeError:  # its steps went in circles: the best fit, cut at 0, serves as a start
        weights = np.maximum(np.linalg.lstsq(matrix, target, rcond=1e-8)[0], 0.0)
        miss = float(np.linalg.norm(matrix @ weights - target))
    return np.asarray(weights, dtype=np.float64), float(miss)


def absorbed(system: SampleEquations, X: FloatArray, b: FloatArray) -> SampleSet:
    """Put |b_i|^{1/alpha}, and for odd alpha the sign of b_i, into the sample; b is +-1 after."""
    alpha = system.activation.degree
    X = X * (np.abs(b) ** (1 / alpha))[:, None]
    if alpha % 2:
        return X * np.sign(b)[:, None], np.ones_like(b)
    return X, np.sign(b)


def _lifted(b: FloatArray) -> FloatArray:
    """Keep weights away from zero, where a sample has no say."""
    typical = float(np.median(np.abs(b))) or 1.0
    sign = np.where(b >= 0, 1.0, -1.0)
    return sign * np.clip(np.abs(b), 0.1 * typical, 10 * typical)


def random_unit_vectors(rng: np.random.Generator, count: int, q: int) -> FloatArray:
    """Draw unit vectors, (count, q)."""
    X = rng.standard_normal((count, q))
    return X / np.linalg.norm(X, axis=1, keepdims=True)
