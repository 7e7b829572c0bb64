"""What is known of the duals, and for each sample the space that they leave it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import BoolArray, FloatArray
from identify.relu.recovery.blocks import Duals, rest_of
from identify.relu.recovery.problem import FirstLayer


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A sample, or several that are not told apart.

    Attributes:
        own: Numbers of the known duals that say nothing about it: its own, and those of its block.
        space: Orthonormal basis of what is orthogonal to all other known duals, (n, k).
        silent: The rows that it left alone, None where none is known.
        count: Number of samples.
    """

    own: list[int]
    space: FloatArray
    silent: BoolArray | None
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class KnownDuals:
    """Duals found one by one, then what those leave of the blocks.

    Attributes:
        V: Vectors of norm 1 as columns, (n, k).
        silent: The rows that each silences.
        ranks: The rank that those rows have: n less the number of samples they are silent for.
        targets: The samples; last, where duals are missing, those samples that have none.
    """

    V: FloatArray
    silent: list[BoolArray]
    ranks: list[int]
    targets: list[Target]


def known_duals(layer: FirstLayer, found: Duals) -> KnownDuals:
    """Bring duals and blocks together."""
    n, k = layer.n, len(found.v)
    columns, silent, ranks = list(found.v), list(found.silent), [n - 1] * k
    beside: list[list[int]] = [[i] for i in range(k)]
    rests: list[tuple[list[int], BoolArray, int]] = []
    for block in found.blocks:
        rest, inside = rest_of(layer, found, block)
        numbers = list(range(len(columns), len(columns) + rest.shape[1]))
        for i in inside:
            beside[i] += numbers
        columns += list(rest.T)
        silent += [block.silent] * rest.shape[1]
        ranks += [n - block.space.shape[1]] * rest.shape[1]
        rests.append((numbers, block.silent, rest.shape[1]))
    V = np.array(columns).reshape(-1, n).T
    targets = [
        Target(own, _left_by(V, own), rows, 1) for own, rows in zip(beside, silent, strict=False)
    ]
    targets += [Target(own, _left_by(V, own), rows, count) for own, rows, count in rests]
    if V.shape[1] < n:
        targets.append(Target([], _left_by(V, []), None, n - V.shape[1]))
    return KnownDuals(V, silent, ranks, targets)


def _left_by(V: FloatArray, own: list[int]) -> FloatArray:
    """Return a basis of what is orthogonal to all columns but some."""
    others = np.delete(V, own, axis=1)
    return np.linalg.qr(others, mode="complete")[0][:, others.shape[1] :]
