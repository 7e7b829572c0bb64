"""Candidates with the optimiser's memory, one row a candidate."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Iterate:
    """Samples and multipliers in the course of a descent.

    Attributes:
        x: (k, d).
        weights: (k,).
        memory: By name, tensors of k rows; the step count of Adam is a row each, too.
    """

    x: Tensor
    weights: Tensor
    memory: dict[str, Tensor] = field(default_factory=dict)

    def descend_from(self, x: Tensor, weights: Tensor, parents: Tensor) -> Iterate:
        """New candidates, each with the memory of its parent."""
        return Iterate(x, weights, {name: rows[parents] for name, rows in self.memory.items()})
