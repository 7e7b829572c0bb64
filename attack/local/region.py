"""How far a candidate is from the kinks of an exact relu, where the map is not differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

from attack.maps.mlp_map import MLPMap
from attack.maps.protocol import Map
from attack.network.activations import ReLU
from attack.network.mlp import forward


def region_margin(reconstruction: Map, x: Tensor) -> Tensor | None:
    """How far each sample of x (k, d) is from the next kink, (k,); None for other maps."""
    # the smallest |z_j| / (|W_j| |h| + |c_j|) over all hidden units j
    if not isinstance(reconstruction, MLPMap) or reconstruction.activation != ReLU(None):
        return None
    least = torch.full_like(x[:, 0], torch.inf)
    for e in reconstruction.evaluations:
        trace = forward(e.theta, reconstruction.activation, x)
        for layer, h, z in zip(e.theta[:-1], trace.inputs, trace.z, strict=False):
            size = h.norm(dim=1)[:, None] * layer.weight.norm(dim=1)
            size = size if layer.bias is None else size + layer.bias.abs()
            ratio = z.abs() / torch.where(size > 0, size, 1.0)
            least = torch.minimum(least, torch.where(size > 0, ratio, torch.inf).amin(1))
    return least
