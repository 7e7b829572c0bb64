"""Gauss-Newton refinement of samples and coefficients on the original weighted equations.

Symbols: points u_j in the coordinates of the row space, weights s_j, t_ji = x_i.u_j. The equations
are

    s_j sum_i b_i sigma'(t_ji) x_i = g_j      (gradients), or
        sum_i b_i sigma(t_ji)      = v_j      (values).

For sigma(t) = c t^alpha the scale of x_i and b_i cannot be told apart; then b_i = +-1 is fixed and
x_i stands for z_i = |b_i|^{1/alpha} x_i. The normal matrix is built from its structure: with
P = s sigma'(t), Q = s sigma''(t) and B the column-wise product of Q and u,

    [J_xi^T J_xk] = b_i b_k ( (x_i.x_k) (B^T B)_ik + c_ik x_i^T + x_k c_ki^T + (P^T P)_ik I ),
    c_ik = sum_j Q_ji P_jk u_j.

The Jacobian, m r times n r, is never formed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from identify.arrays import FloatArray
from identify.equations.system import Equations, gradient, jacobian_product, normal_matrix

_LARGE = 5000
"""Unknowns from which a normal matrix takes many seconds: it is built once and factored twice.
Damping
then stays strong, which moves the samples only where the equations tell much about them."""

_STALE = 3e-3
"""Relative movement of the samples up to which a normal matrix is as good as new."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A least-squares solution of the equations.

    Attributes:
        x: Samples, (n, r).
        b: Coefficients, (n,).
        residual: Euclidean norm of the residual.
        factor: Cholesky factor of the normal matrix at the solution (as of ``cho_factor``), in
            units where its diagonal is 1; None for large problems, where it takes many seconds.
        unit: Those units, (n, r) or (n, r + 1).
        converged: Whether the step had become negligible.
    """

    x: FloatArray
    b: FloatArray
    residual: float
    factor: tuple[FloatArray, bool] | None
    unit: FloatArray
    converged: bool


def refine(
    equations: Equations,
    x: FloatArray,
    b: FloatArray,
    *,
    max_steps: int = 60,
    damping: float = 1e-3,
    chord: bool | None = None,
    progress: Callable[[float], None] | None = None,
) -> Fit:
    """Run Levenberg-Marquardt on the equations from (x, b).

    The normal matrix is rebuilt at every step for small problems. For large ones it is kept while
    the residual still falls quickly (chord steps): the right-hand side is always exact, so only the
    speed of convergence depends on it.

    Args:
        equations: The equations.
        x: Initial samples, (n, r).
        b: Initial coefficients, (n,); where they are not free, +-1.
        max_steps: Largest number of steps; four in a row that gain less than 1e-3 end it too.
        damping: Initial damping relative to the diagonal of the normal matrix.
        chord: Keep the normal matrix while it serves; None decides by size.
        progress: Called with the relative residual after each accepted step.

    Returns:
        The least-squares fit.
    """
    if chord is None:
        chord = x.size > 1000
    scale = float(np.linalg.norm(equations.right_side)) or 1.0
    residual = equations.residual(x, b)
    value = np.linalg.norm(residual)
    large = x.size > _LARGE
    mu = damping if large else min(damping, float(value / scale) ** 3)
    matrix, unit = _scaled_normal(equations, x, b)
    built_at, factor, converged = x, None, False
    factors, plateau = 2 if large else 10 * max_steps, 0
    for _ in range(max_steps):
        if factor is None:
            factors -= 1
            if factors < 0:
                break
            factor = _damped_factor(matrix, mu)
        step = cho_solve(factor, (gradient(equations, x, b, residual) / unit).ravel())
        step = step.reshape(unit.shape) / unit
        trial_x, trial_b = _moved(equations, x, b, step)
        trial = equations.residual(trial_x, trial_b)
        trial_value = np.linalg.norm(trial)
        if not trial_value < value:
            small = np.linalg.norm(step) <= 1e-7 * np.linalg.norm(x)
            if small or mu > 1e8:
                converged = bool(small)
                break
            mu, factor = 10 * mu, None
            if built_at is not x and not large:
                matrix, unit = _scaled_normal(equations, x, b)
                built_at = x
            continue
        drop = (value - trial_value) / value
        x, b, residual, value = trial_x, trial_b, trial, trial_value
        if progress is not None:
            progress(float(value / scale))
        if drop < 1e-9 or value <= 1e-15 * scale:
            converged = True
            break
        plateau = plateau + 1 if drop < 1e-3 else 0
        if plateau == 4 and drop > 1e-6:
            break
        stale = not chord or _distance(x, built_at) > _STALE
        if stale and not large and (not chord or drop < 0.3):
            matrix, unit = _scaled_normal(equations, x, b)
            built_at, factor = x, None
        if not chord or (drop < 0.3 and mu > 1e-13):
            mu, factor = max(mu / (100 if chord else 10), 1e-14), None
    if not large and _distance(x, built_at) > _STALE:
        matrix, unit = _scaled_normal(equations, x, b)
    kept = None if large else _damped_factor(matrix, 1e-14)
    return Fit(x, b, float(value), kept, unit, converged)


def _distance(x: FloatArray, y: FloatArray) -> float:
    return float(np.linalg.norm(x - y) / np.linalg.norm(x))


def _scaled_normal(
    equations: Equations, x: FloatArray, b: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the normal matrix in units that make its diagonal 1, and those units."""
    matrix = normal_matrix(equations, x, b)
    unit = np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
    matrix /= unit[:, None]
    matrix /= unit[None, :]
    return matrix, unit.reshape(len(x), -1)


def _damped_factor(matrix: FloatArray, mu: float) -> tuple[FloatArray, bool]:
    """Factor matrix + mu I, raising mu until it is numerically positive definite."""
    while True:
        damped = matrix.copy()
        damped[np.diag_indices_from(damped)] += mu
        try:
            return cho_factor(damped, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            mu = max(100 * mu, float(np.finfo(float).eps))


def _moved(
    equations: Equations, x: FloatArray, b: FloatArray, step: FloatArray
) -> tuple[FloatArray, FloatArray]:
    if equations.free_b:
        return x + step[:, :-1], b + step[:, -1]
    return x + step, b


def project_out(equations: Equations, fit: Fit, change: FloatArray) -> FloatArray:
    """Remove from a change of the right-hand sides what moving the samples can follow.

    Args:
        equations: The equations, by gradients.
        fit: Where the Jacobian is taken.
        change: An array of the shape of ``right_side``.

    Returns:
        (I - J J^+) change.
    """
    assert fit.factor is not None
    along = (gradient(equations, fit.x, fit.b, change) / fit.unit).ravel()
    step = cho_solve(fit.factor, along, check_finite=False).reshape(fit.unit.shape) / fit.unit
    return change - jacobian_product(equations, fit.x, fit.b, step)
