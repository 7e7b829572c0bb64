"""What a second sample set of a ReLU network is, with the evidence that it is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray, IntArray
from identify.relu.arguments import NetworkOnTheMargin
from identify.relu.conditions import ReluConditions, evaluate_conditions, propagate
from identify.relu.reach import Reach

TOLERANCE = 1e-8
"""A witness satisfies each condition up to this much more than the samples it was built from."""


@dataclass(frozen=True, slots=True)
class SplitSample:
    """One sample taken apart: x + forth u with weight share lambda, x - back u with the rest.

    Attributes:
        index: The sample.
        direction: u, of norm 1, (d,).
        forth: Distance of the far part from the sample.
        back: Distance of the other part.
        share: Weight of the far part, between 0 and 1.
        reach: How far the sample could have gone, along u if u was given, in any direction if not.
    """

    index: int
    direction: FloatArray
    forth: float
    back: float
    share: float
    reach: Reach


@dataclass(frozen=True, slots=True)
class ReluWitness:
    """A second sample set that satisfies the KKT conditions of the network as well as the first.

    Attributes:
        x: Samples, (n', d): the parts in the place of what they replace, first; then the others.
        b: lambda_i y_i, (n',).
        labels: y_i, (n',).
        splits: The samples taken apart; empty for a merge.
        replaced: Indices of the samples of the first set that are not in the second.
        conditions: The four KKT conditions of the second set, evaluated independently.
        given: The same of the first set.
        distance: Hausdorff distance of the two sets.
        moved: Largest distance of a new sample from the one it replaces.
        apart: Distance of the second set from the first: the least over all pairs.
        same_pattern: Whether every new sample has exactly the gates of the one it replaces.
    """

    x: FloatArray
    b: FloatArray
    labels: IntArray
    splits: tuple[SplitSample, ...]
    replaced: tuple[int, ...]
    conditions: ReluConditions
    given: ReluConditions
    distance: float
    moved: float
    apart: float
    same_pattern: bool

    @property
    def unbounded(self) -> bool:
        """Whether the same samples could be moved by any distance."""
        return any(split.reach.unbounded for split in self.splits)

    @property
    def verified(self) -> bool:
        """Whether the second set is as good as the first up to ``TOLERANCE``, the gates equal."""
        new, old = self.conditions, self.given
        return (
            self.same_pattern
            and new.stationarity <= old.stationarity + TOLERANCE
            and new.margin >= min(old.margin, 0.0) - TOLERANCE
            and new.slackness <= old.slackness + TOLERANCE
            and new.multiplier > 0
        )


def described(
    network: NetworkOnTheMargin,
    parts: FloatArray,
    weights: FloatArray,
    of: IntArray,
    replaced: Sequence[int],
    splits: tuple[SplitSample, ...],
) -> ReluWitness:
    """Return the second set, evaluated; it may fail its own verification.

    ``parts`` (k, d) are the new samples, ``weights`` (k,) their b_i and ``of`` (k,) the old samples
    whose labels they take; ``replaced`` are all old samples that go. A merge has no ``splits``.
    """
    layers, old, margin = network.layers, network.x, network.margin
    kept = [i for i in range(network.n) if i not in replaced]
    x = np.concatenate([parts, old[kept]])
    b = np.concatenate([weights, network.b[kept]])
    labels = np.concatenate([network.labels[of], network.labels[kept]])
    distances = np.linalg.norm(x[:, None] - old, axis=2)
    # which new sample stands for which old one: of a merge the one for both
    pairs = [(parts[k % len(parts)], old[i]) for k, i in enumerate(of if splits else replaced)]
    return ReluWitness(
        x=x,
        b=b,
        labels=labels,
        splits=splits,
        replaced=tuple(replaced),
        conditions=evaluate_conditions(layers, x, b, labels, margin),
        given=evaluate_conditions(layers, old, network.b, network.labels, margin),
        distance=float(max(distances.min(axis=0).max(), distances.min(axis=1).max())),
        moved=float(max(np.linalg.norm(new - gone) for new, gone in pairs)),
        apart=float(distances.min()),
        same_pattern=all(
            propagate(layers, new)[1] == propagate(layers, gone)[1] for new, gone in pairs
        ),
    )
