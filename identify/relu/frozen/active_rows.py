"""One layer down: the rows whose features are certainly positive are linear equations.

    phi_A = W_A h + b_A,    A = {j : phi_j > r},    |phi - true phi| <= r

so that |h - true h| <= (r + rounding) / sigma_min(W_A). The other rows are inequalities; with those
of A that are more than there are unknowns they tell whether the features are of this layer at all.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from identify.arrays import FloatArray
from identify.findings import CLAIM
from identify.relu.frozen.layers import FrozenLayer, Known, without_factor

_EXACT = 1e-13
"""Singular values below this share of the largest are rounding in float64."""


def one_layer_down(layer: FrozenLayer, above: Known) -> Known:
    """Compute what entered a frozen layer from what left it.

    Args:
        layer: The layer, (h, d).
        above: Its features, h entries.

    Returns:
        What entered, d entries; of radius inf where the active rows leave a direction open, and
        then the shortest that they allow.

    Source: mathematics in the head of this file; Moore-Penrose inverse.
    """
    phi, r, d = above.point, above.radius, layer.weight.shape[1]
    has_factor = not above.scaled and layer.bias is not None
    active = phi > r
    A, target = layer.weight[active], phi[active]
    if has_factor:
        A = np.column_stack([A, _bias(layer)[active]])
    else:
        target = target - (_bias(layer)[active] if above.scaled else 0.0)
    unknowns = A.shape[1]
    nothing = Known(np.zeros(d), np.inf, above.scaled or has_factor, len(A), unknowns=unknowns)
    if not np.isfinite(r):
        return replace(nothing, why="features")
    if np.any(phi < -r):
        return replace(nothing, why="against")
    if not len(A):
        return replace(nothing, why="open")
    U, s, V = np.linalg.svd(A, full_matrices=False)
    exact = s > _EXACT * s[0]
    fitted = V[exact].T @ (U[:, exact].T @ target / s[exact])
    e = r + layer.rounding(A, fitted)
    if above.scaled and layer.bias is not None:
        e += layer.precision * float(np.linalg.norm(layer.bias[active]))
    # |y| >= |target| / s_max: these directions are known to a tenth of it at least
    kept = exact & (e / np.where(exact, s, 1.0) <= CLAIM * np.linalg.norm(target) / s[0])
    y = V[kept].T @ (U[:, kept].T @ target / s[kept])
    determined = int(kept.sum())
    radius = e / float(s[-1]) if determined == unknowns else np.inf
    why = "" if determined == unknowns else "open"
    if np.linalg.norm(A @ fitted - target) > e or (
        not why and not _allowed(layer, y, radius, above, has_factor=has_factor)
    ):
        why = "against"
    x, radius = without_factor(y, radius, scaled=above.scaled, has_factor=has_factor)
    return replace(
        nothing, point=x, radius=np.inf if why else radius, determined=determined, why=why
    )


def _allowed(
    layer: FrozenLayer, y: FloatArray, radius: float, above: Known, *, has_factor: bool
) -> bool:
    """Whether no row is larger at y than its feature, both within their bounds."""
    W = np.column_stack([layer.weight, _bias(layer)]) if has_factor else layer.weight
    value = W @ y + (_bias(layer) if above.scaled else 0.0)
    slack = radius * np.linalg.norm(W, axis=1) + layer.rounding(W, y)
    return bool(np.all(value <= np.maximum(above.point, 0) + above.radius + slack))


def _bias(layer: FrozenLayer) -> FloatArray:
    return np.zeros(len(layer.weight)) if layer.bias is None else layer.bias
