"""Error bounds per sample, and what may be claimed on their strength.

A residual of norm eps in the equations moves the least-squares solution by at most |J^+| eps, per
sample
by the norm of its block of J^+. What the true samples leave in the equations (rounding, training
that is not exactly lazy, a point that is not exactly KKT) is not known, but the part of it that the
Jacobian cannot follow is the residual of the fit. Its norm, raised to all equations, stands for the
norm of the whole: the bound is exceeded only if the error favours the directions of one sample over
all others together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from identify.refinement import Equations, Fit, curvatures, sensitivities

FloatArray = NDArray[np.float64]

CLAIM = 0.1
"""A sample is claimed where its bound is below this share of its norm (cosine above 0.995)."""

_QUANTILE = 1e-6
"""Chance left to a residual over few spare equations being small by luck."""


def equation_error(equations: Equations, fit: Fit, rounding: float) -> float:
    """Return a norm that the error of the equations at the true samples is taken not to exceed.

    Args:
        equations: The equations.
        fit: Their least-squares fit.
        rounding: Rounding noise of the right-hand sides, root mean square per entry.

    Returns:
        The residual raised from the spare equations to all of them, rounding at least; inf where
        no equation is spare.
    """
    count, unknowns = equations.right_side.size, fit.unit.size
    spare = count - unknowns
    if spare <= 0:
        return np.inf
    raised = fit.residual * np.sqrt(count / float(chi2.ppf(_QUANTILE, spare)))
    computing = 8 * np.finfo(float).eps * float(np.linalg.norm(equations.right_side))
    return max(float(raised), rounding * np.sqrt(count)) + computing


def sample_bounds(
    equations: Equations, fit: Fit, error: float, tail: float, tail_points: FloatArray
) -> FloatArray:
    """Bound the distance of each z_i (or x_i, where b is free) from the truth.

    With S_i the norm of block i of J^+ and K_i the curvature, a displacement delta from the fit to
    the truth obeys |delta_i| <= S_i q with q = error + 1/2 sum_k K_k |delta_k|^2, so
    q <= error + A q^2 with A = 1/2 sum_k K_k S_k^2. The small root bounds q if 4 A error < 1
    (Newton and Kantorovich, with blocks); otherwise nothing is claimed.

    Args:
        equations: The equations in the coordinates of the row space.
        fit: Their least-squares fit.
        error: As returned by :func:`equation_error`.
        tail: Spectral norm of the right-hand sides outside the row space.
        tail_points: P_ji = s_j b_i sigma'(x_i.u_j), (m, n): how the samples enter the equations.

    Returns:
        Bounds, (n,); inf where nothing is claimed.
    """
    S = sensitivities(fit)
    if not (np.all(np.isfinite(S)) and np.isfinite(error)):
        return np.full(len(S), np.inf)
    # terms of the third order: less than half of the second while |delta_i| < |x_i| / 4
    A = 0.75 * float(curvatures(equations, fit) @ S**2)
    if 4 * A * error >= 1:
        return np.full(len(S), np.inf)
    q = 2 * error / (1 + np.sqrt(1 - 4 * A * error))
    inside = S * q
    inside = np.where(inside < np.linalg.norm(fit.x, axis=1) / 4, inside, np.inf)
    if tail == 0:
        return inside
    overlap = tail_points.T @ tail_points
    outside = np.sqrt(np.maximum(np.diag(np.linalg.pinv(overlap, hermitian=True)), 0)) * tail
    return np.hypot(inside, outside)


def entry_matrix(equations: Equations, fit: Fit) -> FloatArray:
    """Return P_ji = s_j b_i sigma'(x_i.u_j): the right-hand sides are P X.

    Args:
        equations: The equations.
        fit: Their fit.

    Returns:
        The matrix, (m, n).
    """
    t = equations.points @ fit.x.T
    return equations.activation(t, 1) * (equations.scale[:, None] * fit.b)


def chance_of_fit(relative_residual: float, spare_coefficients: int) -> float:
    """Return the chance that a tensor of no special form fits n samples this well.

    The tensors that are sums of n powers have ``spare_coefficients`` fewer dimensions than all
    tensors; a random one comes within a relative distance eps of them with a probability of the
    order eps to that power.

    Args:
        relative_residual: Relative residual of the fit.
        spare_coefficients: Coefficients of the forms minus unknowns of the samples.

    Returns:
        A probability; 1 where no coefficient is spare.
    """
    if spare_coefficients <= 0:
        return 1.0
    return float(min(1.0, max(relative_residual, 1e-300) ** spare_coefficients))
