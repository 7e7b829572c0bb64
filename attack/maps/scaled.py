"""A map times a number: the mean over the candidates in place of their sum."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from attack.maps.protocol import Map, Tensors


@dataclass(frozen=True, slots=True)
class ScaledMap:
    """factor f(x)."""

    inside: Map
    factor: float

    @property
    def target(self) -> Tensors:
        """That of the map inside."""
        return self.inside.target

    def combine(self, x: Tensor, weights: Tensor) -> Tensors:
        """sum_i weights_i factor f(x_i)."""
        return self.inside.combine(x, self.factor * weights)

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        """<direction, factor f(x_i)>, (k,)."""
        return self.factor * self.inside.inner(x, direction)

    def gram(self, x: Tensor) -> Tensor:
        """factor^2 <f, f>, (k, k)."""
        return self.factor**2 * self.inside.gram(x)
