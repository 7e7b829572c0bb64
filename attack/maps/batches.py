"""Candidates a batch at a time: the same sums in less memory, for when they do not fit at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from attack.maps.protocol import Map, Tensors

EXHAUSTED = ("out of memory", "can't allocate memory", "not enough memory")
"""How torch's allocators say it."""


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that memory ran out, on a GPU or a CPU."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in EXHAUSTED)


@dataclass(frozen=True, slots=True)
class BatchedMap:
    """A map whose candidates are handled a batch at a time.

    Sums are recomputed batch by batch in the backward pass, so that only the candidates themselves
    are kept between the two.

    Attributes:
        part: The map of the candidates in a slice.
        size: Candidates in a batch.
    """

    part: Callable[[slice], Map]
    size: int

    def slices(self, k: int) -> list[slice]:
        """The batches of k candidates."""
        return [slice(start, min(start + self.size, k)) for start in range(0, k, self.size)]

    @property
    def target(self) -> Tensors:
        """That of every part."""
        return self.part(slice(0, 1)).target

    def combine(self, x: Tensor, weights: Tensor) -> Tensors:
        """sum_i weights_i f(x_i)."""
        total: Tensors = []
        for rows in self.slices(len(x)):
            f = self.part(rows)
            found = checkpoint(f.combine, x[rows], weights[rows], use_reentrant=False)
            assert isinstance(found, list)
            total = [t + s for t, s in zip(total, found, strict=True)] if total else found
        return total

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        """<direction, f(x_i)>, (k,)."""
        return torch.cat([self.part(s).inner(x[s], direction) for s in self.slices(len(x))])

    def gram(self, x: Tensor) -> Tensor:
        """<f(x_i), f(x_j)>, (k, k), all candidates at once."""
        return self.part(slice(0, len(x))).gram(x)
