"""Second sample sets for ReLU networks: samples taken apart, and samples put together.

Inside an activation region Phi and its gradient in theta are affine in x, so of the samples there
only sum_i lambda_i and sum_i lambda_i x_i enter stationarity, with or without biases. A sample of
weight lambda can be replaced by

    x + t u    with weight  p lambda,    p = s / (s + t),
    x - s u    with weight  (1 - p) lambda,

for u orthogonal to grad_x Phi, which keeps the margins, as long as both parts are in the region;
and two samples of one class in one region by their lambda-weighted mean (companion of arXiv
2602.08723, Refael et al.). Only the far part has to have room: s can be small, and p with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from identify.arrays import FloatArray
from identify.relu.conditions import forward
from identify.relu.problem import (
    Problem,
    check_direction,
    check_distance,
    check_index,
    check_problem,
    check_seed,
)
from identify.relu.reach import Reach
from identify.relu.region import Region, region_of
from identify.relu.second_set import ReluWitness, Split, described

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
    problem = check_problem(layers, x, b, margin)
    u, t = check_direction(direction, problem.d), check_distance(distance)
    rng = check_seed(seed)
    if index is None:
        chosen = _farthest_sample(problem, u, rng)
    elif isinstance(index, str) and index == "every":
        chosen = list(range(problem.n))
    else:
        number = check_index(index, problem.n)
        if number is None:
            raise ValueError(f"index: found {index!r}; pass 0 to {problem.n - 1}, 'every' or None")
        chosen = [number]
    splits = []
    for i in chosen:
        split = _split(problem, i, u, t, rng)
        if split is None:
            return None
        splits.append(split)
    if not splits:
        return None
    far = [problem.x[p.index] + p.forth * p.direction for p in splits]
    near = [problem.x[p.index] - p.back * p.direction for p in splits]
    shares = np.array([p.share for p in splits])
    old = problem.b[chosen]
    parts = np.array([point for pair in zip(far, near, strict=True) for point in pair])
    weights = np.column_stack([shares * old, (1 - shares) * old]).ravel()
    witness = described(problem, parts, weights, np.repeat(chosen, 2), chosen, tuple(splits))
    return witness if witness.verified else None


def relu_merge(
    layers: Sequence[tuple[ArrayLike, ArrayLike | None]],
    x: ArrayLike,
    b: ArrayLike,
    *,
    pair: tuple[int, int] | None = None,
    margin: float = 1.0,
) -> ReluWitness | None:
    """Replace two samples of one class and one region by their lambda-weighted mean.

    Args:
        layers: One (W, bias or None) per layer, ReLU between them, the last W of one row.
        x: Samples as rows, (n, d), all on the margin.
        b: lambda_i y_i, (n,), no entry 0.
        pair: Which two; None: the two farthest from each other among those that can be merged.
        margin: y_i Phi(x_i) of the samples.

    Returns:
        The witness, verified; None where no two samples (or not these) can be merged.

    Raises:
        ValueError: If an argument is malformed; says what to pass.
    """
    problem = check_problem(layers, x, b, margin)
    n = problem.n
    pairs = [(i, j) for i in range(n) for j in range(i)]
    if pair is not None:
        chosen = pair if isinstance(pair, tuple | list) else ()
        indices = {check_index(i, n) for i in chosen}
        if len(chosen) != 2 or len(indices) != 2 or None in indices:
            raise ValueError(f"pair: found {pair!r}; pass two different ints from 0 to {n - 1}")
        pairs = [(int(pair[0]), int(pair[1]))]
    gates = [forward(problem.layers, sample)[1] for sample in problem.x]
    able = [
        (i, j) for i, j in pairs if problem.labels[i] == problem.labels[j] and gates[i] == gates[j]
    ]
    if not able:
        return None
    i, j = max(able, key=lambda two: float(np.linalg.norm(problem.x[two[0]] - problem.x[two[1]])))
    total = problem.b[i] + problem.b[j]
    mean = (problem.b[i] * problem.x[i] + problem.b[j] * problem.x[j]) / total
    witness = described(problem, mean[None], np.array([total]), np.array([i]), [i, j], ())
    return witness if witness.verified else None


def _farthest_sample(problem: Problem, u: FloatArray | None, rng: np.random.Generator) -> list[int]:
    """The first sample of unbounded reach, or that of the largest."""
    best, longest = [], 0.0
    for i, sample in enumerate(problem.x):
        reach = _reach(region_of(problem.layers, sample), u, rng, None)
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
    problem: Problem,
    i: int,
    u: FloatArray | None,
    distance: float | Literal["largest"] | None,
    rng: np.random.Generator,
) -> Split | None:
    region = region_of(problem.layers, problem.x[i])
    reach = _reach(region, u, rng, _PROGRAMS)
    if reach is None:
        return None
    room, size = reach.lower * (1 - _INSIDE), float(np.linalg.norm(problem.x, axis=1).max())
    if distance is None:
        forth = min(room / 2, size)
    elif distance == "largest":
        forth = min(room, 1e3 * size)
    else:
        forth = distance
    back = min(forth, region.along(-reach.direction) / 2)
    if forth > room or forth <= 0 or back <= 0:
        return None
    return Split(i, reach.direction, forth, back, back / (back + forth), reach)
