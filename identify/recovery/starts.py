"""From the tensor to samples: start from random slices, refine on the equations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.system import Equations
from identify.recovery.duals import fitted_weights, sharpened
from identify.recovery.fit import Fit
from identify.recovery.levenberg import refine
from identify.recovery.pencil import filled, fit_weights, pencil_directions, pick
from identify.tensor.implicit import SymmetricTensor
from identify.tensor.interpolation import Interpolation

_SINGLES = 30
"""Slice pairs of which the one with the smallest residual starts the first refinement."""

_PAIRS = (4, 16, 64)
"""Numbers of slice pairs pooled in turn for further starts, until one explains the weights."""

_POOLED = 50
"""Number of samples up to which further starts are affordable."""

_SHARPER = 4.0
"""The fixed point of the duals is the better start even if its residual is so much larger: what it
leaves lies in the weights of near-duplicates."""

_ENOUGH = 1.25
"""Residual, over what the noise of the interpolation leads to expect, at which no more are
tried."""


def solve_components(
    equations: Equations,
    interpolation: Interpolation,
    basis: Float64[FloatArray, "r n"],
    rng: np.random.Generator,
    *,
    known: Float64[FloatArray, "k r"] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Fit:
    """Return the best fit of n samples to the equations, from starts that the tensors give.

    ``basis`` spans the samples in the coordinates of the row space. ``known`` are unit directions
    to pool with those of a few slice pairs; no other start is tried then. ``progress`` is called
    with the relative residual after each step of the refinement.
    """
    carried = interpolation.carried_by
    assert carried is not None
    n = basis.shape[1]
    tensor = interpolation.tensors[equations.activation.degree].restricted(basis)
    goal = _ENOUGH * carried.noise * np.sqrt(equations.right_side.size)
    if known is not None:
        rounds: tuple[int, ...] = _PAIRS[:2]
    else:
        rounds = (1, *_PAIRS) if n <= _POOLED else (1,)
    best: Fit | None = None
    for pairs in rounds:
        if pairs == 1:
            x, b = _best_single(equations, interpolation, basis, rng)
        else:
            pool = pencil_directions(tensor, pairs, rng)
            if known is not None:
                pool = np.concatenate([pool, known @ basis])
            directions, b = pick(tensor, filled(pool, n, rng), n)
            x, b = starting_point(equations, interpolation, directions @ basis.T, b)
        fit = refine(equations, x, b, progress=progress)
        if best is None or fit.residual < best.residual:
            best = fit
        if best.residual <= goal:
            break
    assert best is not None
    return best


def _best_single(
    equations: Equations,
    interpolation: Interpolation,
    basis: Float64[FloatArray, "r n"],
    rng: np.random.Generator,
) -> tuple[Float64[FloatArray, "n r"], Float64[FloatArray, " n"]]:
    """Return the best start from a single pair of slices, sharpened by its duals if cubic."""
    n = basis.shape[1]
    tensor = interpolation.tensors[equations.activation.degree].restricted(basis)
    starts = []
    for _ in range(_SINGLES):
        directions = filled(pencil_directions(tensor, 1, rng), n, rng)[:n]
        b = fit_weights(tensor, directions)
        x, b = starting_point(equations, interpolation, directions @ basis.T, b)
        starts.append((float(np.linalg.norm(equations.residual(x, b))), x, b))
    best, x, b = min(starts, key=lambda start: start[0])
    if tensor.degree == 3 and not equations.free_b and not equations.by_value:
        unit = sharpened(tensor, x @ basis / np.linalg.norm(x, axis=1, keepdims=True)) @ basis.T
        b_unit = fitted_weights(equations, unit)
        sharper = starting_point(equations, interpolation, unit, b_unit)
        if float(np.linalg.norm(equations.residual(*sharper))) < _SHARPER * best:
            return sharper
    return x, b


def starting_point(
    equations: Equations,
    interpolation: Interpolation,
    directions: Float64[FloatArray, "n r"],
    b: Float64[FloatArray, " n"],
) -> tuple[Float64[FloatArray, "n r"], Float64[FloatArray, " n"]]:
    """Return samples and b for unit directions and their coefficients at the highest degree.

    For a homogeneous activation the samples are |b_i|^{1/alpha} x_i and the coefficients +-1 (for
    odd degree all +1); for others the lower degrees tell the norms.
    """
    alpha = equations.activation.degree
    b = np.where(b == 0, np.finfo(float).tiny, b)
    if not equations.free_b:
        length = np.abs(b) ** (1 / alpha)
        if alpha % 2:
            return np.sign(b)[:, None] * length[:, None] * directions, np.ones_like(b)
        return length[:, None] * directions, np.sign(b)
    norms, flips = norms_from_degrees(interpolation.tensors, directions, b)
    return directions * (flips * norms)[:, None], b * flips**alpha / norms**alpha


def norms_from_degrees(
    tensors: Mapping[int, SymmetricTensor],
    directions: Float64[FloatArray, "n r"],
    b: Float64[FloatArray, " n"],
) -> tuple[Float64[FloatArray, " n"], Float64[FloatArray, " n"]]:
    """Return norms and signs, read off b_i |x_i|^k at several degrees k along unit directions.

    The ratio of the coefficients at degrees alpha and k is (+-|x_i|)^{alpha-k}; its sign tells the
    orientation where alpha - k is odd.
    """
    alpha = max(tensors)
    votes, signs = [], []
    for k, tensor in tensors.items():
        if k == alpha:
            continue
        lower = fit_weights(tensor, directions)
        ratio = b / np.where(lower == 0, np.finfo(float).tiny, lower)
        votes.append(np.clip(np.abs(ratio), 1e-12, 1e12) ** (1 / (alpha - k)))
        if (alpha - k) % 2:
            signs.append(np.sign(ratio))
    norms = np.median(votes, axis=0) if votes else np.ones_like(b)
    flips = np.sign(np.sum(signs, axis=0)) if signs else np.ones_like(b)
    return norms, np.where(flips == 0, 1.0, flips)
