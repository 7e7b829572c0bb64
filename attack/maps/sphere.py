"""Candidates on a sphere, where the samples are known to have one norm.

Without it the fit of an inhomogeneous map can improve for ever while candidates run off to infinity
with lambda_i -> 0; on the sphere a minimum exists.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import normalize

from attack.maps.protocol import Map, Tensors


@dataclass(frozen=True, slots=True)
class SphereMap:
    """f(radius x / |x|), which does not change when x is multiplied by a positive number."""

    inside: Map
    radius: float = 1.0

    @property
    def target(self) -> Tensors:
        """That of the map inside."""
        return self.inside.target

    def combine(self, x: Tensor, weights: Tensor) -> Tensors:
        """sum_i weights_i f(radius x_i / |x_i|)."""
        return self.inside.combine(self.radius * normalize(x), weights)

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        """<direction, f(radius x_i / |x_i|)>, (k,)."""
        return self.inside.inner(self.radius * normalize(x), direction)

    def gram(self, x: Tensor) -> Tensor:
        """<f, f>, (k, k)."""
        return self.inside.gram(self.radius * normalize(x))
