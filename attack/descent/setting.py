"""What does not change during a run: the map, the settings, the size of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from attack.descent.config import ReconstructionConfig
from attack.descent.objective import loss, squared_norm
from attack.descent.state import State
from attack.maps.batches import BatchedMap
from attack.maps.protocol import Map

LabelledMap: TypeAlias = Callable[[int, Tensor], Map]
"""From steps taken and the candidates' labels (k,) to the map, where it depends on them."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What does not change during a run.

    Attributes:
        whole: From steps taken and labels to the map.
        config: Settings.
        batch: Candidates handled at once; None for all.
    """

    whole: LabelledMap
    config: ReconstructionConfig
    batch: int | None = None

    def map_at(self, step: int, labels: Tensor) -> Map:
        """The map of candidates with these labels."""
        if self.batch is None or len(labels) <= self.batch:
            return self.whole(step, labels)
        return BatchedMap(lambda rows: self.whole(step, labels[rows]), self.batch)

    def map_of(self, state: State) -> Map:
        """The map of the candidates of a state."""
        return self.map_at(state.step, state.labels)

    def loss(self, state: State) -> float:
        """||target - sum_i lambda_i f(x_i)||^2."""
        with torch.no_grad():
            return float(loss(self.map_of(state), state.x, state.weights))

    def size(self, state: State) -> float:
        """||target||^2."""
        return float(squared_norm(self.map_of(state).target))

    def solved(self, state: State) -> bool:
        """Whether the loss is below the tolerance."""
        return self.loss(state) <= self.config.tolerance * self.size(state)
