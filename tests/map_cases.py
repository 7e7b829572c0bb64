"""Networks written out and as torch modules, and the agreement of two maps."""

from __future__ import annotations

import torch
from torch import nn

from attack.descent.objective import loss
from attack.maps.any_module import ModuleMap
from attack.network.activations import (
    PolynomialActivation,
    ReLU,
    Softplus,
    power,
)
from attack.network.mlp import initial

WIDTHS = [5, 7, 6, 4]
ACTIVATIONS = {
    "relu": (ReLU(), torch.relu),
    "softplus": (Softplus(3.0), nn.Softplus(beta=3.0)),
    "cubic": (power(3), lambda z: z**3),
    "polynomial": (
        PolynomialActivation((0.1, 1.0, 0.5, -0.2)),
        lambda z: 0.1 + z + z**2 / 2 - z**3 / 5,
    ),
}


class Smoothed(torch.autograd.Function):
    """relu with sigmoid(150 z) behind, as a twin."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z):
        return z.clamp(min=0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        return gradient * (1 + torch.tanh(75 * ctx.saved_tensors[0])) / 2


ACTIVATIONS["smoothed"] = (ReLU(150.0), Smoothed.apply)


class Network(nn.Module):
    def __init__(self, theta, function):
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList()
        for layer in theta:
            out, into = layer.weight.shape
            linear = nn.Linear(into, out, bias=layer.bias is not None, dtype=layer.weight.dtype)
            linear.weight.data.copy_(layer.weight)
            if layer.bias is not None:
                linear.bias.data.copy_(layer.bias)
            self.layers.append(linear)

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.function(layer(x))
        return self.layers[-1](x)


def network(depth, *, biases=True, C=1, seed=0):
    widths = [*WIDTHS[:depth], C]
    theta = initial(widths, biases=[biases] * depth, scales=[0.6] * depth, seed=seed)
    generator = torch.Generator().manual_seed(seed + 100)
    for layer in theta:
        if layer.bias is not None:
            layer.bias.copy_(0.3 * torch.randn(layer.bias.shape, generator=generator))
    return theta


def candidates(k=4, d=5, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(k, d, generator=generator, dtype=torch.float64)
    return x, torch.rand(k, generator=generator, dtype=torch.float64) - 0.3


def generic(theta, function, delta, goal=None, first=0):
    """The torch.func map at theta, with the target ``goal``."""
    module = Network(theta, function)
    names = [n for n, _ in module.named_parameters() if int(n.split(".")[1]) >= first]
    tensors = [t for layer in (goal or theta)[first:] for t in layer.tensors()]
    target = dict(zip(names, tensors, strict=True))
    return ModuleMap(module, dict(module.named_parameters()), target, delta)


def close(found, expected):
    assert found.shape == expected.shape
    assert (found - expected).norm() <= 1e-10 * (expected.norm() + 1e-3)


def agree(explicit, other, x, weights):
    """combine, inner, gram, loss and both gradients of the loss."""
    direction = [t + 0.1 for t in explicit.target]
    for a, b in zip(explicit.combine(x, weights), other.combine(x, weights), strict=True):
        close(a, b)
    close(explicit.inner(x, direction), other.inner(x, direction))
    close(explicit.gram(x), other.gram(x))
    values, gradients = [], []
    for m in (explicit, other):
        points, multipliers = x.clone().requires_grad_(), weights.clone().requires_grad_()
        value = loss(m, points, multipliers)
        values.append(value.detach())
        gradients.append(torch.autograd.grad(value, (points, multipliers)))
    close(*values)
    for a, b in zip(*gradients, strict=True):
        close(a, b)


def ones(phi):
    return torch.ones_like(phi)
