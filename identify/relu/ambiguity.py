"""Second sample sets for ReLU networks: samples taken apart (put together: ``merging``).

Inside an activation region Phi and its gradient in theta are affine in x, so of the samples there
only sum_i lambda_i and sum_i lambda_i x_i enter stationarity, with or without biases. A sample of
weight lambda can be replaced by

    x + t u    with weight  p lambda,    p = s / (s + t),
    x - s u    with weight  (1 - p) lambda,

for u orthogonal to grad_x Phi, which keeps the margins, as long as both parts are in the region
(companion of arXiv 2602.08723, Refael et al.). Only the far part has to have room: s can be small,
and p with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from identify.arrays import FloatArray
from identify.relu.arguments import (
    NetworkOnTheMargin,
    check_direction,
    check_distance,
    check_index,
    check_network,
    check_seed,
)
from identify.relu.reach import Reach
from identify.relu.region import Region, region_of
from identify.relu.witness import ReluWitness, SplitSample, described

_INSIDE = 1e-6
"""A part stays this share of the way short of a boundary."""

_PROGRAMS = 200
"""Linear programs spent on the upper end of the reach of a sample."""


def relu_witness(
    layers: Sequence[tuple[ArrayLike, ArrayLike | None]],
    x: ArrayLike,
    b: ArrayLike,
    *,
    index: int | Literal["every"] | None = None,
    direction: ArrayLike | None = None,
    distance: float | Literal["largest"] | None = None,
    margin: float = 1.0,
    seed: int = 0,
) -> ReluWitness | None:
    """Take samples apart into a second set that satisfies all four KKT conditions.

    Args:
        layers: One (W, bias or None) per layer, ReLU between them, the last W of one row.
        x: Samples as rows, (n, d), all on the margin.
        b: lambda_i y_i, (n,), no entry 0.
        index: Which sample; "every" takes all apart; None the one that can go farthest.
        direction: Where to, (d,); its part orthogonal to the input gradient is used. None: where
            the region reaches farthest.
        distance: How far. "largest": to the boundary, or 1000 times the norm of the largest sample
            where there is none. None: half way, or the norm of the largest sample if that is less.
        margin: y_i Phi(x_i) of the samples.
        seed: Draws the starting directions of the search.

    Returns:
        The witness, verified by an evaluation that does not use the regions; None where the samples
        cannot be taken apart at that distance, or it is so large that rounding breaks the margins.

    Raises:
        ValueError: If an argument is malformed; says what to pass.
    """
    network = check_network(layers, x, b, margin)
    u, t = check_direction(direction, network.d), check_distance(distance)
    rng = check_seed(seed)
    chosen = _farthest_sample(network, u, rng) if index is None else _chosen(index, network.n)
    splits = []
    for i in chosen:
        split = _split(network, i, u, t, rng)
        if split is None:
            return None
        splits.append(split)
    if not splits:
        return None
    witness = _taken_apart(network, tuple(splits))
    return witness if witness.verified else None


def _chosen(index: object, n: int) -> list[int]:
    if isinstance(index, str) and index == "every":
        return list(range(n))
    number = check_index(index, n)
    if number is None:
        raise ValueError(f"index: found {index!r}; pass 0 to {n - 1}, 'every' or None")
    return [number]


def _taken_apart(network: NetworkOnTheMargin, splits: tuple[SplitSample, ...]) -> ReluWitness:
    chosen = [split.index for split in splits]
    parts, weights = [], []
    for split in splits:
        x, b = network.x[split.index], network.b[split.index]
        parts += [x + split.forth * split.direction, x - split.back * split.direction]
        weights += [split.share * b, (1 - split.share) * b]
    return described(
        network, np.array(parts), np.array(weights), np.repeat(chosen, 2), chosen, splits
    )


def _farthest_sample(
    network: NetworkOnTheMargin, u: FloatArray | None, rng: np.random.Generator
) -> list[int]:
    """The first sample of unbounded reach, or that of the largest."""
    best, longest = [], 0.0
    for i, sample in enumerate(network.x):
        reach = _reach(region_of(network.layers, sample), u, rng, None)
        if reach is not None and reach.lower > longest:
            best, longest = [i], reach.lower
        if np.isinf(longest):
            break
    return best


def _reach(
    region: Region, u: FloatArray | None, rng: np.random.Generator, programs: int | None
) -> Reach | None:
    """Where to and how far a sample can go; None where it cannot move."""
    if not region.basis.shape[1]:
        return None
    if u is None:
        return region.farthest(rng, programs)
    projected = region.basis @ (region.basis.T @ u)
    length = float(np.linalg.norm(projected))
    if length <= 1e-10:
        return None
    projected /= length
    room = region.along(projected)
    return Reach(projected, room, room)


def _split(
    network: NetworkOnTheMargin,
    i: int,
    u: FloatArray | None,
    distance: float | Literal["largest"] | None,
    rng: np.random.Generator,
) -> SplitSample | None:
    region = region_of(network.layers, network.x[i])
    reach = _reach(region, u, rng, _PROGRAMS)
    if reach is None:
        return None
    room, size = reach.lower * (1 - _INSIDE), float(np.linalg.norm(network.x, axis=1).max())
    if distance is None:
        forth = min(room / 2, size)
    elif distance == "largest":
        forth = min(room, 1e3 * size)
    else:
        forth = distance
    back = min(forth, region.along(-reach.direction) / 2)
    if forth > room or forth <= 0 or back <= 0:
        return None
    return SplitSample(i, reach.direction, forth, back, back / (back + forth), reach)
