"""Fully connected networks as lists of tensors, with forward and backward pass written out.

    h_0 = x,  z_l = h_{l-1} W_l^T + c_l,  h_l = sigma(z_l) for l < L,  Phi(x) = z_L,
    delta_L given,  delta_l = (delta_{l+1} W_{l+1}) sigma'(z_l).

The gradient of delta_L . Phi(x) in W_l is delta_l h_{l-1}^T, and in c_l it is delta_l. It is kept
as these two factors: for k samples a matrix (k, out) and a matrix (k, in) per layer, never k x P.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import linear

from attack.network.activations import Activation


@dataclass(frozen=True, slots=True)
class Layer:
    """Weights of one layer.

    Attributes:
        weight: (out, in).
        bias: (out,), or None.
    """

    weight: Tensor
    bias: Tensor | None = None

    def tensors(self) -> list[Tensor]:
        """The weight, then the bias if there is one."""
        return [self.weight] if self.bias is None else [self.weight, self.bias]

    def to(self, where: str | torch.device | torch.dtype) -> Layer:
        """The same on another device or in another precision, without its history."""
        return Layer(*(t.detach().to(where) for t in self.tensors()))

    def towards(self, other: Layer, share: float) -> Layer:
        """The point at this share of the way to another, entry by entry."""
        bias = None
        if self.bias is not None and other.bias is not None:
            bias = torch.lerp(self.bias, other.bias, share)
        return Layer(torch.lerp(self.weight, other.weight, share), bias)

    def minus(self, other: Layer) -> Layer:
        """The difference, entry by entry."""
        if self.bias is None or other.bias is None:
            return Layer(self.weight - other.weight)
        return Layer(self.weight - other.weight, self.bias - other.bias)


Parameters: TypeAlias = Sequence[Layer]
"""theta, first layer first."""


@dataclass(frozen=True, slots=True)
class Factors:
    """Gradients of one layer for k samples, (delta_i h_i^T, delta_i).

    Attributes:
        delta: (k, out).
        h: (k, in).
        bias: Whether the layer has a bias.
    """

    delta: Tensor
    h: Tensor
    bias: bool

    def total(self) -> Layer:
        """The sum of the gradients of all samples."""
        return Layer(self.delta.T @ self.h, self.delta.sum(0) if self.bias else None)

    def inner(self, other: Layer) -> Tensor:
        """<other, gradient of sample i>, (k,)."""
        found = ((self.delta @ other.weight) * self.h).sum(1)
        return found if other.bias is None else found + self.delta @ other.bias

    def gram(self, other: Factors) -> Tensor:
        """<gradient of sample i, gradient of sample j of the other>, (k, k')."""
        return (self.delta @ other.delta.T) * (self.h @ other.h.T + float(self.bias))


@dataclass(frozen=True, slots=True)
class Trace:
    """What a forward pass leaves behind.

    Attributes:
        inputs: h_0, ..., h_{L-1}, each (k, width).
        z: z_1, ..., z_L, each (k, width); the last is Phi(x), (k, C).
    """

    inputs: list[Tensor]
    z: list[Tensor]


def forward(theta: Parameters, activation: Activation, x: Tensor) -> Trace:
    """Phi(x) of x (k, d) with all that the backward pass needs."""
    h, inputs, pre = x, [], []
    for layer in theta:
        inputs.append(h)
        z = linear(h, layer.weight, layer.bias)  # z_l = h_{l-1} W_l^T + c_l
        pre.append(z)
        h = activation.value(z)
    return Trace(inputs, pre)


def outputs(theta: Parameters, activation: Activation, x: Tensor) -> Tensor:
    """Phi(x), (k, C)."""
    return forward(theta, activation, x).z[-1]


def backward(
    theta: Parameters, activation: Activation, trace: Trace, delta: Tensor, first: int = 0
) -> list[Factors]:
    """Gradients of delta . Phi(x_i) in the layers from ``first`` on, for delta (k, C)."""
    found = []
    for index in range(len(theta) - 1, first - 1, -1):
        found.append(Factors(delta, trace.inputs[index], theta[index].bias is not None))
        if index > first:
            # delta_l = (delta_{l+1} W_{l+1}) sigma'(z_l)
            delta = (delta @ theta[index].weight) * activation.slope(trace.z[index - 1])
    return found[::-1]


def initial(
    widths: Sequence[int],
    *,
    biases: Sequence[bool],
    scales: Sequence[float],
    seed: int,
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
) -> list[Layer]:
    """Return Gaussian weights and zero biases, one layer less than there are widths d, h_1, ..., C.

    ``scales`` are the standard deviations of the layers. The weights are drawn on the CPU in double
    precision, so that every device gets the same.

    Raises:
        ValueError: If the lengths do not fit.
    """
    count = len(widths) - 1
    if count < 1 or len(biases) != count or len(scales) != count:
        raise ValueError(
            f"widths, biases, scales: found {len(widths)}, {len(biases)}, {len(scales)} entries; "
            "pass L + 1, L and L"
        )
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for index, (into, out) in enumerate(pairwise(widths)):
        weight = torch.randn(out, into, generator=generator, dtype=torch.float64) * scales[index]
        bias = torch.zeros(out, dtype=dtype, device=device) if biases[index] else None
        layers.append(Layer(weight.to(device, dtype), bias))
    return layers
