"""Where a sample lies that its neighbours' duals leave in a space: among its gates' half-spaces.

A neuron that a sample z left alone was off whenever it was used; so min(w0_j.z, w_j.z) <= 0 is
taken to hold for all rows but a few. In the chart z = c + T y the rows are half-spaces where the
sign of (w_j - w0_j).z is known on the box that y is known to lie in, and half-spaces with a margin
where it is not; linear programs shrink the box until it stays.

A quota of rows may be wrong: each program is solved again without the rows that carry its optimum,
as often as the quota says. A point that violates so many rows, all others kept, cannot lie beyond:
it satisfies the rows that carry one of the optima.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from identify.arrays import BoolArray, FloatArray
from identify.relu.recovery.problem import FirstLayer

TRUST = 0.5
"""A sample's direction is sought within so much (the tangent) of the fit to its gates, per axis."""

VIOLATED = 0.03
"""Largest share of a pattern's rows that may be on at both ends at the fit: they are left out."""

_PASSES = 4
"""Programs of all axes; the box is a fixed point to a percent after three."""


@dataclass(frozen=True, slots=True, eq=False)
class Cone:
    """A box in the chart z = c + T y that holds a sample.

    Attributes:
        centre: c, moved to the middle of the box.
        axes: T, (n, k).
        half: Half widths of the box along T, inf where the gates do not bound it.
    """

    centre: FloatArray
    axes: FloatArray
    half: FloatArray


def cone_of(
    layer: FirstLayer,
    c: FloatArray,
    space: FloatArray,
    silent: BoolArray,
    *,
    quota: int = 1,
    slack: float = 0.0,
) -> Cone:
    """Bound a sample near c in a space by the rows that it left alone.

    Args:
        layer: The change of the first layer.
        c: Fit to the gates, norm 1, in the space.
        space: Orthonormal basis of the space, (n, k + 1).
        silent: The rows.
        quota: So many rows that hold at the fit may be wrong.
        slack: How far outside the space the sample may lie.

    Returns:
        The box.

    Source: mathematics in the head of this file.
    """
    before, after = (G[silent] for G in layer.gates)
    mean, change = (before + after) / 2, (after - before) / 2
    margin = slack * np.maximum(np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1))
    T = _axes(c, space, mean)
    c = c + T @ _fitted(mean @ T, np.abs(change @ c) + margin - mean @ c)
    c = c / np.linalg.norm(c)
    T = _axes(c, space, mean)
    violated = mean @ c - np.abs(change @ c) > margin
    unbounded = Cone(c, T, np.full(T.shape[1], np.inf))
    if violated.mean() > VIOLATED:
        return unbounded
    mean, change, margin = mean[~violated], change[~violated], margin[~violated]
    box = np.tile([-TRUST, TRUST], (T.shape[1], 1)).astype(np.float64)
    for _ in range(_PASSES):
        smaller = _shrunk(*_half_spaces(mean, change, margin, c, T, box), box, quota)
        done = np.all(smaller[:, 1] - smaller[:, 0] > 0.95 * (box[:, 1] - box[:, 0]))
        box = smaller
        if done:
            break
    if np.any(np.abs(box) > 0.99 * TRUST):
        return unbounded
    return Cone(c + T @ box.mean(axis=1), T, (box[:, 1] - box[:, 0]) / 2)


def _axes(c: FloatArray, space: FloatArray, rows: FloatArray) -> FloatArray:
    """Return the rest of a space, (n, k), along the axes in which rows near 0 at c spread."""
    inside = space - np.outer(c, c @ space)
    U = np.linalg.svd(inside, full_matrices=False)[0][:, : space.shape[1] - 1]
    t = rows @ c
    near = rows[np.abs(t) <= np.quantile(np.abs(t), 0.2)] @ U
    return U @ np.linalg.eigh(near.T @ near)[1]


def _fitted(A: FloatArray, b: FloatArray) -> FloatArray:
    """Return y in the box of trust with the smallest sum of violations of A y <= b."""
    rows, k = A.shape
    solved = linprog(
        np.concatenate([np.zeros(k), np.ones(rows)]),
        A_ub=np.hstack([A, -np.eye(rows)]),
        b_ub=b,
        bounds=[(-TRUST, TRUST)] * k + [(0, None)] * rows,
        method="highs",
    )
    return np.zeros(k) if solved.x is None else np.asarray(solved.x[:k])


def _half_spaces(
    mean: FloatArray,
    change: FloatArray,
    margin: FloatArray,
    c: FloatArray,
    T: FloatArray,
    box: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return A, b with A y <= b wherever the smaller gate is at most the margin on the box."""
    middle, half = box.mean(axis=1), (box[:, 1] - box[:, 0]) / 2
    at, spread = change @ (c + T @ middle), np.abs(change @ T) @ half
    sure = np.abs(at) > spread
    smaller = np.where(sure[:, None], mean - np.sign(at)[:, None] * change, mean)
    b = np.where(sure, margin, margin + np.abs(at) + spread) - smaller @ c
    A = smaller @ T
    matters = A @ middle + np.abs(A) @ half > b
    return A[matters], b[matters]


def _shrunk(A: FloatArray, b: FloatArray, box: FloatArray, quota: int) -> FloatArray:
    """Return the box of A y <= b inside a box, with a quota of wrong rows."""
    found = box.copy()
    for axis in range(len(box)):
        for side, sign in ((0, 1.0), (1, -1.0)):
            cost = np.zeros(len(box))
            cost[axis] = sign
            kept = np.ones(len(b), dtype=bool)
            for _ in range(quota + 1):
                solved = linprog(cost, A_ub=A[kept], b_ub=b[kept], bounds=box, method="highs")
                if solved.x is None:  # numerically empty: nothing is gained
                    found[axis, side] = box[axis, side]
                    break
                found[axis, side] = solved.x[axis]
                carrying = np.asarray(solved.ineqlin.marginals) < 0
                if not carrying.any():
                    break
                kept[np.flatnonzero(kept)[carrying]] = False
    return found
