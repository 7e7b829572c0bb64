"""How far the noise can have moved each sample: bounds of the inverse of the duals.

The dual v_k is the null vector of its silent rows S. With e the error of M_S v_k,
dv_k = - M_S^+ e / (1 - t), t = |e| / s the error over the second smallest singular value (Wedin
1972). A sample x_i moves by z_i.dv_k z_k, so that with E_ik >= |z_i.dv_k| all |dz| are at most
(1 - E)^-1 E |z|, of any order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identify.arrays import BoolArray, FloatArray
from identify.relu.recovery.polish import SILENT
from identify.relu.recovery.problem import FirstLayer

_NEXT = 5
"""Rows up to so many thresholds are counted to tell how many small entries pass for silent: were
they uniform there would be a quarter as many below the threshold."""

_LARGEST_TURN = 0.5
"""Largest error of a null vector that is bounded: beyond, another direction may be as null."""


def relative_errors(layer: FirstLayer, z: FloatArray, silent: Sequence[BoolArray]) -> FloatArray:
    """Bound the error of each direction z_i / |z_i|.

    Args:
        layer: The change of the first layer.
        z: The inverse of the duals, rows (n, n).
        silent: The rows that each dual silences.

    Returns:
        The bounds, inf where noise may have turned a dual into another one, (n,).

    Source: mathematics in the head of this file.
    """
    n, sigma, sizes = layer.n, layer.noise, np.linalg.norm(z, axis=1)
    E = np.column_stack([_turned(layer, z, k, silent[k]) for k in range(n)])
    if not np.all(np.isfinite(E)) or np.abs(np.linalg.eigvals(E)).max() >= 1:
        return np.full(n, np.inf)
    inside = np.linalg.solve(np.eye(n) - E, E @ sizes)
    # beyond the row space, the noise N of the change moves x_i by C_i^+ N
    outside = np.linalg.norm(np.linalg.solve(np.linalg.qr(layer.M)[1].T, z.T), axis=0)
    e = (inside + SILENT * sigma * np.sqrt(len(layer.basis)) * outside) / sizes
    return np.where(e < 1, e / (1 - np.minimum(e, 1) / 2), np.inf)  # of unit vectors


def _turned(layer: FirstLayer, z: FloatArray, k: int, silent: BoolArray) -> FloatArray:
    """Bound |z_i.dv_k| for all i, from the noise and from small entries that pass for silent."""
    sigma = layer.noise
    rows = layer.M[silent]
    U, values, right = np.linalg.svd(rows, full_matrices=len(rows) < layer.n)
    turn = 2 * SILENT * sigma * np.sqrt(len(U)) / values[layer.n - 2]
    if turn > _LARGEST_TURN:
        return np.full(layer.n, np.inf)
    g = np.abs((z @ right[:-1].T / values[: layer.n - 1]) @ U[:, : layer.n - 1].T)
    v = np.linalg.solve(z, np.eye(layer.n)[k])
    entries = np.abs(layer.M @ (v / np.linalg.norm(v))) / (SILENT * sigma)
    hidden = 1 + int(np.sum((entries >= 1) & (entries < _NEXT)))
    systematic = np.sum(np.sort(g, axis=1)[:, -hidden:], axis=1)
    return SILENT * sigma * (np.linalg.norm(g, axis=1) + systematic) / (1 - turn)
