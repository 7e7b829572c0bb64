"""First candidates where T is not determined: fits from random starts, and sets of any size.

With n samples of random directions the weights b that fit best are a linear problem; in kkt they
are also required to agree in sign with the outputs, b_i Phi(x_i) > 0, as at every KKT point whose
active samples have positive margins (non-negative least squares). From there all unknowns move.

Zero loss is not recovery: with as many samples as there are independent equations the linear
problem alone has an exact solution for almost every choice of directions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from identify.arrays import FloatArray
from identify.equations.activation import parse_activation
from identify.equations.own_equations import relative_residual
from identify.equations.pose import Problem, pose
from identify.equations.weights import as_weights
from identify.options import Options
from identify.undetermined.system import System, build_system
from identify.undetermined.walking import solve, weights_alive
from identify.undetermined.work import Work

POOL = 6
"""Directions drawn per independent equation for a set with positive margins."""


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


def consistent(system: System, setting: str, X: FloatArray, b: FloatArray) -> bool:
    """Say whether the margins of the samples have the signs of their weights.

    Args:
        system: The equations.
        setting: Only "kkt" is constrained.
        X: Samples, (n, q).
        b: Coefficients, (n,).

    Returns:
        Whether they have, or need not.
    """
    return setting != "kkt" or bool(np.all(system.outputs(X) * b > 0))


def candidates(
    system: System, setting: str, n: int, rng: np.random.Generator, work: Work
) -> Iterator[Candidate]:
    """Fit n samples from one random start after the other.

    Args:
        system: The equations.
        setting: The setting.
        n: Number of samples.
        rng: Draws the starts.
        work: Counts what it costs; no start is drawn once it is spent.

    Yields:
        Fits whose samples all carry weight.
    """
    while not work.over:
        X, b = _start(system, setting, n, rng)
        X, b, residual = solve(system, X, b, work)
        alive = np.all(np.isfinite(X)) and weights_alive(system, X, b)
        if alive:
            yield Candidate(X, b, residual, consistent(system, setting, X, b))
        else:
            yield Candidate(X, b, np.inf, consistent=False)


def _start(
    system: System, setting: str, n: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    X = rng.standard_normal((n, system.dimension))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    if system.free_b:
        X *= system.forms.sigma if system.unit else np.exp(rng.uniform(-1, 1, (n, 1)))
        return X, _lifted(_weights(system, X, 1e-8))
    if setting == "kkt":
        signs = np.sign(system.outputs(X))
        signs = np.where(signs == 0, 1.0, signs)
        b = signs * _nonnegative((signs[:, None] * system.features(X)).T, system.forms.target)[0]
        b = np.where(b == 0, signs * 0.1 * (np.mean(np.abs(b)) or 1.0), b)
    else:
        b = _lifted(_weights(system, X, 1e-8))
    return absorbed(system, X, b)


def _weights(system: System, X: FloatArray, cutoff: float) -> FloatArray:
    """Return the weights that fit best for given samples."""
    solved = np.linalg.lstsq(system.features(X).T, system.forms.target, rcond=cutoff)
    return np.asarray(solved[0], dtype=np.float64)


def _nonnegative(matrix: FloatArray, target: FloatArray) -> tuple[FloatArray, float]:
    """Return non-negative weights that fit best, and by how much they miss."""
    from scipy.optimize import nnls

    try:
        weights, miss = nnls(matrix, target)
    except RuntimeError:  # its steps went in circles: the best fit, cut at 0, serves as a start
        weights = np.maximum(np.linalg.lstsq(matrix, target, rcond=1e-8)[0], 0.0)
        miss = float(np.linalg.norm(matrix @ weights - target))
    return np.asarray(weights, dtype=np.float64), float(miss)


def absorbed(system: System, X: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Put |b_i|^{1/alpha}, and for odd alpha the sign of b_i, into the sample (power activation).

    Args:
        system: The equations.
        X: Samples, (n, q).
        b: Coefficients, (n,).

    Returns:
        Samples and coefficients +-1.
    """
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


@dataclass(frozen=True, slots=True)
class OversizedSet:
    """An exact solution with more samples than the truth.

    Attributes:
        x: Samples of norm 1, (k, d).
        b: Coefficients, (k,).
        residual: Relative residual of the weights' own equations.
        equations: Number of independent equations, with which k compares.
        consistent: kkt: whether b_i Phi(x_i) > 0 for every sample; True elsewhere.
    """

    x: FloatArray
    b: FloatArray
    residual: float
    equations: int
    consistent: bool


def oversized_set(
    a: ArrayLike,
    W: ArrayLike,
    k: int | None = None,
    *,
    activation: int | Sequence[float] = 3,
    init: tuple[ArrayLike, ArrayLike | None] | None = None,
    seed: int = 0,
) -> OversizedSet:
    """Exhibit an exact solution of the equations whose samples were drawn at random.

    The directions are random and only the weights b are solved for, a linear problem: so a
    candidate set with as many members as there are independent equations reaches zero loss
    whatever the training samples were.

    Args:
        a: Output weights, (m,).
        W: First layer, (m, d).
        k: Number of samples; None takes the number of independent equations or, in kkt where all
            margins can be kept positive, at most that many.
        activation: An int alpha for t**alpha, or the coefficients c_0, ..., c_alpha.
        init: As for ``verify_identifiability``.
        seed: Draws the directions.

    Returns:
        The set.

    Raises:
        ValueError: If an argument is unusable, or k is smaller than the number of independent
            equations.
    """
    problem = pose(as_weights(a, W, init), parse_activation(activation))
    system = build_system(problem, Options(seed=seed))
    rng, rho = np.random.default_rng(seed), len(system.forms.target)
    if k is not None and k < rho:
        raise ValueError(
            f"k: found {k}, fewer than the {rho} independent equations; pass at least that many"
        )
    scale = system.forms.sigma if system.free_b else 1.0
    if k is None and problem.setting == "kkt":
        X = scale * _directions(rng, POOL * rho, system.dimension)
        signs = np.sign(system.outputs(X))
        weights, miss = _nonnegative((signs[:, None] * system.features(X)).T, system.forms.target)
        if miss < 1e-10:
            kept = weights > 0
            return _measured(problem, system, X[kept], (signs * weights)[kept], rho)
    X = scale * _directions(rng, k or rho, system.dimension)
    return _measured(problem, system, X, _weights(system, X, 1e-13), rho)


def _directions(rng: np.random.Generator, count: int, q: int) -> FloatArray:
    X = rng.standard_normal((count, q))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def _measured(
    problem: Problem, system: System, X: FloatArray, b: FloatArray, rho: int
) -> OversizedSet:
    x = X @ system.forms.basis.T / system.forms.sigma
    norms = np.linalg.norm(x, axis=1)
    if not system.free_b:
        x, b = x / norms[:, None], b * norms**system.activation.degree
    residual = relative_residual(problem.evaluations, x, b)
    agree = consistent(system, problem.setting, X, b)
    return OversizedSet(x, b * float(np.exp(problem.log_b)), residual, rho, agree)
