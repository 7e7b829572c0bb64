"""What ``reconstruct`` accepts as a network, brought into one of two forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import torch
from torch import nn

from attack.network.activations import Activation
from attack.network.checks import check_layers
from attack.network.mlp import Layer, Parameters
from attack.network.torch_layers import chain_of_layers
from attack.networks import LayeredNetwork, ModuleNetwork


@runtime_checkable
class TrainedNetwork(Protocol):
    """A network that knows its layers after and, perhaps, before training, as a ``Victim`` does."""

    @property
    def initial(self) -> Parameters | None:
        """theta_0, where it is known."""
        ...

    @property
    def trained(self) -> Parameters:
        """Theta."""
        ...

    @property
    def activation(self) -> Activation:
        """Sigma."""
        ...


Source: TypeAlias = TrainedNetwork | nn.Module | Sequence[Layer]
"""A trained network, with what is known of it."""


def read_network(
    model: Source, init: Source | None, activation: Activation | None, dtype: torch.dtype
) -> LayeredNetwork | ModuleNetwork:
    """Read the network after and before training; an activation is for lists of layers only."""
    if isinstance(model, nn.Module) and chain_of_layers(model) is None:
        return _module_network(model, init, dtype)
    trained, sigma = _read("model", model, activation)
    before: Parameters | None = None
    if init is not None:
        before = _read("init", init, activation)[0]
    elif isinstance(model, TrainedNetwork) and not isinstance(model, nn.Module):
        before = model.initial
    before = None if before is None else _cast(before, dtype)
    return LayeredNetwork(_cast(trained, dtype), before, sigma)


def _read(
    name: str, source: Source, activation: Activation | None
) -> tuple[Parameters, Activation]:
    if isinstance(source, nn.Module):
        found = chain_of_layers(source)
        if found is None:
            raise ValueError(f"{name}: found {type(source).__name__}; pass a network like model")
        return found
    if isinstance(source, TrainedNetwork):
        return source.trained, source.activation
    if not isinstance(source, Sequence) or not all(isinstance(one, Layer) for one in source):
        raise ValueError(
            f"{name}: found {type(source).__name__}; pass a Victim, a torch module or a list of "
            "attack.Layer"
        )
    check_layers(name, source)
    if activation is None:
        raise ValueError(
            "activation: found None; pass that of the layers, from attack.network.activations"
        )
    return source, activation


def _module_network(module: nn.Module, init: Source | None, dtype: torch.dtype) -> ModuleNetwork:
    if init is not None and not isinstance(init, nn.Module):
        raise ValueError(f"init: found {type(init).__name__}; pass a module like model")
    module = module.to(dtype)
    trained = {name: t.detach() for name, t in module.named_parameters()}
    if not trained:
        raise ValueError(f"model: found {type(module).__name__} without parameters; pass a network")
    initial = None
    if init is not None:
        initial = {name: t.detach().to(dtype) for name, t in init.named_parameters()}
        if {n: t.shape for n, t in initial.items()} != {n: t.shape for n, t in trained.items()}:
            raise ValueError("init: found other parameters than model has; pass it before training")
    first = next((part for part in module.modules() if isinstance(part, nn.Linear)), None)
    if first is None:
        raise ValueError("model: found no linear layer that tells the input dimension; pass one")
    with torch.no_grad():
        outputs = module(next(iter(trained.values())).new_zeros(1, first.in_features))
    return ModuleNetwork(module, trained, initial, first.in_features, outputs.shape[1])


def _cast(layers: Parameters, dtype: torch.dtype) -> list[Layer]:
    return [layer.to(dtype) for layer in layers]
