"""J of a fully connected network layer by layer, with as few rows as keep all inner products.

The part of J (v, w) in a layer is

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

import torch
from torch import Tensor

from attack.maps.mlp_map import Evaluation, MLPMap
from attack.network.activations import Activation
from attack.network.mlp import backward, forward


def layer_parts(
    m: MLPMap, e: Evaluation, x: Tensor, weights: Tensor
) -> Callable[[Tensor], list[Tensor]]:
    """From z (B, k, d + 1) to the compressed parts of J z in the layers of one evaluation."""
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
                # with u = delta_{l+1} W_{l+1}: D delta_l = u sigma''(z_l) D z_l + sigma'(z_l) D u
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
        found = [self.R @ D + inside.mT @ self.H]  # R D + (E Q)^T H
        if self.T is not None and moved is not None:
            # (1 - Q Q^T) E^T T^T
            found.append((E - inside @ self.Q.T).mT @ self.T)
        return found


def _slopes(activation: Activation, z: Tensor) -> tuple[Tensor, Tensor]:
    """Sigma' and sigma'' of an activation by its slope, each like z."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        s = activation.slope(z)
        if not s.requires_grad:
            return s, torch.zeros_like(z)
        (s1,) = torch.autograd.grad(s.sum(), z, allow_unused=True, materialize_grads=True)
    return s.detach(), s1
