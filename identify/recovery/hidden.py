"""What may hide below the noise: a pair of samples that looks like one, a faint or dependent one.

Two samples x + theta_1 u and x + theta_2 u with weights beta_1 + beta_2 = b and beta_1 theta_1 +
beta_2 theta_2 = 0 differ from the sample x of weight b only at second order,

    b theta_1 theta_2 s [ sigma''(t) (u.w) u + sigma'''(t) (u.w)^2 x / 2 ]    (gradients), or
    b theta_1 theta_2   sigma''(t) (u.w)^2 / 2                                (values),

whatever their labels. So without the number of samples no bound may be smaller than the distance at
which this drowns: in the noise of the row space where u leaves it, in the residual where it cannot.
A pair whose u lies in the span of the samples makes them dependent (for alpha = 3 two samples and
any three of their plane have the same binary cubic): that is excluded by hypothesis, in words.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincinv

from identify.arrays import Float64, FloatArray
from identify.equations.pose import Problem
from identify.equations.system import Equations
from identify.findings import Assumed
from identify.recovery.fit import Fit
from identify.recovery.sensitivity import Sensitivity, beyond_reach

CONTRAST = 64.0
"""Factor c by which the contributions of a pair that is taken for one sample may differ.

The fainter member lies sqrt(c theta_1 theta_2) away, so beyond this factor it may hide
sqrt(c / CONTRAST) bounds away: that is excluded by hypothesis, in words."""

_UNEVEN = 2 * CONTRAST**0.5
"""The farther member of such a pair lies sqrt(theta_1 theta_2) times this away at the most, while a
quarter of the difference of the two leaves the row space."""

_NEAR, _CLUSTER = 0.03, 3.0
"""Two samples shown at a smaller angle may stand for more of them in (nearly) one plane: two points
of a plane have the moments of any number up to the third order. These lie within so many times the
angle."""

_DIRECTIONS = 8
"""Directions u drawn per sample; the one that shows least counts."""

_CHANCE = 1e-6
"""Chance that neurons drawn at random see less of a pair than is assumed."""

_MARGIN = 10.0
"""What is called visible stands this much above the noise."""


def noise_outside(problem: Problem) -> float:
    """Return the largest singular value outside the row space, rounding at least; 0 if none is."""
    d, r = problem.space.basis.shape
    if r == d or problem.equations.by_value:
        return 0.0
    m = len(problem.equations.points)
    values = problem.space.singular_values
    rounding = problem.evaluations.rounding * (np.sqrt(m) + np.sqrt(d))
    return max(problem.space.tail, float(rounding), 4 * np.finfo(float).eps * float(values[0]))


def pair_radii(
    problem: Problem,
    fit: Fit,
    found: Sensitivity | None,
    error: float,
    rng: np.random.Generator,
) -> Float64[FloatArray, " n"]:
    """Return how far from each sample, in its units, the members of a pair taken for it may lie.

    Without ``found`` that is inf where no neuron leaves the span.
    """
    outside = _seen_outside(problem, fit)
    if outside is not None:
        seen, drowned = outside, noise_outside(problem)
    elif found is None:
        return np.full(len(fit.x), np.inf)
    else:
        seen, drowned = _seen_inside(problem.equations, fit, found, rng), error
    with np.errstate(divide="ignore"):
        return _UNEVEN * np.sqrt(drowned / seen) + _of_clusters(fit.x)


def _of_clusters(x: Float64[FloatArray, "n r"]) -> Float64[FloatArray, " n"]:
    """Return how far the members of a cluster may lie from two samples that stand for them."""
    nearest = _nearest(x)
    return np.where(nearest < _NEAR, _CLUSTER * nearest, 0.0) * np.linalg.norm(x, axis=1)


def _nearest(x: Float64[FloatArray, "n r"]) -> Float64[FloatArray, " n"]:
    """Return the distance of each sample to the nearest other, modulo sign, scaled to norm 1."""
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    apart = np.minimum(
        np.linalg.norm(u[:, None] - u[None], axis=2), np.linalg.norm(u[:, None] + u[None], axis=2)
    )
    np.fill_diagonal(apart, np.inf)
    return np.asarray(apart.min(axis=1, initial=np.inf), dtype=np.float64)


def assumed(problem: Problem, fit: Fit, error: float, *, stated: bool) -> Assumed:
    """Return what the count of the samples rests on: below which levels one leaves no trace."""
    equations = problem.equations
    share = contributions(equations, fit.x, fit.b)
    # a cluster shows how far it leaves a plane only by its spread squared
    spread = min(1.0, float(_nearest(fit.x).min(initial=1.0)))
    level = _MARGIN * max(problem.space.floor, noise_outside(problem))
    if level == 0:
        level = _MARGIN * error
    size = float(np.linalg.norm(equations.right_side))
    return Assumed(
        samples=len(fit.x),
        stated=stated,
        independence=float(min(1.0, level / np.median(share) / spread**2)),
        faintest=float(min(1.0, max(level, error) / size)),
        contrast=np.inf if stated else CONTRAST,
    )


def contributions(
    equations: Equations, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"]
) -> Float64[FloatArray, " n"]:
    """Return the norm of what each sample adds to the left-hand sides."""
    t = equations.points @ x.T
    if equations.by_value:
        return np.linalg.norm(equations.activation(t) * b, axis=0)
    slope = np.linalg.norm(equations.activation(t, 1) * equations.scale[:, None], axis=0)
    return np.abs(b) * slope * np.linalg.norm(x, axis=1)


def _seen_outside(problem: Problem, fit: Fit) -> Float64[FloatArray, " n"] | None:
    """Return the norm of b s sigma''(t) (u.w) for u outside the row space, None where none is.

    The neurons were drawn without regard to u, so (u.w_j)^2 is the mean square of their components
    outside times chi^2 of one degree of freedom. With the k heaviest neurons alone the sum is at
    least the k-th weight times chi^2 of k degrees: the best k counts, at the chance ``_CHANCE``.
    """
    points, equations = problem.evaluations.points, problem.equations
    d, r = problem.space.basis.shape
    if equations.by_value or r == d:
        return None
    within = np.sum((points @ problem.space.basis) ** 2, axis=1)
    whole = np.einsum("ji,ji->j", points, points)
    square = whole - within
    along = np.sqrt(np.maximum(square, 0.0) / (d - r))
    if not np.any(along > 1e-7 * np.sqrt(whole)):  # kkt: no neuron leaves the span
        return None
    t = equations.points @ fit.x.T
    second = equations.activation(t, 2) * (equations.scale * along)[:, None]
    heaviest = np.sort(second**2, axis=0)[::-1]
    least = 2 * gammaincinv(np.arange(1, len(t) + 1) / 2, _CHANCE)
    return np.abs(fit.b) * np.sqrt(np.max(least[:, None] * heaviest, axis=0))


def _seen_inside(
    equations: Equations, fit: Fit, found: Sensitivity, rng: np.random.Generator
) -> Float64[FloatArray, " n"]:
    """Return the smallest norm of the second-order change that moving the samples cannot follow."""
    (n, r), points = fit.x.shape, equations.points
    if r < 3:
        return np.full(n, np.inf)  # every pair lies in the plane of the samples
    seen = np.empty(n)
    for i, x in enumerate(fit.x):
        u = rng.standard_normal((_DIRECTIONS, r))
        u -= np.outer(u @ x / (x @ x), x)
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        along, t = points @ u.T, points @ x
        second = equations.activation(t, 2)[:, None] * along
        if equations.by_value:
            change = fit.b[i] * (second * along / 2).T
        else:
            third = equations.activation(t, 3)[:, None] * along**2 / 2
            weight = fit.b[i] * equations.scale[:, None]
            parts = np.einsum("jk,kr->kjr", weight * second, u)
            parts += np.einsum("jk,r->kjr", weight * third, x)
            change = parts.reshape(_DIRECTIONS, -1)
        seen[i] = np.linalg.norm(beyond_reach(found, change), axis=1).min()
    return seen
