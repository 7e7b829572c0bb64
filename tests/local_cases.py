"""Candidates of small networks, and the Jacobian of their equations formed in full."""

from __future__ import annotations

from dataclasses import replace

import torch

from attack.descent.levenberg import tangents
from attack.local.identifiability import local_identifiability
from attack.maps.mlp_map import Evaluation
from attack.network.activations import PolynomialActivation, ReLU, Softplus
from attack.network.mlp import Layer, initial

d, k = 6, 5
METHODS = ("dense", "iterative")


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def network(*widths, biases=True, seed=0):
    L = len(widths) - 1
    scales = [width**-0.5 for width in widths[:-1]]
    theta = initial(widths, biases=[biases] * L, scales=scales, seed=seed)
    for index, layer in enumerate(theta):
        if layer.bias is not None:
            layer.bias.copy_(0.5 * normal(*layer.bias.shape, seed=seed + index + 50))
    return theta


def solved(m, x, weights):
    """The same map with the target that the candidate reaches."""
    pieces = iter(m.combine(x, weights))
    evaluations = [
        Evaluation(
            e.theta,
            [Layer(next(pieces), None if t.bias is None else next(pieces)) for t in e.target],
            e.first,
        )
        for e in m.evaluations
    ]
    return replace(m, evaluations=evaluations)


def candidate(n=k, seed=3):
    return normal(n, d, seed=seed), 0.3 + normal(n, seed=seed + 1).abs()


def formed(m, x, weights):
    """J by the tangents of each sample by themselves: (P, k, d + 1)."""
    f, slopes = tangents(m, x)
    return torch.cat([weights[:, None, None] * slopes, f[:, :, None]], 2).transpose(0, 1)


def decide(m, x, weights, method="dense", **options):
    return local_identifiability(solved(m, x, weights), x, weights, method=method, **options)


ACTIVATIONS = {
    "relu": ReLU(None),
    "smoothed": ReLU(6.0),
    "softplus": Softplus(3.0),
    "polynomial": PolynomialActivation((0.1, 1.0, 0.5, -0.2)),
    "affine": PolynomialActivation((0.1, 1.0)),
}
