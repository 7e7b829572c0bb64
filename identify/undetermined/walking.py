"""Walking along the solutions where they are not isolated.

At a solution (X, b) of F = 0 with Jacobian J the null space of J is tangent to the solutions near
by. A step along it is projected back by Gauss-Newton steps of least norm; the tangent is carried
from one null space to the next. Directions in which only the first order vanishes come back to
where they started: what is reached is judged by its residual and its distance, never by the rank.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from identify.arrays import FloatArray
from identify.sample_sets import SampleSet, clear_distance
from identify.undetermined.local import LocalView, local_view
from identify.undetermined.sample_equations import SampleEquations
from identify.undetermined.solving import project
from identify.undetermined.work import Work

_LONGEST, _SHORTEST = 0.3, 1e-4
"""Relative lengths between which the steps of a walk adapt."""


def null_directions(
    system: SampleEquations,
    view: LocalView,
    X: FloatArray,
    b: FloatArray,
    rng: np.random.Generator,
    *,
    loose: float,
) -> FloatArray:
    """Return null directions to set out in, rows of length 1; none where nothing is open.

    Where samples can leave the row space together, weighted so that the neurons do not see it, the
    equations do not change at all in kkt: those directions come first. At singular solutions (two
    samples in one place) they are drowned by directions that vanish to first order only. Singular
    values up to ``loose`` are tried last.
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


def walk(
    system: SampleEquations,
    start: SampleSet,
    tangents: FloatArray,
    *,
    goal: float,
    allowed: Callable[[FloatArray, FloatArray], bool],
    work: Work,
    steps: int = 60,
) -> tuple[FloatArray, FloatArray, float]:
    """Return the farthest solution met (X, b) on the way to ``goal``, and its distance.

    The walk sets out from ``start``, a solution to rounding, along ``tangents``, rows of length 1
    in the null space there. It turns back at a set that is not ``allowed``, and stops once the work
    is spent; each tangent is followed for at most ``steps`` steps.
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
            # carry the tangent over to the null space here
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
