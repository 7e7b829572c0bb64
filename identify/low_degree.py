"""Degrees 1 and 2: two sample sets that satisfy the same equations (paper, 4.1, 4.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from identify.activation import Polynomial
from identify.ambiguity import (
    SampleSet,
    linear_set,
    quadratic_set,
    set_distance,
    with_margin,
)
from identify.evaluations import Evaluations
from identify.interpolation import Interpolation
from identify.norms import sign_equivalence
from identify.options import Options
from identify.problem import Problem
from identify.report import Recovery, Witness

FloatArray = NDArray[np.float64]

_TOLERANCE = 1e-8
"""Relative residual up to which a set satisfies the equations, over the weights' own residual."""

_APART = 1e-3
"""Distance from which two sets count as different."""


def relative_residual(evaluations: Evaluations, x: FloatArray, b: FloatArray) -> float:
    """Evaluate the weights' own equations at samples, in the full space.

    Args:
        evaluations: The evaluations.
        x: Samples, (n, d).
        b: Coefficients, (n,).

    Returns:
        Norm of the residual relative to the right-hand sides.
    """
    t = evaluations.points @ x.T
    if evaluations.gradients is not None:
        first = evaluations.activation(t, 1) * b
        miss = evaluations.gradients - evaluations.scale[:, None] * (first @ x)
        residual = float(np.linalg.norm(miss) / np.linalg.norm(evaluations.gradients))
        # the gradients imply the values but for the constant term, which adds c_0 sum_i b_i
        if evaluations.activation.coefficients[0] == 0 or not np.any(evaluations.values):
            return residual
    else:
        residual = 0.0
    assert evaluations.values is not None
    miss = evaluations.values - evaluations.activation(t) @ b
    return max(residual, float(np.linalg.norm(miss) / np.linalg.norm(evaluations.values)))


def witness_pair(
    problem: Problem, interpolation: Interpolation, options: Options
) -> tuple[Recovery, Witness] | None:
    """Build two different sample sets that satisfy the equations of a degree 1 or 2 activation.

    Args:
        problem: The equations.
        interpolation: Their tensors, determined.
        options: n_samples, margin and seed are used.

    Returns:
        One set as a recovery that claims nothing, another as its witness; None where none was found
        (a single sample can be determined).
    """
    rng = np.random.default_rng(options.seed)
    evaluations = problem.evaluations
    carried = interpolation.carried_by
    assert carried is not None
    allowed = _TOLERANCE + 2 * carried.residual
    found: list[SampleSet] = []
    for _ in range(200):
        candidate = _sample_set(problem, interpolation, options, rng)
        if candidate is None:
            return None
        if options.margin is not None:
            weights = problem.weights
            candidate = with_margin(
                candidate, evaluations.activation, weights.a, weights.W, options.margin
            )
            if candidate is None:
                continue
        if relative_residual(evaluations, *candidate) > allowed:
            continue
        if not found or set_distance(found[0][0], candidate[0]) > _APART:
            found.append(candidate)
        if len(found) == 2:
            return _described(evaluations, found[0], found[1], problem.log_b, options)
    return None


def _sample_set(
    problem: Problem, interpolation: Interpolation, options: Options, rng: np.random.Generator
) -> SampleSet | None:
    basis, tensors, n = problem.space.basis, interpolation.tensors, options.n_samples
    v = basis @ tensors[1].f(np.zeros((1, basis.shape[1])))[0] if 1 in tensors else None
    if 2 not in tensors:
        assert v is not None
        return linear_set(v, n or 2, rng)
    matrix = basis @ tensors[2].slice(np.zeros(basis.shape[1])) @ basis.T
    if v is None:
        return quadratic_set(matrix, n, rng)
    return _quadratic_with_linear(matrix, v, n, rng)


def _quadratic_with_linear(
    matrix: FloatArray, v: FloatArray, n: int | None, rng: np.random.Generator
) -> SampleSet | None:
    """Mix the extended samples (x_i, 1): M and v are blocks of sum_i b_i (x_i, 1) (x_i, 1)^T."""
    corner = v @ np.linalg.pinv(matrix, rcond=1e-10, hermitian=True) @ v
    if np.linalg.matrix_rank(matrix, tol=1e-10 * np.abs(matrix).max()) == 1:
        if n == 1:
            return None
        corner += np.abs(matrix).max()
    extended = np.block([[matrix, v[:, None]], [v[None], np.array([[corner]])]])
    mixed = quadratic_set(extended, n, rng)
    if mixed is None or np.abs(mixed[0][:, -1]).min() < 1e-6:
        return None
    last = mixed[0][:, -1]
    return mixed[0][:, :-1] / last[:, None], mixed[1] * last**2


def _described(
    evaluations: Evaluations, first: SampleSet, second: SampleSet, log_b: float, options: Options
) -> tuple[Recovery, Witness]:
    residuals = [relative_residual(evaluations, *candidate) for candidate in (first, second)]
    sign = sign_equivalence(evaluations.activation)
    what = "the set itself: this is one of infinitely many sets that satisfy the equations"
    factor = float(np.exp(log_b))
    recovery = Recovery(
        x=first[0],
        b=first[1] * factor,
        error_bound=np.full(len(first[0]), np.inf),
        norm_known=options.margin is not None,
        residual=residuals[0],
        equivalences=(what, *((sign,) if sign else ())),
    )
    distance = set_distance(first[0], second[0])
    return recovery, Witness(second[0], second[1] * factor, residuals[1], distance)


def determined_part(activation: Polynomial) -> str:
    """Say what the equations do determine.

    Args:
        activation: sigma, of degree 1 or 2.

    Returns:
        A sentence.
    """
    if activation.degree == 1:
        return "A linear activation shows the data only through the sum of b_i x_i (section 4.1)."
    if activation.is_power:
        return (
            "A quadratic activation shows the data only through the moment matrix, the sum of "
            "b_i x_i x_i^T (section 4.2)."
        )
    return (
        "An activation of degree 2 shows the data only through the moments: the sums of b_i x_i "
        "x_i^T and, where it has a linear term, of b_i x_i."
    )
