"""Where the samples of a block are shown: where the gates of each put it, nothing being doubted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.relu.recovery.blocks import Block, close_to, outside
from identify.relu.recovery.problem import FirstLayer
from identify.relu.recovery.targets import KnownDuals


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where so many samples are shown.

    Attributes:
        duals: The duals that are theirs, as columns.
        count: Number of samples.
        z: The direction that fits their gates best, norm 1.
    """

    duals: FloatArray
    count: int
    z: FloatArray


def shown_by_gates(known: KnownDuals, fits: list[FloatArray]) -> list[Placement]:
    """Return what every target with silent rows shows, given the fit to its gates."""
    return [
        Placement(known.V[:, target.own if target.count > 1 else target.own[:1]], target.count, z)
        for target, z in zip(known.targets, fits, strict=True)
        if target.silent is not None
    ]


def members_of(
    layer: FirstLayer, block: Block, shown: list[Placement], middle: FloatArray
) -> list[FloatArray]:
    """Return where the samples are shown whose duals a block holds, on the side of its middle."""
    return [
        one.z * np.copysign(1.0, one.z @ middle)
        for one in shown
        if all(outside(layer, block.space, v) <= close_to(layer, v) for v in one.duals.T)
        for _ in range(one.count)
    ]
