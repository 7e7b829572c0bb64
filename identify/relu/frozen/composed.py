"""Several layers down at once, where one of them alone has too few active rows.

A square layer is on for half of its rows, which leaves its input open; but that input is itself
relu(W x + b) with few unknowns x. So F(x) = phi, F all frozen layers, is solved by
Levenberg-Marquardt from random starts. Near a solution whose gates are clear of zero F is linear:

    |x - true x| <= (r + rounding) / sigma_min(F'_A(x))

within the ball where no gate changes. Farther away: on each of finitely many pieces x -> h_{l-1} is
affine, so differences of two points form sets of dimension at most 2 d, which a layer in general
position with more than 2 d active rows maps to zero nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from identify.arrays import BoolArray, FloatArray
from identify.findings import CLAIM
from identify.relu.frozen.layers import FrozenLayer, Known, without_factor

_STARTS, _STEPS = 24, 200
"""Random starts, and steps of each: expansive random layers need one start and about 20 steps."""

_PATIENCE, _SETTLED, _STUCK = 6, 0.9, 1e4
"""A descent ends when the misfit fell by less than a tenth in six steps, or no step lowers it."""


def layers_down(layers: Sequence[FrozenLayer], above: Known, *, seed: int = 0) -> Known:
    """Compute what entered the first of some frozen layers from what left the last.

    Args:
        layers: The layers, the first one first.
        above: The features behind the last.
        seed: Draws the starts.

    Returns:
        What entered; of radius inf where no solution was found, or where rows or gates do not
        decide it.

    Source: mathematics in the head of this file.
    """
    d, has_factor = layers[0].weight.shape[1], False
    if not above.scaled:
        has_factor = any(layer.bias is not None for layer in layers)
    scaled = above.scaled or has_factor
    unknowns = d + has_factor
    active = above.point > above.radius
    count = int(active.sum())
    nothing = Known(np.zeros(d), np.inf, scaled, count, unknowns=unknowns, why="few")
    if count <= 2 * unknowns:
        return nothing
    with_constant = above.scaled or has_factor
    matrices = [_augmented(layer, with_constant=with_constant) for layer in layers]
    y = _solution(matrices, above, active, constant=with_constant, seed=seed)
    if y is None:
        return replace(nothing, why="unsolved")
    radius, determined = _certain(layers, matrices, y, above, active)
    y = y[:-1] if above.scaled else y
    x, radius = without_factor(y, radius, scaled=above.scaled, has_factor=has_factor)
    why = "" if determined == unknowns else "open"
    return Known(x, radius, scaled, count, determined, unknowns, why, local=True)


def _augmented(layer: FrozenLayer, *, with_constant: bool) -> FloatArray:
    """Return [[W, b], [0, 1]], or W alone."""
    if not with_constant:
        return layer.weight
    h, d = layer.weight.shape
    whole = np.zeros((h + 1, d + 1))
    whole[:h, :d], whole[h, d] = layer.weight, 1.0
    if layer.bias is not None:
        whole[:h, d] = layer.bias
    return whole


def _forward(matrices: Sequence[FloatArray], y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what the last layer gives before its relu, and its Jacobian."""
    value, J = y, np.eye(len(y))
    for k, W in enumerate(matrices):
        on = value > 0 if k else np.ones(len(value), dtype=bool)
        value, J = W @ (value * on), (W[:, on] @ J[on])
    return value, J


def _solution(
    matrices: Sequence[FloatArray], above: Known, active: BoolArray, *, constant: bool, seed: int
) -> FloatArray | None:
    """Return a y with F(y) = phi within the bounds, None if no start leads to one."""
    h, rng, fixed = len(active), np.random.default_rng(seed), above.scaled
    phi = np.where(active, above.point, 0.0)
    for _ in range(_STARTS):
        y = rng.standard_normal(matrices[0].shape[1])
        if constant:
            y[-1] = 1.0
        size = np.linalg.norm(np.maximum(_forward(matrices, y)[0][:h], 0))
        factor = np.linalg.norm(phi) / size if size > 0 else 1.0
        y = _descended(matrices, y if fixed else y * factor, phi, free=len(y) - fixed)
        value = _forward(matrices, y)[0][:h]
        close = np.linalg.norm((value - phi)[active]) <= above.radius * 2 + 1e-12
        close = close and bool(np.all(value[~active] <= 3 * above.radius + 1e-12))
        if close:
            return y
    return None


def _descended(
    matrices: Sequence[FloatArray], y: FloatArray, phi: FloatArray, *, free: int
) -> FloatArray:
    """Minimise |relu(F(y)) - phi|^2 over the first ``free`` coordinates (Marquardt 1963)."""
    damping, history = 1e-2, [np.inf] * _PATIENCE
    r, J = _misfit(matrices, y, phi)
    for _ in range(_STEPS):
        J = J[:, :free]
        gram = J.T @ J
        eye = damping * np.trace(gram) / free * np.eye(free)
        trial = y.copy()
        trial[:free] -= np.linalg.solve(gram + eye, J.T @ r)
        r_trial, J_trial = _misfit(matrices, trial, phi)
        if r_trial @ r_trial < r @ r:
            y, r, J, damping = trial, r_trial, J_trial, max(damping / 5, 1e-15)
            history.append(float(r @ r))
            if history[-1] > _SETTLED * history[-_PATIENCE]:
                break
        else:
            damping *= 4
            if damping > _STUCK:
                break
    return y


def _misfit(
    matrices: Sequence[FloatArray], y: FloatArray, phi: FloatArray
) -> tuple[FloatArray, FloatArray]:
    value, J = _forward(matrices, y)
    value, J = value[: len(phi)], J[: len(phi)]
    counted = (value > 0) | (phi > 0)  # an active row pulls from below zero as well
    return np.where(counted, value - phi, 0.0), J * counted[:, None]


def _certain(
    layers: Sequence[FrozenLayer],
    matrices: Sequence[FloatArray],
    y: FloatArray,
    above: Known,
    active: BoolArray,
) -> tuple[float, int]:
    """Return the radius around y, and the number of directions determined."""
    value, J = _forward(matrices, y)
    h, free = len(active), len(y) - above.scaled
    J = J[:h][active][:, :free]
    s = np.linalg.svd(J, compute_uv=False)
    e = above.radius + float(np.linalg.norm((value[:h] - above.point)[active]))
    e += _rounding(layers, matrices, y)
    size = np.linalg.norm(y[:free])
    determined = int(np.sum(e <= CLAIM * size * s))
    if determined < free:
        return np.inf, determined
    radius = e / float(s[-1])
    below, reach = y, radius
    for k, W in enumerate(matrices[:-1]):
        pre, sizes = W @ below, np.linalg.norm(W, axis=1)
        if k and np.sum(pre > 0) <= 2 * free:  # the first layer is covered by the rank of J
            return np.inf, determined
        if np.any(np.abs(pre) <= reach * sizes):  # some gate may differ at the true sample
            return np.inf, determined
        below, reach = np.maximum(pre, 0), reach * float(np.linalg.norm(W, 2))
    return radius, determined


def _rounding(
    layers: Sequence[FrozenLayer], matrices: Sequence[FloatArray], y: FloatArray
) -> float:
    """Bound what rounding of all layers adds to the last, in norm."""
    total, at = 0.0, y
    for layer, W in zip(layers, matrices, strict=True):
        total = total * float(np.linalg.norm(W, 2)) + layer.rounding(W, at)
        at = np.maximum(W @ at, 0)
    return total
