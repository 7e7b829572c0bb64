"""The Jacobian of F(x, lambda) = sum_i lambda_i f(x_i), applied and never formed.

    J (v, w) = sum_i lambda_i Df(x_i) v_i + w_i f(x_i)

For a fully connected network it is written out and compressed (``compressed``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import vjp, vmap

from attack.local.compressed import layer_parts
from attack.maps.mlp_map import MLPMap
from attack.maps.protocol import Map

Linear = Callable[[Tensor], Tensor]
"""From (B, ...) to (B, ...), linear, for every B."""


@dataclass(frozen=True, slots=True)
class Jacobian:
    """J up to an isometry of its rows.

    Attributes:
        push: z (B, k, d + 1), the last column that of lambda, to J z, (B, rows).
        pull: u (B, rows) to J^T u, (B, k, d + 1).
        rows: Numbers that stand for J z.
    """

    push: Linear
    pull: Linear
    rows: int


def jacobian(reconstruction: Map, x: Tensor, weights: Tensor) -> Jacobian:
    """J at a candidate x (k, d), weights (k,); the derivative at the output is held fixed."""
    x, weights = x.detach(), weights.detach()
    if not isinstance(reconstruction, MLPMap):
        return _recorded(reconstruction, x, weights)
    with torch.no_grad():
        pieces = [layer_parts(reconstruction, e, x, weights) for e in reconstruction.evaluations]

    def push(z: Tensor) -> Tensor:
        return torch.cat([piece.flatten(1) for apply in pieces for piece in apply(z)], 1)

    zero = x.new_zeros(1, len(x), x.shape[1] + 1)
    return Jacobian(push, _transposed(push, zero), push(zero).shape[1])


def _transposed(push: Linear, zero: Tensor) -> Linear:
    known: dict[int, Linear] = {}

    def pull(u: Tensor) -> Tensor:
        if len(u) not in known:
            transpose = vjp(push, zero.expand(len(u), -1, -1))[1]
            known[len(u)] = lambda u: transpose(u)[0]
        return known[len(u)](u)

    return pull


def _recorded(reconstruction: Map, x: Tensor, weights: Tensor) -> Jacobian:
    """J^T by one vector-Jacobian product, and J as the transpose of that."""

    def combined(z: Tensor) -> Tensor:
        found = reconstruction.combine(z[:, :-1], z[:, -1])
        return torch.cat([piece.flatten() for piece in found])

    at = torch.cat([x, weights[:, None]], 1)
    rows = len(combined(at))
    back = vjp(combined, at)[1]
    forth = vjp(lambda u: back(u)[0], at.new_zeros(rows))[1]
    return Jacobian(vmap(lambda z: forth(z)[0]), vmap(lambda u: back(u)[0]), rows)
