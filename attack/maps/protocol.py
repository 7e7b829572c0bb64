"""What every attack offers: ||target - sum_i lambda_i f(theta; x_i)||^2 (2602.08723, section 5.1).

A map never forms k x P gradients. It offers the four things the attack needs of them: their
weighted sum, their inner products with one vector and with each other, and the target.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from torch import Tensor

Tensors: TypeAlias = list[Tensor]
"""A vector in parameter space, in the pieces of the network."""

Outputs: TypeAlias = Callable[[Tensor], Tensor]
"""From Phi(x), (k, C), to the derivative at the output, (k, C)."""


class Map(Protocol):
    """f(theta; .) of one attack, with its target."""

    @property
    def target(self) -> Tensors:
        """What the weighted sum has to equal."""
        ...

    def combine(self, x: Tensor, weights: Tensor) -> Tensors:
        """sum_i weights_i f(x_i), for x (k, d) and weights (k,)."""
        ...

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        """<direction, f(x_i)>, (k,)."""
        ...

    def gram(self, x: Tensor) -> Tensor:
        """<f(x_i), f(x_j)>, (k, k)."""
        ...
