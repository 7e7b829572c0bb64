"""Solving for samples, and walking along the solutions where they are not isolated.

At a solution (X, b) of F = 0 with Jacobian J the null space of J is tangent to the solutions near
by. A step along it is projected back by Gauss-Newton steps of least norm; the tangent is carried
from one null space to the next. Directions in which only the first order vanishes come back to
where they started: what is reached is judged by its residual and its distance, never by the rank.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from identify.arrays import FloatArray
from identify.sample_sets import clear_distance
from identify.undetermined.local import LocalView, local_view
from identify.undetermined.system import System
from identify.undetermined.work import Work, decomposition

Solution = tuple[FloatArray, FloatArray]

EXACT = 1e-13
"""Residual, relative to the right-hand sides, at which a solution counts as solved to rounding."""

FAINT = 1e-3
"""A sample whose weight is below this share of the largest could be anything: no such set is used.
"""

_LONGEST, _SHORTEST = 0.3, 1e-4
"""Relative lengths between which the steps of a walk adapt."""


def tangents(
    system: System,
    view: LocalView,
    X: FloatArray,
    b: FloatArray,
    rng: np.random.Generator,
    *,
    loose: float,
) -> FloatArray:
    """Choose null directions to set out in.

    Where samples can leave the row space together, weighted so that the neurons do not see it, the
    equations do not change at all in kkt: those directions come first. At singular solutions (two
    samples in one place) they are drowned by directions that vanish to first order only.

    Args:
        system: The equations.
        view: The first order at (X, b).
        X: Samples, (n, q).
        b: Coefficients, (n,).
        rng: Draws combinations.
        loose: Singular value up to which directions are tried.

    Returns:
        Rows of length 1; none where nothing is open.
    """
    n, width = len(X), view.values.size // len(X)
    bases = [view.null(1e-10 * view.values[0])] * 3 + [view.null(loose)]
    if system.forms.wide:
        outward = np.arange(n) * width + view.dimension - 1
        _, values, right = np.linalg.svd(system.jacobian(X, b)[:, outward])
        filled = np.zeros(n)
        filled[: len(values)] = values
        away = right[filled <= loose]
        basis = np.zeros((len(away), n * width))
        basis[:, outward] = away
        bases.insert(0, basis)
    drawn = [rng.standard_normal(len(basis)) @ basis for basis in bases if len(basis)]
    return np.array([row / np.linalg.norm(row) for row in drawn]).reshape(-1, n * width)


def solve(
    system: System, X: FloatArray, b: FloatArray, work: Work, *, steps: int = 100
) -> tuple[FloatArray, FloatArray, float]:
    """Run Levenberg-Marquardt from (X, b) on a small system, under- or over-determined.

    Args:
        system: The equations.
        X: Initial samples, (n, q).
        b: Initial coefficients, (n,).
        work: Counts what it costs; ends the steps once it is spent.
        steps: Largest number of steps.

    Returns:
        Samples, coefficients and the norm of the residual.
    """
    F = system.residual(X, b)
    value, mu, slow = float(np.linalg.norm(F)), 0.3, 0
    for _ in range(steps):
        if work.over:
            break
        J = system.jacobian(X, b)
        work.spend(system.jacobian_cost(len(X)) + decomposition(*J.shape))
        left, s, right = np.linalg.svd(J, full_matrices=False)
        if not s[0] > 0:  # nothing depends on the samples here
            break
        rotated, before = left.T @ F, value
        while mu < 1e6:
            damping = (mu * value * s[0]) ** 2 + (1e-14 * s[0]) ** 2
            step = -right.T @ (s / (s**2 + damping) * rotated)
            step *= min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-300))
            trial_X, trial_b = system.moved(X, b, step)
            trial = system.residual(trial_X, trial_b)
            norm = float(np.linalg.norm(trial))
            if norm < value:
                X, b, F, value, mu = trial_X, trial_b, trial, norm, max(mu / 4, 1e-6)
                break
            mu *= 4
        if value > 0.9999 * before or value < 1e-15:
            break
        slow = slow + 1 if value > 0.98 * before else 0
        if slow == 8:
            break
    return X, b, value


def project(system: System, X: FloatArray, b: FloatArray, work: Work) -> Solution | None:
    """Return to the solutions by Gauss-Newton steps of least norm.

    Args:
        system: The equations.
        X: Samples near a solution, (n, q).
        b: Coefficients, (n,).
        work: Counts what it costs.

    Returns:
        A solution to rounding, or None where the steps do not converge.
    """
    before = np.inf
    for _ in range(8):
        F = system.residual(X, b)
        value = float(np.linalg.norm(F))
        if value < EXACT:
            return X, b
        if not value < 0.5 * before:
            return None
        J = system.jacobian(X, b)
        work.spend(system.jacobian_cost(len(X)) + decomposition(*J.shape))
        step = np.asarray(np.linalg.lstsq(J, -F, rcond=1e-11)[0], np.float64)
        if np.abs(step).max() > 0.5:
            return None
        X, b = system.moved(X, b, step)
        before = value
    return None


def weights_alive(system: System, X: FloatArray, b: FloatArray) -> bool:
    """Say whether every sample carries a weight that is not negligible.

    Args:
        system: The equations.
        X: Samples, (n, q).
        b: Coefficients, (n,).

    Returns:
        Whether the smallest |b_i| |x_i|^alpha is above ``FAINT`` times the largest.
    """
    weight = np.abs(b) * np.linalg.norm(X, axis=1) ** system.activation.degree
    return bool(weight.min() > FAINT * weight.max())


def walk(
    system: System,
    start: Solution,
    tangents: FloatArray,
    *,
    goal: float,
    allowed: Callable[[FloatArray, FloatArray], bool],
    work: Work,
    steps: int = 60,
) -> tuple[FloatArray, FloatArray, float]:
    """Walk along the null space until the set is clearly another one.

    Args:
        system: The equations.
        start: A solution to rounding.
        tangents: Null directions there to set out in, rows of length 1.
        goal: Distance at which to stop.
        allowed: Says whether a set is acceptable; the walk turns back at one that is not.
        work: Counts what it costs; the walk stops once it is spent.
        steps: Largest number of steps in each.

    Returns:
        The farthest solution met (samples, coefficients) and its distance.
    """
    best = (*start, 0.0)
    origin, degree = system.samples(*start), system.activation.degree
    for tangent in tangents:
        (X, b), length = start, 0.1
        for _ in range(steps):
            if length < _SHORTEST or best[2] >= goal or work.over:
                break
            arrived = project(system, *system.moved(X, b, length * tangent), work)
            if arrived is None or not allowed(*arrived):
                length /= 3
                continue
            X, b = arrived
            distance = clear_distance(origin, system.samples(X, b), degree)
            if distance > best[2]:
                best = (X, b, distance)
            view = local_view(system, X, b, work)
            directions = view.null(1e-9 * view.values[0])
            carried = directions.T @ (directions @ tangent)
            size = float(np.linalg.norm(carried))
            if size < 0.1:
                break
            tangent, length = carried / size, min(1.5 * length, _LONGEST)
        if best[2] >= goal:
            break
    return best
