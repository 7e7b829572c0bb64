"""How far a polyhedron {w : B w + s >= 0} reaches from 0, s > 0.

Along one direction the answer is a ratio test. Over all directions:

- unbounded exactly if some w other than 0 has B w >= 0 (the recession cone). Either B has a null
  space, or the linear program max sum_j (B w)_j, 0 <= B w <= 1, has an optimum of 1 or more; else
  its optimum is 0;
- bounded: the farthest point is a vertex and finding it is NP-hard, so the answer is an interval.
  The lower end is the best of many vertices (max |w| by linear programs at its gradient, which
  climb); the upper end is proved by ``enclosure``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.relu.enclosure import along, bounding_box, branch, program

_STARTS = 8
"""Vertices of the box, the longest, from which is climbed."""

_SMALL = 16
"""Largest dimension in which boxes are bisected; above, the first secant is the bound."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a sample can be moved inside its region, at fixed output.

    Attributes:
        direction: Unit direction of the farthest point found, (d,).
        lower: Distance to the boundary along it, infinite where there is none.
        upper: No point of the region is farther away, in any direction looked at.
    """

    direction: FloatArray
    lower: float
    upper: float

    @property
    def unbounded(self) -> bool:
        """Whether any distance can be reached along the direction."""
        return bool(np.isinf(self.lower))


def farthest(
    B: FloatArray, s: FloatArray, rng: np.random.Generator, *, programs: int | None = 200
) -> Reach:
    """Return a direction (k,) along which the polyhedron reaches far, with bounds on the farthest.

    B has rows of norm 1, (M, k), k >= 1; s > 0. ``programs`` is the number of linear programs spent
    on the upper end beyond the box; None: no upper end.
    """
    k = B.shape[1]
    _, values, right = np.linalg.svd(B, full_matrices=True)
    if np.sum(values > 1e-10 * max(1.0, float(np.max(values, initial=0.0)))) < k:
        return Reach(right[-1], np.inf, np.inf)
    ray = _ray(B)
    if ray is not None and np.isinf(along(B, s, ray)):
        return Reach(ray, np.inf, np.inf)
    starts = [*rng.standard_normal((4, k)), *([] if ray is None else [ray])]
    scale = float(np.max(s))
    best, lower = _climb(B, s / scale, starts)
    if programs is None or ray is not None:
        return Reach(best, lower * scale, np.inf)
    box = bounding_box(B, s / scale)
    if box is None:
        return Reach(best, lower * scale, np.inf)
    low, high, vertices = box
    vertices = sorted(vertices, key=lambda w: -float(np.linalg.norm(w)))[:_STARTS]
    candidate, length = _climb(B, s / scale, vertices)
    if length > lower:
        best, lower = candidate, length
    spent = programs if k <= _SMALL else min(programs, 1)
    best, lower, upper = branch(B, s / scale, low, high, best, lower, spent)
    return Reach(best, lower * scale, upper * scale)


def _ray(B: FloatArray) -> FloatArray | None:
    """A unit direction of the recession cone, or None where there is none; B has full rank."""
    from scipy.optimize import linprog

    M = len(B)
    found = linprog(
        -B.sum(axis=0),
        A_ub=np.concatenate([-B, B]),
        b_ub=np.repeat([0.0, 1.0], M),
        bounds=(None, None),
        method="highs",
    )
    if found.status != 0 or -found.fun < 0.5:
        return None
    w = np.asarray(found.x)
    level = B[B @ w < 1e-6]
    if len(level):  # the solver leaves these at the size of its tolerance; 0 is meant
        _, values, right = np.linalg.svd(level, full_matrices=True)
        null = right[np.sum(values > 1e-10) :]
        projected = null.T @ (null @ w)
        w = projected if np.linalg.norm(projected) > 0.5 * np.linalg.norm(w) else w
    return w / np.linalg.norm(w)


def _climb(B: FloatArray, s: FloatArray, starts: list[FloatArray]) -> tuple[FloatArray, float]:
    """The farthest vertex found from several directions v: maximise w.v, then v = w, and so on."""
    best, lower = np.zeros(B.shape[1]), 0.0
    for v in starts:
        length = 0.0
        for _ in range(50):
            found = program(v, B, s, None, None)
            if found is None or np.linalg.norm(found[0]) == 0:
                break
            v = found[0] / np.linalg.norm(found[0])
            new = along(B, s, v)
            if new > lower:
                best, lower = v, new
            if new <= length * (1 + 1e-9):
                break
            length = new
    return best, lower
