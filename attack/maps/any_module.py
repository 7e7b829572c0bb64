"""The same maps for any torch module, by ``torch.func``: slower, and nothing is written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import functional_call, grad, vjp, vmap

from attack.maps.protocol import Tensors


@dataclass(frozen=True, slots=True)
class ModuleMap:
    """f(theta; x_i) = gradient in theta of outputs(Phi(x_i)) . Phi(x_i), with true derivatives.

    Attributes:
        module: Maps (k, d) to (k, C); no layer may mix samples.
        parameters: theta, by name; where gradients are taken.
        goal: The target, by name; names left out are parameters whose equations are not used.
        outputs: From Phi(x), (k, C), to the derivative at the output; held fixed.
    """

    module: torch.nn.Module
    parameters: Mapping[str, Tensor]
    goal: Mapping[str, Tensor]
    outputs: Callable[[Tensor], Tensor]

    @property
    def target(self) -> Tensors:
        """The target, in the order of ``goal``."""
        return list(self.goal.values())

    def combine(self, x: Tensor, weights: Tensor) -> Tensors:
        """sum_i weights_i f(x_i), one vector-Jacobian product."""
        with torch.no_grad():
            delta = self.outputs(self._forward(x)(self._used()))
        return self._pull(x, weights[:, None] * delta)

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        """<direction, f(x_i)>, the derivative of <direction, combine(x, weights)> in weights_i."""

        def along(weights: Tensor) -> Tensor:
            pieces = zip(self.combine(x, weights), direction, strict=True)
            return torch.stack([(s * t).sum() for s, t in pieces]).sum()

        return grad(along)(torch.ones(len(x), dtype=x.dtype, device=x.device))

    def gram(self, x: Tensor) -> Tensor:
        """<f(x_i), f(x_j)>; forms the (k, P) gradients, so for small networks only."""
        with torch.no_grad():
            delta = self.outputs(self._forward(x)(self._used()))
        rows = vmap(lambda row, d: [t.flatten() for t in self._pull(row[None], d[None])])(x, delta)
        flat = torch.cat(rows, 1)
        return flat @ flat.T

    def _pull(self, x: Tensor, delta: Tensor) -> Tensors:
        (gradients,) = vjp(self._forward(x), self._used())[1](delta)
        return [gradients[name] for name in self.goal]

    def _used(self) -> dict[str, Tensor]:
        return {name: self.parameters[name] for name in self.goal}

    def _forward(self, x: Tensor) -> Callable[[Mapping[str, Tensor]], Tensor]:
        def call(used: Mapping[str, Tensor]) -> Tensor:
            return functional_call(self.module, {**self.parameters, **used}, (x,))

        return call
