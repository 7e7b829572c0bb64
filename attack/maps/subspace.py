"""Samples written in a basis of the span read off the first layer (Tansley et al.)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attack.maps.protocol import Map, Tensors
from attack.network.mlp import Parameters


@dataclass(frozen=True, slots=True)
class SubspaceMap:
    """A map on samples written in a basis, x_i = basis^T u_i, basis (r, d) orthonormal rows."""

    inside: Map
    basis: Tensor

    @property
    def target(self) -> Tensors:
        """That of the map inside."""
        return self.inside.target

    def combine(self, x: Tensor, weights: Tensor) -> Tensors:
        """sum_i weights_i f(basis^T u_i), for u (k, r)."""
        return self.inside.combine(x @ self.basis, weights)

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        """<direction, f(basis^T u_i)>, (k,)."""
        return self.inside.inner(x @ self.basis, direction)

    def gram(self, x: Tensor) -> Tensor:
        """<f, f>, (k, k)."""
        return self.inside.gram(x @ self.basis)


def span_of_first_layer(initial: Parameters, trained: Parameters, *, gap: float = 1e-6) -> Tensor:
    """Orthonormal basis (r, d) of the span of the samples; singular values below the gap are 0."""
    # every gradient of the first layer is a combination of the samples, so W_1 - W_1(0) has its
    # rows in their span, for full-batch training of any network (Tansley et al.)
    change = trained[0].weight - initial[0].weight
    _, s, vt = torch.linalg.svd(change, full_matrices=False)
    return vt[s > gap * s[0]]
