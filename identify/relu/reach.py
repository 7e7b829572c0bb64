"""How far a polyhedron {w : B w + s >= 0} reaches from 0, s > 0.

Along one direction the answer is a ratio test. Over all directions:

- unbounded exactly if some w other than 0 has B w >= 0 (the recession cone). Either B has a null
  space, or the linear program max sum_j (B w)_j, 0 <= B w <= 1, has an optimum of 1 or more; else
  its optimum is 0;
- bounded: the farthest point is a vertex and finding it is NP-hard, so the answer is an interval.
  The lower end is the best of many vertices (max |w| by linear programs at its gradient, which
  climb); the upper end comes from a bounding box of 2k programs and from branch and bound on it,
  where max |w|^2 over a box [l, h] is at most max sum_k (l_k + h_k) w_k - l_k h_k.

No bound rests on the accuracy of the solver. For multipliers y >= 0 of any quality,

    c.w <= y.s + (c + B^T y).w    on the polyhedron,

so with the coordinates +-e_k, R the largest 1-norm of the remainders and beta the largest y.s,
max_k |w_k| <= beta / (1 - R), which bounds all remainders.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray

FLAT = 1e-13
"""A row whose slope along a unit direction is at most this share of its norm counts as level."""

_STARTS = 8
"""Vertices of the box, the longest, from which is climbed."""

_SMALL = 16
"""Largest dimension in which boxes are bisected; above, the first secant is the bound."""

_GAP = 1e-6
"""Branch and bound stops when the upper end exceeds the lower by less than this share."""


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


def along(B: FloatArray, s: FloatArray, u: FloatArray) -> float:
    """Return the largest t with B (t u) + s >= 0.

    Args:
        B: Rows of norm 1, (M, k).
        s: Slacks, (M,), positive.
        u: Unit direction, (k,).

    Returns:
        The distance, infinite where no row falls along u.
    """
    slopes = B @ u
    falling = slopes < -FLAT
    return float(np.min(s[falling] / -slopes[falling], initial=np.inf))


def farthest(
    B: FloatArray, s: FloatArray, rng: np.random.Generator, *, programs: int | None = 200
) -> Reach:
    """Find a direction along which the polyhedron reaches far, with bounds on the farthest.

    Args:
        B: Rows of norm 1, (M, k), k >= 1.
        s: Slacks, (M,), positive.
        rng: Draws starting directions.
        programs: Linear programs spent on the upper end beyond the box; None: no upper end.

    Returns:
        The direction in the coordinates of w, with both ends.
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
    best, lower, upper = _branch(B, s / scale, low, high, best, lower, spent)
    return Reach(best, lower * scale, upper * scale)


def _program(
    c: FloatArray, B: FloatArray, s: FloatArray, low: FloatArray | None, high: FloatArray | None
) -> tuple[FloatArray, FloatArray] | None:
    """Maximise c.w; return w and multipliers of the rows, None where the solver found none."""
    from scipy.optimize import linprog

    bounds = (None, None) if low is None or high is None else np.column_stack([low, high])
    found = linprog(-c, A_ub=-B, b_ub=s, bounds=bounds, method="highs")
    if found.status != 0:
        return None
    return np.asarray(found.x), np.maximum(-np.asarray(found.ineqlin.marginals), 0.0)


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
            found = _program(v, B, s, None, None)
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


def bounding_box(
    B: FloatArray, s: FloatArray
) -> tuple[FloatArray, FloatArray, list[FloatArray]] | None:
    """Enclose the polyhedron in a box that is proved by multipliers.

    Args:
        B: Rows of norm 1, (M, k).
        s: Slacks, (M,), positive.

    Returns:
        Least and largest coordinates, (k,) each, and the vertices met; None where the proof fails.
    """
    k = B.shape[1]
    values, remainders, vertices = np.empty((2, k)), np.empty((2, k)), []
    for side, sign in enumerate((1.0, -1.0)):
        for axis in range(k):
            c = np.zeros(k)
            c[axis] = sign
            found = _program(c, B, s, None, None)
            if found is None:
                return None
            vertices.append(found[0])
            values[side, axis] = found[1] @ s
            remainders[side, axis] = np.abs(c + B.T @ found[1]).sum()
    if remainders.max() >= 0.5:
        return None
    size = values.max() / (1 - remainders.max())
    high, low = values + remainders * size
    return -low, high, vertices


def _branch(
    B: FloatArray,
    s: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
    best: FloatArray,
    lower: float,
    programs: int,
) -> tuple[FloatArray, float, float]:
    """Branch and bound on max |w|^2 over the box; returns direction, lower and upper end."""
    corner = float(np.sum(np.maximum(lowest**2, highest**2)))
    heap, count, open_bound = [(-corner, 0, lowest, highest)], 0, 0.0
    while heap and count < programs and -heap[0][0] > (lower * (1 + _GAP)) ** 2:
        bound, _, low, high = heapq.heappop(heap)
        count += 1
        found = _program(low + high, B, s, low, high)
        if found is None:
            open_bound = open_bound if _empty(B, s, low, high) else max(open_bound, -bound)
            continue
        w, y = found
        proved = min(-bound, _secant_bound(B, s, low, high, y))
        length = float(np.linalg.norm(w))
        if length > 0 and along(B, s, w / length) > lower:
            best, lower = w / length, along(B, s, w / length)
        axis = int(np.argmax((w - low) * (high - w)))
        middle = (low[axis] + high[axis]) / 2
        below, above = high.copy(), low.copy()
        below[axis] = above[axis] = middle
        heapq.heappush(heap, (-proved, 2 * count, low, below))
        heapq.heappush(heap, (-proved, 2 * count + 1, above, high))
    upper = np.sqrt(max(open_bound, -heap[0][0] if heap else 0.0))
    return best, lower, max(float(upper), lower)


def _secant_bound(
    B: FloatArray, s: FloatArray, low: FloatArray, high: FloatArray, y: FloatArray
) -> float:
    """A bound on |w|^2 in the box from any multipliers y >= 0."""
    r = low + high + B.T @ y
    return float(y @ s + np.sum(np.maximum(r * low, r * high)) - low @ high)


def _empty(B: FloatArray, s: FloatArray, low: FloatArray, high: FloatArray) -> bool:
    """Whether multipliers prove that the box misses the polyhedron: y.(B w + s) < 0 on the box."""
    from scipy.optimize import linprog

    M, k = B.shape
    found = linprog(
        np.append(np.zeros(k), 1.0),
        A_ub=-np.column_stack([B, np.ones(M)]),
        b_ub=s,
        bounds=[*zip(low, high, strict=True), (0, None)],
        method="highs",
    )
    if found.status != 0:
        return False
    y = np.maximum(-np.asarray(found.ineqlin.marginals), 0.0)
    r = B.T @ y
    return float(y @ s + np.sum(np.maximum(r * low, r * high))) < 0
