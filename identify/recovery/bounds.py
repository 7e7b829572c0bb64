"""Error bounds per sample: what an error of the equations can do to each of them.

A residual of norm eps in the equations moves the least-squares solution by at most |J^+| eps, per
sample by the norm of its block of J^+. What the true samples leave in the equations (rounding,
training that is not exactly lazy, a point that is not exactly KKT) is not known, but the part of it
that the Jacobian cannot follow is the residual of the fit. Its norm, raised to all equations,
stands for the norm of the whole: the bound is exceeded only if the error favours the directions of
one sample over all others together. Equations that are not fitted but asserted (those that hold
whatever the data) show an error of their own, which enters as well.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.pose import Problem
from identify.equations.system import Equations
from identify.recovery.duals import FEWEST, dual_bounds
from identify.recovery.fit import Fit
from identify.recovery.hidden import contributions, noise_outside, pair_radii
from identify.recovery.majorant import majorant_bounds
from identify.recovery.sensitivity import Sensitivity, sensitivity
from identify.tensor.implicit import ImplicitTensor

_QUANTILE = 1e-6
"""Chance left to a residual over few spare equations being small by luck."""

_STRUCTURED = 5.0
"""A point that is not quite stationary errs in a pattern: the few neurons of a KKT point leave few
spare equations, and more of the error than its share can lie along the samples."""

_COMPUTING = 16 * float(np.finfo(float).eps)
"""Rounding of the sums that the weights were computed by, relative to their terms."""


def equation_error(problem: Problem, fit: Fit, *, along_path: bool) -> float:
    """Return a norm that the error of the equations at the true samples is taken not to exceed.

    It is inf where no equation is spare. ``along_path`` says that the residual is that of a
    computed training path, so that the equations at one base point are not asserted.
    """
    from scipy.special import gammaincinv

    equations, rounding = problem.equations, problem.evaluations.rounding
    count, unknowns = equations.right_side.size, fit.unit.size
    spare = count - unknowns
    if spare <= 0:
        return np.inf
    # the residual, raised from the spare equations to all; rounding and what else shows, at least
    quantile = 2 * float(gammaincinv(spare / 2, _QUANTILE))  # of chi^2
    raised = fit.residual * np.sqrt(count / quantile)
    computing = _COMPUTING * float(np.sum(contributions(equations, fit.x, fit.b)))
    stored = rounding * np.sqrt(count)
    asserted = 0.0 if along_path else output_error(problem, fit)
    if problem.setting == "kkt" and raised > 10 * (stored + computing):
        raised *= _STRUCTURED
    return max(float(raised), float(stored), asserted) + computing


def output_error(problem: Problem, fit: Fit) -> float:
    """Return the error of the gradient equations that the output weights show, 0 where none is.

    The change of a_j (kkt: a_j itself) is P(w_j), which is not fitted. By Euler's identity an error
    v_j of P(w_j) at points w_j comes from an error of s_j grad P(w_j) of at least
    alpha |s_j v_j| / |w_j|, for a power activation; for others the degree stands for alpha.
    """
    equations, values = problem.equations, problem.evaluations.values
    if equations.by_value or values is None or not np.any(values):
        return 0.0
    P = equations.activation(equations.points @ fit.x.T) @ fit.b
    points = problem.evaluations.points
    length = np.sqrt(np.einsum("ji,ji->j", points, points))
    seen = equations.activation.degree * np.abs(equations.scale * (values - P))
    return float(np.linalg.norm(seen / np.where(length > 0, length, np.inf)))


def sample_bounds(
    problem: Problem,
    fit: Fit,
    error: float,
    rng: np.random.Generator,
    *,
    tensor: ImplicitTensor | None,
    counted: bool,
    inside: Float64[FloatArray, " n"] | None = None,
) -> Float64[FloatArray, " n"]:
    """Return bounds on the distance of each z_i (or x_i, where b is free) from the truth, or inf.

    ``tensor`` is that of the highest degree, where the equations of the fit are those that it was
    interpolated from; ``counted`` says that the number of samples was stated, so that none of them
    can be two. ``inside`` are bounds in the row space that are known already.
    """
    found = None
    if inside is None:
        found = sensitivity(problem.equations, fit)
        inside = local_bounds(problem.equations, fit, found, error)
    if not np.any(np.isfinite(inside)) and tensor is not None and _by_duals(problem, fit):
        inside = dual_bounds(tensor, fit, rng)
    if not np.any(np.isfinite(inside)):
        return inside
    bounds = np.hypot(inside, _outside(problem, fit))
    if not counted:
        bounds = bounds + pair_radii(problem, fit, found, error, rng)
    return np.where(np.isfinite(bounds), bounds, np.inf)


def _by_duals(problem: Problem, fit: Fit) -> bool:
    equations, (n, r) = problem.equations, fit.x.shape
    cubic = equations.activation.degree == 3 and not equations.free_b
    return cubic and not equations.by_value and n == r and n >= FEWEST and bool(fit.b.min() > 0)


def local_bounds(
    equations: Equations, fit: Fit, found: Sensitivity, error: float
) -> Float64[FloatArray, " n"]:
    """Return bounds on the movement of each sample in the row space (Newton and Kantorovich).

    With S_i the norm of block i of J^+, T_i that of the row that moves b_i (relative to b_i), K_i
    the curvature and L_i the norm of the columns of x_i, a displacement (delta, beta) from the fit
    to the truth obeys |delta_i| <= S_i q, |beta_i| <= T_i q with
    q = error + sum_k 1/2 K_k |delta_k|^2 + L_k |delta_k| |beta_k|. The bound is inf where nothing
    is claimed.
    """
    nothing = np.full(len(fit.x), np.inf)
    if not (found.known and np.isfinite(error)):
        return nothing
    K, L = curvatures(equations, fit)
    by_direction = majorant_bounds(equations, fit, found, error, K)
    if by_direction is not None:
        return by_direction
    # q <= error + A q^2 with A = sum_k 1/2 K_k S_k^2 + L_k S_k T_k; terms of the third order are
    # less than half of the second while |delta_i| < |x_i| / 4
    A = 1.5 * float(np.sum(0.5 * K * found.x**2 + L * found.x * found.b))
    if not 4 * A * error < 1:
        return nothing
    # the small root
    q = 2 * error / (1 + np.sqrt(1 - 4 * A * error))
    bounds = found.x * q + found.step
    near = (bounds < np.linalg.norm(fit.x, axis=1) / 4) & (found.b * q < 0.25)
    return np.where(near, bounds, np.inf)


def _outside(problem: Problem, fit: Fit) -> Float64[FloatArray, " n"]:
    """Bound the part of each sample outside the row space: the right-hand sides are P X."""
    tail = noise_outside(problem)
    if tail == 0:
        return np.zeros(len(fit.x))
    # P_ji = s_j b_i sigma'(x_i.u_j)
    equations = problem.equations
    P = equations.activation(equations.points @ fit.x.T, 1) * (equations.scale[:, None] * fit.b)
    size = np.linalg.norm(P, axis=0)
    inverse = np.linalg.pinv(P / size, rcond=1e-13) / size[:, None]
    return np.linalg.norm(inverse, axis=1) * tail


def curvatures(
    equations: Equations, fit: Fit
) -> tuple[Float64[FloatArray, " n"], Float64[FloatArray, " n"]]:
    """Return K_i and L_i: how fast the Jacobian changes as sample i moves, and how large it is.

    |second derivative along delta| <= K_i |delta|^2, |first one| <= L_i |delta|; L is 0 where b is
    fixed. The equations are sums over samples, so their second derivative has no terms of two
    samples. Moving sample i by delta adds half of

        s b_i (sigma^(3)(t) (u.delta)^2 x_i + 2 sigma^(2)(t) (u.delta) delta)    (gradients), or
            b_i sigma^(2)(t) (u.delta)^2                                        (values)

    to the equation of neuron j; with (u.delta)^2 <= |u| |delta| |u.delta| the norm over all neurons
    is an operator norm. Changing b_i by the share beta at the same time adds beta times the
    first-order change.
    """
    t, u = equations.points @ fit.x.T, equations.points
    length = np.linalg.norm(u, axis=1)
    K, L = np.zeros(len(fit.x)), np.zeros(len(fit.x))
    for i, x in enumerate(fit.x):
        first, second = (fit.b[i] * equations.activation(t[:, i], k) for k in (1, 2))
        if equations.by_value:
            K[i] = _spectral(u, second * length)
            L[i] = _spectral(u, first)
            continue
        size, s = float(np.linalg.norm(x)), equations.scale
        third = fit.b[i] * s * equations.activation(t[:, i], 3) * length
        K[i] = _spectral(u, third) * size + 2 * _spectral(u, second * s)
        L[i] = _spectral(u, second * s) * size + float(np.linalg.norm(first * s))
    return K, L if equations.free_b else np.zeros(len(fit.x))


def _spectral(points: Float64[FloatArray, "m r"], weights: Float64[FloatArray, " m"]) -> float:
    """Return the spectral norm of diag(weights) points."""
    rows = points * weights[:, None]
    return float(np.sqrt(max(np.linalg.eigvalsh(rows.T @ rows)[-1], 0.0)))
