"""Duals that are found one by one, and spaces of duals that cannot be told apart.

Similar samples share their silent rows but for a few. The rows that all of a block leave alone have
the duals of its samples for null space: each is unknown, their span is known, and every sample
outside the block is orthogonal to it. A dual found inside a block leaves the rest of the block.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from identify.arrays import BoolArray, FloatArray
from identify.relu.recovery.polish import SILENT
from identify.relu.recovery.problem import FirstLayer

_INSIDE = 1e-6
"""A column lies in a space when less than this share of it lies outside, or what noise may do: in
ordinary training the columns of near-duplicates are alike to a share of their distance."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The duals of samples that are not told apart.

    Attributes:
        space: Orthonormal basis of their span, (n, p).
        silent: The rows that all of them silence, (h,).
    """

    space: FloatArray
    silent: BoolArray


@dataclass(slots=True)
class Duals:
    """Duals that passed all tests, with the rows they silence.

    Attributes:
        v: One dual per sample found, norm 1.
        silent: The rows that each silences.
        rounds: Rounds of search.
        fewest_zeros: Largest share of zeros among patterns refused for having too few.
        blocks: Spaces of duals of samples that were not told apart.
    """

    v: list[FloatArray] = field(default_factory=list)
    silent: list[BoolArray] = field(default_factory=list)
    rounds: int = 0
    fewest_zeros: float = 0.0
    blocks: list[Block] = field(default_factory=list)

    def rows(self, n: int) -> FloatArray:
        """The duals found one by one as rows, (k, n)."""
        return np.array(self.v).reshape(-1, n)


def quiet_rows(layer: FirstLayer, space: FloatArray) -> BoolArray:
    """Return the rows that every direction of a space (n, p) leaves below the noise."""
    return np.linalg.norm(layer.M @ space, axis=1) < SILENT * layer.noise


def outside(layer: FirstLayer, space: FloatArray, v: FloatArray) -> float:
    """Return the share of a column M v that lies outside the columns of a space (n, p)."""
    if not space.shape[1]:
        return 1.0
    Q, q = np.linalg.qr(layer.R @ space)[0], layer.R @ v
    return float(np.linalg.norm(q - Q @ (Q.T @ q)) / np.linalg.norm(q))


def close_to(layer: FirstLayer, v: FloatArray) -> float:
    """Return the share of a column below which what lies outside a space may be noise."""
    return _blur(layer, v[:, None])


def _blur(layer: FirstLayer, space: FloatArray) -> float:
    """Return the angle by which noise may turn the faintest column of a space."""
    size = float(np.linalg.svd(layer.M @ space, compute_uv=False)[-1])
    reach = SILENT * layer.noise * float(np.sqrt(len(layer.M)))
    return min(0.5, max(_INSIDE, reach / max(size, 1e-300)))


def without_combinations(layer: FirstLayer, found: Duals) -> Duals:
    """Return the duals without those that are combinations of sparser ones.

    The sparsest basis of a space is found greedily, and combinations of two samples are less sparse
    than either.
    """
    kept: list[int] = []
    for i in sorted(range(len(found.v)), key=lambda i: -int(found.silent[i].sum())):
        space = np.array([found.v[k] for k in kept]).reshape(-1, layer.n).T
        if len(kept) < layer.n and outside(layer, space, found.v[i]) > close_to(layer, found.v[i]):
            kept.append(i)
    kept.sort()
    found.v, found.silent = [found.v[i] for i in kept], [found.silent[i] for i in kept]
    return found


def rest_of(layer: FirstLayer, found: Duals, block: Block) -> tuple[FloatArray, list[int]]:
    """Return what the duals inside a block leave of it (n, r), and the numbers of those duals."""
    inside = [
        i for i, v in enumerate(found.v) if outside(layer, block.space, v) <= close_to(layer, v)
    ]
    if not inside:
        return block.space, inside
    taken = block.space.T @ np.array([found.v[i] for i in inside]).T
    Q = np.linalg.qr(taken, mode="complete")[0]
    return block.space @ Q[:, len(inside) :], inside


def with_block(layer: FirstLayer, blocks: list[Block], new: Block) -> list[Block]:
    """Return the blocks with one more; those that overlap become one."""
    apart: list[Block] = []
    space, silent = new.space, new.silent
    for block in blocks:
        both = np.hstack([np.linalg.qr(layer.R @ U)[0] for U in (block.space, space)])
        values = np.linalg.svd(both, compute_uv=False)
        least = max(_blur(layer, U) for U in (block.space, space))
        shared = len(values) - int(np.sum(values > least))
        if not shared:
            apart.append(block)
            continue
        U = np.linalg.svd(np.hstack([block.space, space]), full_matrices=False)[0]
        space = U[:, : block.space.shape[1] + space.shape[1] - shared]
        silent = block.silent & silent
    return [*apart, Block(space, silent)]


def constraints(layer: FirstLayer, found: Duals) -> FloatArray:
    """Return all that is known of the duals as rows: those found, and the rests of the blocks."""
    rests = [rest_of(layer, found, block)[0].T for block in found.blocks]
    return np.vstack([found.rows(layer.n), *rests])
