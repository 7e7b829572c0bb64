"""From a direction near a sample to its dual: the null vector that silences most rows exactly.

Of the rows that the gates call off some were on in between; so the null vector is robust:
iteratively reweighted least squares with weights (r_j^2 + eps^2)^-.9, eps falling, then the exact
null vector of the rows below a threshold that falls to the noise.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from identify.arrays import BoolArray, FloatArray
from identify.relu.recovery.problem import FirstLayer
from identify.relu.recovery.search import SoftGates

SILENT = 6.0
"""A row is silent at v, |v| = 1, when |M_j v| is below so many noise levels."""

_SOFTNESS = 0.05
"""Gates within this share of the root mean square are trusted less and less."""

_EPSILONS = tuple(np.geomspace(0.1, 1e-4, 12).tolist())
"""In units of the root mean square of F q: 1e-4 separates silent rows in float32 too."""

_THERE = 0.5
"""A robust null vector that silences this share of the rows near 0 is the dual already."""

_LEVELS = (3e-2, 1e-3, 1e-5, 1e-8)
"""Thresholds in units of the root mean square; the last two matter in float64 only."""


def robust_nulls(soft: SoftGates, z: Tensor, q: Tensor) -> tuple[FloatArray, BoolArray]:
    """Return robust null vectors of the rows that are off at z (s, n), and those rows.

    There are two for each z, (2 s, n) and (2 s, h): the first half by inverse iteration from q; the
    second half minimises with v.z = 1, which keeps away from found duals, where v.z = 0.
    """
    t = torch.maximum(*(z @ G.T for G in soft.gates))
    size = t.square().mean(1, keepdim=True).sqrt()
    off, h = torch.sigmoid(-t / (_SOFTNESS * size)), len(soft.F)
    ridge = 1e-14 * torch.eye(soft.layer.n, device=soft.device)
    y = torch.linalg.solve_triangular(soft.R.T, z.T, upper=False).T  # v.z = q.y
    both = []
    for free in (True, False):
        q_now = q
        for eps in _EPSILONS:
            w = off * (h * (q_now @ soft.F.T) ** 2 + eps**2) ** -0.9
            factor = torch.linalg.cholesky(soft.weighted(w / w.amax(1, keepdim=True)) + ridge)
            for _ in range(3 if free else 1):
                side = q_now if free else y
                q_now = torch.cholesky_solve(side[:, :, None], factor)[:, :, 0]
                q_now = q_now / q_now.norm(dim=1, keepdim=True)
        both.append(q_now)
    rows = (t <= 2 * _SOFTNESS * size).cpu().numpy()
    return torch.cat(both).cpu().numpy(), np.concatenate([rows, rows])


def silent_rows(layer: FirstLayer, v: FloatArray) -> BoolArray:
    """Return the rows that a dual of norm 1 silences, (h,)."""
    return np.abs(layer.M @ v) < SILENT * layer.noise


def silencing_dual(layer: FirstLayer, q: FloatArray, off: BoolArray) -> FloatArray | None:
    """Return the dual that silences rows exactly from a robust one, None if too few rows remain.

    Rows near 0 are solved for again and again, nearer ones each time. Polluted rows among the first
    may turn a good start away, so the descent also starts where enough rows are near 0 already.
    """
    v = layer.dual(q)
    quiet, r = off & silent_rows(layer, v), np.abs(layer.scale * (layer.M @ v))
    size = np.sqrt(np.mean(r * r))
    enough = max(layer.n, _THERE * np.sum(off & (r < _LEVELS[0] * size)))
    if np.sum(quiet) >= enough:
        return _exact(layer, v)
    first = 0
    while first + 1 < len(_LEVELS) and np.sum(off & (r < _LEVELS[first + 1] * size)) >= enough:
        first += 1
    found = [_silenced(layer, v, off, _LEVELS[k:]) for k in {0, first}]
    exact = [w for w in found if w is not None]
    return max(exact, key=lambda w: int(np.sum(silent_rows(layer, w))), default=None)


def _silenced(
    layer: FirstLayer, v: FloatArray, off: BoolArray, levels: tuple[float, ...]
) -> FloatArray | None:
    for level in levels:
        r = np.abs(layer.scale * (layer.M @ v))
        rows = (off & (r < level * np.sqrt(np.mean(r * r)))) | (off & silent_rows(layer, v))
        if np.sum(rows) < layer.n - 1:
            return None
        # least squares in q while rows are polluted (a weak direction of M would attract v)
        v = layer.dual(null_vector(layer.F[rows])) if level > 1e-6 else null_vector(layer.M[rows])
    return _exact(layer, v)


def _exact(layer: FirstLayer, v: FloatArray) -> FloatArray | None:
    rows = silent_rows(layer, v)
    return null_vector(layer.M[rows]) if np.sum(rows) >= layer.n - 1 else None


def null_vector(rows: FloatArray) -> FloatArray:
    """Return the right singular vector of the smallest singular value."""
    triangle = np.linalg.qr(rows, mode="r") if len(rows) > rows.shape[1] else rows
    return np.linalg.svd(triangle, full_matrices=True)[2][-1]
