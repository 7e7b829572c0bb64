"""Activations with the derivative that the attack puts in place of theirs.

The published attacks keep relu in the forward pass and use a sigmoid for its derivative in the
backward pass (Haim et al. 2022, appendix; Buzaglo et al. 2023): the exact derivative is a step, and
the reconstruction map would be piecewise linear in the sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class Activation(Protocol):
    """A function of one variable and the derivative used in the backward pass."""

    def value(self, z: Tensor) -> Tensor:
        """sigma(z), entry by entry."""
        ...

    def slope(self, z: Tensor) -> Tensor:
        """sigma'(z), or what stands for it, entry by entry and differentiable in z."""
        ...


@dataclass(frozen=True, slots=True)
class ReLU:
    """max(z, 0), with sigmoid(sharpness z) for its derivative wherever one is taken.

    Attributes:
        sharpness: Haim et al. 2022 tune it between 19 and 150; None for the exact step.
    """

    sharpness: float | None = None

    def value(self, z: Tensor) -> Tensor:
        """max(z, 0)."""
        if self.sharpness is None:
            return torch.relu(z)
        found = _SmoothedReLU.apply(z, self.sharpness)
        assert isinstance(found, Tensor)
        return found

    def slope(self, z: Tensor) -> Tensor:
        """sigmoid(sharpness z), or 1 where z > 0."""
        if self.sharpness is None:
            return (z > 0).to(z.dtype)
        return torch.sigmoid(self.sharpness * z)


class _SmoothedReLU(torch.autograd.Function):
    """max(z, 0) forward, sigmoid(sharpness z) backward, to any order."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, _sharpness: float) -> Tensor:
        return torch.relu(z)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        del output
        z, ctx.sharpness = inputs
        ctx.save_for_backward(z)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (z,) = ctx.saved_tensors
        return grad_outputs[0] * torch.sigmoid(ctx.sharpness * z), None


@dataclass(frozen=True, slots=True)
class Softplus:
    """log(1 + exp(beta z)) / beta, which tends to relu (Loo et al. 2024, ``softplus_schedule``)."""

    beta: float = 10.0

    def value(self, z: Tensor) -> Tensor:
        """log(1 + exp(beta z)) / beta, without overflow."""
        return torch.logaddexp(self.beta * z, z.new_zeros(())) / self.beta

    def slope(self, z: Tensor) -> Tensor:
        """sigmoid(beta z)."""
        return torch.sigmoid(self.beta * z)


def softplus_schedule(step: int) -> Softplus:
    """The softplus of a step: beta = min(10 + 10^(step/20000), 200) (Loo et al. 2024, code)."""
    return Softplus(min(10.0 + 10.0 ** (step / 20_000), 200.0))


@dataclass(frozen=True, slots=True)
class PolynomialActivation:
    """c_0 + c_1 t + ... + c_alpha t^alpha, by its coefficients."""

    coefficients: tuple[float, ...]

    def value(self, z: Tensor) -> Tensor:
        """The polynomial, by Horner's rule."""
        return _horner(self.coefficients, z)

    def slope(self, z: Tensor) -> Tensor:
        """Its derivative."""
        return _horner([k * c for k, c in enumerate(self.coefficients)][1:], z)


def power(alpha: int) -> PolynomialActivation:
    """t^alpha, the activation of Theorem 4.1 (arXiv 2602.08723)."""
    return PolynomialActivation((0.0,) * alpha + (1.0,))


def _horner(coefficients: Sequence[float], z: Tensor) -> Tensor:
    result = torch.zeros_like(z)
    for c in reversed(coefficients):
        result = result * z + c
    return result
