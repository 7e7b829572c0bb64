"""The test that decides soundness: does every direction that a dual excludes rest on several rows?

With two similar samples, c_1 + alpha c_2 is zero on their common off rows and, alpha chosen so, on
one accidental row more. That row alone excludes its direction: its leverage among the silenced
rows is 1. Rows of leverage near 1 are taken away until none is left; a sample's dual is then still
the only null vector, and where it is not, the rays of the null space that silence most rows are.
Where too few rays stand out, the null space itself is what is known: a block.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import BoolArray, FloatArray
from identify.relu.recovery.blocks import Block
from identify.relu.recovery.half_spaces import sample_of_pattern
from identify.relu.recovery.polish import SILENT, null_vector, silent_rows
from identify.relu.recovery.problem import FirstLayer

_ALONE = 0.99
"""A row of this leverage is alone in its direction: a second such row would halve it."""

_LARGEST, _LARGER = 4, 10
"""Null spaces up to these dimensions are searched for rays: the larger ones, of samples that are
much alike, where the search has not told them apart."""

_DRAWS, _MORE = 200, 4000
"""Rays are drawn through so many sets of rows; one in 2^3 sets lies on a sample's ray at least
where a sample silences half of the rows. In the larger spaces one in a few hundred does."""

_NEAR = 6
"""In the larger spaces rows are drawn from so many a dimension, those nearest to being off: rows
that are on for all samples of the space are on no sample's ray."""

_SAME = 1e-5
"""Angle between columns that are one: those of near-duplicates differ by more."""

_MARGIN = 2
"""A ray has to silence so many rows beyond those that any ray of the null space can."""


def peeled(layer: FirstLayer, silent: BoolArray) -> tuple[BoolArray, FloatArray | None]:
    """Take away rows of leverage 1; return the rest and its null space (n, k), None if it is 0."""
    silent = silent.copy()
    while True:
        rows = np.flatnonzero(silent)
        if len(rows) < layer.n - 1:
            return silent, None
        Q, triangle = np.linalg.qr(layer.M[rows])
        U, values, V = np.linalg.svd(triangle, full_matrices=True)
        rank = int(np.sum(values > SILENT * layer.noise * np.sqrt(len(rows))))
        if rank == layer.n:
            return silent, None
        leverage = np.sum((Q @ U[:, :rank]) ** 2, axis=1)
        if not np.any(leverage > _ALONE):
            return silent, V[rank:].T
        silent[rows[leverage > _ALONE]] = False


def determined_duals(
    layer: FirstLayer, v: FloatArray, rng: np.random.Generator, *, larger: bool = False
) -> tuple[list[FloatArray], Block | None]:
    """Return the duals that pass the test, v itself or those behind it, and a block they leave.

    ``larger`` admits more samples behind v, which takes longer.
    """
    rest, null = peeled(layer, silent_rows(layer, v))
    if null is None or null.shape[1] > (_LARGER if larger else _LARGEST):
        return [], None
    if null.shape[1] == 1:
        return [v], None
    duals = [w for w in _rays(layer, null, rest, rng) if alone(layer, w)]
    return duals, Block(null, rest) if len(duals) < null.shape[1] else None


def alone(layer: FirstLayer, v: FloatArray) -> bool:
    """Whether v is the only null vector of the rows it silences, by several rows a direction."""
    null = peeled(layer, silent_rows(layer, v))[1]
    return null is not None and null.shape[1] == 1


def _rays(
    layer: FirstLayer, null: FloatArray, rest: BoolArray, rng: np.random.Generator
) -> list[FloatArray]:
    k, Y, quiet = null.shape[1], layer.M @ null, SILENT * layer.noise
    loud = np.flatnonzero(~rest & (np.linalg.norm(Y, axis=1) > 10 * quiet))
    if len(loud) < k:
        return []
    draws = _DRAWS
    if k > _LARGEST:
        loud, draws = loud[np.argsort(_gates_of(layer, rest)[loud])][: _NEAR * k], _MORE
    picks = np.argsort(rng.random((draws, len(loud))), axis=1)[:, : k - 1]
    if k == 2:  # every row has a ray of its own
        picks = np.arange(len(loud))[:, None]
    rays = np.linalg.svd(Y[loud[picks]], full_matrices=True)[2][:, -1]
    silenced = np.sum(np.abs(Y @ rays.T) < quiet, axis=0)
    found: list[FloatArray] = []
    for i in np.argsort(-silenced):
        if silenced[i] < np.sum(rest) + k - 1 + _MARGIN or len(found) > 2 * k:
            break
        v = null_vector(layer.M[np.abs(Y @ rays[i]) < quiet])
        if not same_dual(layer, v, found):
            found.append(v)
    return found


def _gates_of(layer: FirstLayer, silent: BoolArray) -> FloatArray:
    """Return the larger of the two gates, (h,), at the direction that fits a pattern best."""
    z = sample_of_pattern(layer, silent)
    sides = [np.maximum(*(G @ side for G in layer.gates)) for side in (z, -z)]
    return min(sides, key=lambda t: float(np.mean(t[silent] > 0)))


def same_dual(layer: FirstLayer, v: FloatArray, others: list[FloatArray]) -> bool:
    """Whether a dual gives the column of C of another, up to scale, to 1e-5 or to the noise."""
    if not others:
        return False
    a, b = layer.R @ v, np.array(others) @ layer.R.T
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b, axis=1)[:, None]
    reach = SILENT * layer.noise * np.sqrt(len(layer.M))
    blur = min(0.1, max(_SAME, reach / np.linalg.norm(layer.M @ v)))
    apart = np.minimum(np.linalg.norm(b - a, axis=1), np.linalg.norm(b + a, axis=1))
    return bool(np.any(apart < blur))
