"""Zero loss is not recovery: exact solutions whose samples were drawn at random.

With as many samples as there are independent equations the weights b alone, a linear problem, have
an exact solution for almost every choice of directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from identify.arrays import FloatArray
from identify.equations.activation import parse_activation
from identify.equations.own_equations import relative_residual
from identify.equations.pose import Problem, pose
from identify.equations.weights import as_weights
from identify.options import Options
from identify.undetermined.candidates import best_weights, random_unit_vectors, signed_weights
from identify.undetermined.sample_equations import SampleEquations, equations_of_samples

POOL = 6
"""Directions drawn per independent equation for a set with positive margins."""


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
    system = equations_of_samples(problem, Options(seed=seed))
    rng, rho = np.random.default_rng(seed), len(system.forms.target)
    if k is not None and k < rho:
        raise ValueError(
            f"k: found {k}, fewer than the {rho} independent equations; pass at least that many"
        )
    scale = system.forms.sigma if system.free_b else 1.0
    if k is None and problem.setting == "kkt":
        X = scale * random_unit_vectors(rng, POOL * rho, system.dimension)
        signs = np.sign(system.outputs(X))
        weights, miss = signed_weights(system, X, signs)
        if miss < 1e-10:
            kept = weights > 0
            return _measured(problem, system, X[kept], (signs * weights)[kept])
    X = scale * random_unit_vectors(rng, k or rho, system.dimension)
    return _measured(problem, system, X, best_weights(system, X, 1e-13))


def _measured(
    problem: Problem, system: SampleEquations, X: FloatArray, b: FloatArray
) -> OversizedSet:
    x = X @ system.forms.basis.T / system.forms.sigma
    norms = np.linalg.norm(x, axis=1)
    agree = system.consistent(problem.setting, X, b)
    if not system.free_b:
        x, b = x / norms[:, None], b * norms**system.activation.degree
    residual = relative_residual(problem.evaluations, x, b)
    factor = float(np.exp(problem.log_b))
    return OversizedSet(x, b * factor, residual, len(system.forms.target), agree)
