"""The layers of a torch module that is a chain of linear layers with one activation."""

from __future__ import annotations

from torch import nn

from attack.network.activations import Activation, ReLU, Softplus
from attack.network.mlp import Layer, Parameters


def chain_of_layers(module: nn.Module) -> tuple[Parameters, Activation] | None:
    """Layers and activation of a plain network; None for any other module."""
    if not isinstance(module, nn.Sequential):
        return None
    parts = [part for part in module if not isinstance(part, (nn.Flatten, nn.Identity))]
    linear, between = parts[::2], parts[1::2]
    if not all(type(part) is nn.Linear for part in linear) or len(linear) != len(between) + 1:
        return None
    activations = [_activation_of(part) for part in between]
    if not activations or activations[0] is None or len(set(activations)) > 1:
        return None
    layers: list[Layer] = []
    for part in linear:
        assert isinstance(part, nn.Linear)
        bias = None if part.bias is None else part.bias.detach()
        layers.append(Layer(part.weight.detach(), bias))
    return layers, activations[0]


def _activation_of(part: nn.Module) -> Activation | None:
    if type(part) is nn.ReLU:
        return ReLU()
    if type(part) is nn.Softplus and part.beta > 0:
        return Softplus(part.beta)
    return None
