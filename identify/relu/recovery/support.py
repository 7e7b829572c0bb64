"""Which samples a false dual may have spoilt: those whose exclusion rests on accidents.

A false dual v_k = a + alpha b of two similar samples silences their common off rows and a few rows
more where both columns happen to cancel to the noise; in float32 there may be three and more. With
V' = V (1 + E) the samples become (1 + E)^-1 Z: sample b, whose row of E is not zero, is spoilt, and
all others, a among them, are exact. So a's gates can be trusted to tell accidents: a was on
somewhere on those rows, while a true dual excludes b by rows where a is off at both ends.

Among g + b rows that exclude a direction g are off at both ends. Were they accidents, they would be
drawn from the loud rows of both columns, a share p of which is off at both ends, and g or more of
them have the chance of a binomial tail. Directions are the other duals and, for those that silence
most of the same rows or are in doubt already, every direction that many rows agree on in the space
those span: false duals in a closed cycle (a + b, b + c, c + a) support each other one by one.
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtrc

from identify.arrays import BoolArray, FloatArray
from identify.relu.recovery.polish import SILENT
from identify.relu.recovery.problem import FirstLayer

CHANCE = 1e-4
"""Largest chance of accidents that exclude a direction as well: of 10^4 pairs only near-duplicates
come near it, and those were built to."""

_LOUD = 2 * SILENT
"""Noise levels from which a row excludes a direction."""

_NEIGHBOURS = 5
"""So many duals that silence most of the same rows are tested as one space."""

_PART = 0.05
"""A dual takes part in a direction with this share of the largest part."""

_DRAWS = 100
"""Directions drawn through rows of a space of doubtful duals."""


def doubtful(
    layer: FirstLayer, V: FloatArray, z: FloatArray, silent: BoolArray, group: np.ndarray
) -> np.ndarray:
    """Return groups of duals such that accidents may have mixed duals of a group, and no others.

    Args:
        layer: The change of the first layer.
        V: The duals as columns of norm 1, (n, k).
        z: Their samples with their signs as rows, (k, n).
        silent: Rows that each silences, (k, h).
        group: Groups to begin with, (k,): equal for the duals of a block.

    Returns:
        Groups, (k,).

    Source: mathematics in the head of this file.
    """
    off = np.array([np.maximum(*(G @ x for G in layer.gates)) <= 0 for x in z])
    columns, rng, group = layer.M @ V, np.random.default_rng(0), group.copy()
    columns = columns / (_LOUD * layer.noise)
    shared = (silent.astype(float) @ silent.T) / np.maximum(silent.sum(axis=1), 1)
    changed = True
    while changed:
        changed = False
        for k in range(len(z)):
            for space in _spaces(group, k, shared):
                w = _accidental(columns[:, space], silent[k], off[k], rng)
                if w is None:
                    continue
                part = np.abs(w) * np.linalg.norm(columns[:, space], axis=0)
                for name in np.unique(group[space[part > _PART * part.max()]]):
                    group[group == name] = group[k]
                changed = True
                break
    return group


def _spaces(group: np.ndarray, k: int, shared: FloatArray) -> list[np.ndarray]:
    """Return the groups other than that of dual k, and its nearest neighbours together."""
    others = np.flatnonzero(group != group[k])
    near = others[np.argsort(-shared[k, others])[:_NEIGHBOURS]]
    groups = [np.flatnonzero(group == name) for name in np.unique(group[others])]
    return [*groups, near] if len(near) > 1 else groups


def _accidental(
    block: FloatArray, silent: BoolArray, off: BoolArray, rng: np.random.Generator
) -> FloatArray | None:
    """Return a direction of a space, (h, r) in units of loud, that accidents alone may exclude."""
    for w in _directions(block[silent], rng):
        excluding = np.abs(block @ w) > 1
        both = excluding & ~silent
        support, accidents = silent & off & excluding, silent & ~off & excluding
        share = (np.sum(both & off) + 1) / (np.sum(both) + 2)
        drawn = int(np.sum(support) + np.sum(accidents))
        if bdtrc(int(np.sum(support)) - 1, drawn, share) > CHANCE:  # so many or more
            return w
    return None


def _directions(rows: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return unit directions of a space: its axes, and those that sets of loud rows leave free."""
    r = rows.shape[1]
    rows = rows[np.linalg.norm(rows, axis=1) > 1]
    if r == 1 or len(rows) < r:
        return np.eye(r)
    picks = np.argsort(rng.random((_DRAWS, len(rows))), axis=1)[:, : r - 1]
    free = np.linalg.svd(rows[picks], full_matrices=True)[2][:, -1]
    return np.vstack([np.eye(r), free])
