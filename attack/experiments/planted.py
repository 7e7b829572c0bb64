"""Exact targets: theta - theta_0 = sum_i lambda_i grad Phi(theta_0; x_i) with known samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import normalize

from attack.maps.objectives import ntk
from attack.maps.protocol import Map
from attack.maps.sphere import SphereMap
from attack.metrics.vectors import Symmetry
from attack.network.activations import Activation, Softplus, power
from attack.network.mlp import Layer, Parameters, initial

TargetName: TypeAlias = Literal["cubic", "softplus", "softplus without biases"]

NAMES: tuple[TargetName, ...] = ("cubic", "softplus")
"""The two of the comparison."""

WIDTH = 100


@dataclass(frozen=True, slots=True)
class PlantedTarget:
    """A target made of known samples.

    Attributes:
        map: The NTK map at theta_0.
        samples: (n, d), unit.
        weights: (n,), the lambda_i.
        degree: 3 for t^3, which leaves scale and sign open; 0 on the sphere.
    """

    map: Map
    samples: Tensor
    weights: Tensor
    degree: int

    @property
    def symmetry(self) -> Symmetry:
        """What the map leaves open."""
        return "line" if self.degree else "scale"


def planted(seed: int, n: int, name: TargetName, *, dimension: int | None = None) -> PlantedTarget:
    """Return the exact target of random network, samples and multipliers; d = n if it is None.

    The activation is t^3 without biases, or softplus with beta = 5 with or without them. Without
    them f(x) - f(-x) is linear in x, and n + 2 candidates fit the target exactly with any samples
    reflected: nothing but the smaller number tells the samples themselves.
    """
    d, biased = dimension or n, name == "softplus"
    sigma: Activation = power(3) if name == "cubic" else Softplus(5.0)
    scales = (1.0, WIDTH**-0.5)
    theta = initial((d, WIDTH, 1), biases=(biased, False), scales=scales, seed=seed)
    generator = torch.Generator().manual_seed(seed + 1_000_000)
    if biased:
        theta[0] = replace(theta[0], bias=torch.randn(WIDTH, generator=generator).double())
    x = normalize(torch.randn(n, d, generator=generator, dtype=torch.float64))
    sign = torch.randint(2, (n,), generator=generator) * 2 - 1
    weights = sign * (0.5 + torch.rand(n, generator=generator, dtype=torch.float64))
    change = ntk(theta, theta, sigma).combine(x, weights)
    f = ntk(theta, _moved(theta, change), sigma)
    if name == "cubic":
        return PlantedTarget(f, x, weights, 3)
    return PlantedTarget(SphereMap(f), x, weights, 0)


def _moved(theta: Parameters, change: list[Tensor]) -> list[Layer]:
    pieces, moved = iter(change), []
    for layer in theta:
        weight = layer.weight + next(pieces)
        moved.append(Layer(weight, None if layer.bias is None else layer.bias + next(pieces)))
    return moved
