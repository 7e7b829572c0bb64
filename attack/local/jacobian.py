"""The Jacobian of F(x, lambda) = sum_i lambda_i f(x_i), applied and never formed.

    J (v, w) = sum_i lambda_i Df(x_i) v_i + w_i f(x_i)

For a fully connected network the part of J (v, w) in a layer is

    G = E^T H + Delta^T D,   E_i = lambda_i D delta_i + w_i delta_i,   D_i = lambda_i D h_i,

with the rows h_i of H and delta_i of Delta, those of h_{l-1} and delta_l, fixed. Let Q R be the QR
factorisation of Delta^T and S T that of H^T. Then G = Q (Q^T E^T H + R D) + (1 - Q Q^T) E^T T^T S^T
and, as Q and S have orthonormal columns and the two terms are orthogonal, the pair

    R D + (E Q)^T H,   (1 - Q Q^T) E^T T^T

has the norms and inner products of G: k (in + out) numbers in place of in x out, with no square
taken. Where sigma'' = 0, as for relu, the second is zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import vjp, vmap

from attack.maps.mlp_maps import Evaluation, Map, MLPMap
from attack.network.activations import Activation
from attack.network.mlp import backward, forward

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
    """J at a candidate.

    Args:
        reconstruction: The map f; its derivative at the output is held fixed.
        x: (k, d).
        weights: (k,).

    Returns:
        J: written out and compressed for fully connected networks, else by ``torch.func``.
    """
    x, weights = x.detach(), weights.detach()
    if not isinstance(reconstruction, MLPMap):
        return _recorded(reconstruction, x, weights)
    with torch.no_grad():
        pieces = [_pieces(reconstruction, e, x, weights) for e in reconstruction.evaluations]

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


def _slopes(activation: Activation, z: Tensor) -> tuple[Tensor, Tensor]:
    """Sigma' and sigma'' of an activation by its slope, each like z."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        s = activation.slope(z)
        if not s.requires_grad:
            return s, torch.zeros_like(z)
        (s1,) = torch.autograd.grad(s.sum(), z, allow_unused=True, materialize_grads=True)
    return s.detach(), s1


def _pieces(
    m: MLPMap, e: Evaluation, x: Tensor, weights: Tensor
) -> Callable[[Tensor], list[Tensor]]:
    """Z to the compressed parts of J z in the layers of one evaluation."""
    trace = forward(e.theta, m.activation, x)
    factors = backward(e.theta, m.activation, trace, m.outputs(trace.z[-1]))
    bent = [_slopes(m.activation, z) for z in trace.z[:-1]]
    turns = [
        s1 * (upper.delta @ layer.weight)
        for (_, s1), upper, layer in zip(bent, factors[1:], e.theta[1:], strict=True)
    ]
    curved = any(bool(turn.any()) for turn in turns)
    layers = [_Compressed(f.delta, f.h, f.bias, curved) for f in factors]
    scale = weights[:, None]

    def apply(z: Tensor) -> list[Tensor]:
        v, w = z[..., :-1], z[..., -1:]
        inputs, pre = [v], []  # D h_{l-1} and D z_l
        for layer, (s, _) in zip(e.theta[:-1], bent, strict=True):
            pre.append(inputs[-1] @ layer.weight.T)
            inputs.append(s * pre[-1])
        found: list[Tensor] = []
        moved: Tensor | None = None  # D delta_l; at the output it does not move
        for index in range(len(e.theta) - 1, e.first - 1, -1):
            found += layers[index](scale * inputs[index], w, moved, scale)
            if index and curved:
                below = turns[index - 1] * pre[index - 1]
                onto = 0 if moved is None else bent[index - 1][0] * (moved @ e.theta[index].weight)
                moved = below + onto
        return found

    return apply


class _Compressed:
    """The part of J (v, w) in one layer, by the two terms of the module's docstring."""

    def __init__(self, delta: Tensor, h: Tensor, bias: bool, curved: bool) -> None:
        self.delta = delta
        self.H = torch.cat([h, torch.ones_like(h[:, :1])], 1) if bias else h
        self.Q, self.R = torch.linalg.qr(delta.T)
        self.T = (
            torch.linalg.qr(self.H.T)[1].T if curved and self.Q.shape[1] < len(delta.T) else None
        )

    def __call__(self, D: Tensor, w: Tensor, moved: Tensor | None, scale: Tensor) -> list[Tensor]:
        E = w * self.delta
        E = E if moved is None else E + scale * moved
        if self.H.shape[1] > D.shape[-1]:
            D = torch.cat([D, torch.zeros_like(D[..., :1])], -1)
        inside = E @ self.Q
        found = [self.R @ D + inside.mT @ self.H]
        if self.T is not None and moved is not None:
            found.append((E - inside @ self.Q.T).mT @ self.T)
        return found
