"""Hessian-vector products of <r, f(x)> for fully connected networks, forward over reverse by hand.

For f = gradient in theta of delta_L . Phi(x), with delta_L locally constant, <r, f> = delta_L . u_L
is the derivative of delta_L . Phi(x) in the parameter direction r = (R_l, rho_l):

    z_l = W_l h_{l-1} + c_l,   u_l = W_l t_{l-1} + R_l h_{l-1} + rho_l,   h_0 = x,  t_0 = 0,
    h_l = sigma(z_l),          t_l = sigma'(z_l) u_l.

Backwards, with a_l and b_l the derivatives of <r, f> in t_l and in h_l:

    p_l = sigma' a_l,   q_l = sigma' b_l + sigma'' u_l a_l,
    a_{l-1} = p_l W_l,  b_{l-1} = q_l W_l + p_l R_l,    p_L = delta_L,  q_L = 0,

and b_0 is the gradient in x. Its derivative along v needs the sweep up and the sweep down once more
with coefficients that do not depend on v; that is six matrix products per hidden layer, four of
them as two of double size, and nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from attack.activations import Activation
from attack.maps import Evaluation, MLPMap, Tensors
from attack.mlp import Layer


@dataclass(frozen=True, slots=True)
class Coefficients:
    """What the second sweep multiplies with at one hidden layer, each (k, width).

    Attributes:
        s: sigma'(z).
        sa: sigma''(z) a.
        su: sigma''(z) u.
        rest: sigma''(z) b + sigma'''(z) u a.
    """

    s: Tensor
    sa: Tensor
    su: Tensor
    rest: Tensor


@dataclass(frozen=True, slots=True)
class Stage:
    """A layer below a hidden layer.

    Attributes:
        W: (out, in).
        WR: W_l over R_l, (2 out, in).
        at: The hidden layer above.
    """

    W: Tensor
    WR: Tensor
    at: Coefficients


class HessianProduct:
    """V -> (Hess <r, f(x_i)> v_i)_i for fixed samples and a fixed direction r."""

    def __init__(self, reconstruction: MLPMap, x: Tensor, direction: Tensors) -> None:
        pieces = iter(direction)
        self._sweeps: list[list[Stage]] = []
        for e in reconstruction.evaluations:
            R = [
                Layer(next(pieces), None if layer.bias is None else next(pieces))
                for layer in e.theta[e.first :]
            ]
            self._sweeps.append(_stages(reconstruction, e, x, R))

    def __call__(self, V: Tensor) -> Tensor:
        """(k, d) to (k, d)."""
        total = torch.zeros_like(V)
        for stages in self._sweeps:
            if stages:
                total = total + _second_sweep(stages, V)
        return total


def _second_sweep(stages: Sequence[Stage], V: Tensor) -> Tensor:
    h, t = V, None  # derivatives of h_l and t_l along V
    tangents: list[tuple[Tensor, Tensor]] = []
    for stage in stages:
        z, u = (h @ stage.WR.T).chunk(2, 1)
        u = u if t is None else torch.addmm(u, t, stage.W.T)
        c = stage.at
        tangents.append((z, u))
        if stage is not stages[-1]:
            h, t = c.s * z, (c.s * u).addcmul_(c.su, z)
    a = b = None  # those of a_l and b_l; at the last hidden layer they do not move
    for stage, (z, u) in zip(reversed(stages), reversed(tangents), strict=True):
        c, width = stage.at, z.shape[1]
        qp = torch.empty(len(z), 2 * width, dtype=z.dtype, device=z.device)
        q, p = qp[:, :width], qp[:, width:]
        torch.mul(c.sa, z, out=p)
        torch.mul(c.sa, u, out=q).addcmul_(c.rest, z)
        if a is not None and b is not None:
            p.addcmul_(c.s, a)
            q.addcmul_(c.s, b).addcmul_(c.su, a)
        b = qp @ stage.WR
        a = p @ stage.W if stage is not stages[0] else None
    assert b is not None
    return b


def _stages(m: MLPMap, e: Evaluation, x: Tensor, R: Sequence[Layer]) -> list[Stage]:
    """The first sweep up and down, for one evaluation and its piece of the direction."""
    with torch.no_grad():
        r = [Layer(torch.zeros_like(layer.weight)) for layer in e.theta[: e.first]] + [*R]
        up = _first_sweep(m, e, x, r)
        phi = up[-1][0]
        p, q = m.outputs(phi), torch.zeros_like(phi)
        stages: list[Stage] = []
        for upper in range(len(e.theta) - 1, 0, -1):
            W, below = e.theta[upper].weight, e.theta[upper - 1].weight
            a, b = p @ W, q @ W + p @ r[upper].weight
            z, u = up[upper - 1]
            s, s1, s2 = jets(m.activation, z)
            at = Coefficients(s, s1 * a, s1 * u, s1 * b + s2 * u * a)
            stages.append(Stage(below, torch.cat([below, r[upper - 1].weight]), at))
            p, q = s * a, s * b + at.su * a
        return stages[::-1]


def _first_sweep(
    m: MLPMap, e: Evaluation, x: Tensor, r: Sequence[Layer]
) -> list[tuple[Tensor, Tensor]]:
    """z_l and u_l of all layers."""
    h, t, found = x, torch.zeros_like(x), []
    for layer, direction in zip(e.theta, r, strict=True):
        z = linear(h, layer.weight, layer.bias)
        u = linear(t, layer.weight) + linear(h, direction.weight, direction.bias)
        found.append((z, u))
        h, t = m.activation.value(z), m.activation.slope(z) * u
    return found


def jets(activation: Activation, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """sigma', sigma'' and sigma''' of an activation by its slope, each like z."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        s = activation.slope(z)
        s1 = _derivative(s, z)
        s2 = _derivative(s1, z)
    return s.detach(), s1.detach(), s2.detach()


def _derivative(y: Tensor, z: Tensor) -> Tensor:
    if not y.requires_grad:
        return torch.zeros_like(z)
    (found,) = torch.autograd.grad(
        y.sum(), z, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return found
