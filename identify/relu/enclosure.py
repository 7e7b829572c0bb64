"""Upper ends of the reach of a polyhedron {w : B w + s >= 0}: a bounding box, branch and bound.

Over a box [l, h], |w|^2 is at most sum_k (l_k + h_k) w_k - l_k h_k, a linear program. No bound
rests on the accuracy of the solver. For multipliers y >= 0 of any quality,

    c.w <= y.s + (c + B^T y).w    on the polyhedron,

so with the coordinates +-e_k, R the largest 1-norm of the remainders and beta the largest y.s,
max_k |w_k| <= beta / (1 - R), which bounds all remainders.
"""

from __future__ import annotations

import heapq

import numpy as np

from identify.arrays import FloatArray

FLAT = 1e-13
"""A row whose slope along a unit direction is at most this share of its norm counts as level."""

_GAP = 1e-6
"""Branch and bound stops when the upper end exceeds the lower by less than this share."""


def along(B: FloatArray, s: FloatArray, u: FloatArray) -> float:
    """Return the largest t with B (t u) + s >= 0, by the ratio test; inf where no row falls."""
    slopes = B @ u
    falling = slopes < -FLAT
    return float(np.min(s[falling] / -slopes[falling], initial=np.inf))


def program(
    c: FloatArray, B: FloatArray, s: FloatArray, low: FloatArray | None, high: FloatArray | None
) -> tuple[FloatArray, FloatArray] | None:
    """Maximise c.w; return w and multipliers of the rows, None where the solver found none."""
    from scipy.optimize import linprog

    bounds = (None, None) if low is None or high is None else np.column_stack([low, high])
    found = linprog(-c, A_ub=-B, b_ub=s, bounds=bounds, method="highs")
    if found.status != 0:
        return None
    return np.asarray(found.x), np.maximum(-np.asarray(found.ineqlin.marginals), 0.0)


def bounding_box(
    B: FloatArray, s: FloatArray
) -> tuple[FloatArray, FloatArray, list[FloatArray]] | None:
    """Return the least and largest coordinates on the polyhedron, (k,) each, and the vertices met.

    Multipliers prove the box; None where the proof fails.
    """
    k = B.shape[1]
    # values: y.s, remainders: |c + B^T y|_1, for c = e_k and -e_k
    values, remainders, vertices = np.empty((2, k)), np.empty((2, k)), []
    for side, sign in enumerate((1.0, -1.0)):
        for axis in range(k):
            c = np.zeros(k)
            c[axis] = sign
            found = program(c, B, s, None, None)
            if found is None:
                return None
            vertices.append(found[0])
            values[side, axis] = found[1] @ s
            remainders[side, axis] = np.abs(c + B.T @ found[1]).sum()
    if remainders.max() >= 0.5:
        return None
    size = values.max() / (1 - remainders.max())  # beta / (1 - R) bounds all |w_k|
    high, low = values + remainders * size
    return -low, high, vertices


def branch(
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
        found = program(low + high, B, s, low, high)
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
