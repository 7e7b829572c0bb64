"""Gradients of a fully connected network as a map, written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attack.maps.protocol import Outputs, Tensors
from attack.network.activations import Activation
from attack.network.mlp import Factors, Layer, Parameters, backward, forward


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A point in parameter space at which gradients are taken, and their target.

    Attributes:
        theta: Where.
        target: Layers of the same shapes, from ``first`` on.
        first: Layers before this one are left out.
    """

    theta: Parameters
    target: Parameters
    first: int = 0


@dataclass(frozen=True, slots=True)
class MLPMap:
    """f(x) = the gradient in theta of delta . Phi(x), at one or more theta.

    Attributes:
        evaluations: One or more points; their equations are stacked and share lambda.
        activation: sigma with the slope that stands for its derivative.
        outputs: The derivative delta at the output, given Phi(x).
    """

    evaluations: Sequence[Evaluation]
    activation: Activation
    outputs: Outputs

    @property
    def target(self) -> Tensors:
        """All targets, layer by layer."""
        return [t for e in self.evaluations for layer in e.target for t in layer.tensors()]

    def combine(self, x: Tensor, weights: Tensor) -> Tensors:
        """sum_i weights_i f(x_i), one matrix product per layer."""
        return [t for f in self._all(x, weights) for t in f.total().tensors()]

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        """<direction, f(x_i)>, (k,), one matrix product per layer."""
        factors = self._all(x)
        pieces = iter(direction)
        parts = [f.inner(Layer(next(pieces), next(pieces) if f.bias else None)) for f in factors]
        return torch.stack(parts).sum(0)

    def gram(self, x: Tensor) -> Tensor:
        """The tangent kernel of the candidates, (k, k)."""
        return torch.stack([f.gram(f) for f in self._all(x)]).sum(0)

    def _all(self, x: Tensor, weights: Tensor | None = None) -> list[Factors]:
        """Factors of f(x_i), or of weights_i f(x_i): at the output, where that costs least."""
        found = []
        for e in self.evaluations:
            trace = forward(e.theta, self.activation, x)
            delta = self.outputs(trace.z[-1])
            delta = delta if weights is None else weights[:, None] * delta
            found += backward(e.theta, self.activation, trace, delta, e.first)
        return found
