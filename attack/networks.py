"""What ``reconstruct`` accepts as a network, and the map of each objective on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn

from attack.maps.any_module import ModuleMap
from attack.maps.mlp_maps import (
    Map,
    kkt,
    label_outputs,
    margin_outputs,
    multiclass,
    ntk,
    random_features,
    signed,
)
from attack.network.activations import Activation, ReLU, Softplus
from attack.network.checks import check_layers
from attack.network.mlp import Layer, Parameters
from attack.victims.training import Victim

Objective: TypeAlias = Literal["kkt", "multiclass", "signed", "ntk", "random-features"]
"""Haim et al. 2022; Buzaglo et al. 2023, two of them; Loo et al. 2024; Iurada et al. 2025."""

Source: TypeAlias = Victim | nn.Module | Sequence[Layer]
"""A trained network, with what is known of it."""

ENDS = ("initial", "trained")
"""Where gradients of a module of any kind can be taken."""

CHANGES = ("ntk", "random-features")
"""Objectives whose target is the change of the weights."""


@dataclass(frozen=True, slots=True)
class Equations:
    """Which equations of "ntk" are used.

    Attributes:
        at: Where gradients are taken: "initial", "trained" or "both" (Loo et al. 2024), or at the
            "midpoint" of the two.
        last_layer: Use those of the last layer only (Tansley et al.).
        subspace: Candidates live in the row space of the change of the first layer, where all
            samples lie after full-batch training without weight decay (Tansley et al.).
    """

    at: Literal["initial", "trained", "midpoint", "both"] = "initial"
    last_layer: bool = False
    subspace: bool = False


@dataclass(frozen=True, slots=True)
class Layers:
    """A fully connected network.

    Attributes:
        trained: theta.
        initial: theta_0, if it is known.
        activation: sigma.
    """

    trained: Parameters
    initial: Parameters | None
    activation: Activation

    @property
    def example(self) -> Tensor:
        """A weight, for type and device."""
        return self.trained[0].weight

    @property
    def dimension(self) -> int:
        """The input dimension d."""
        return self.example.shape[1]

    @property
    def classes(self) -> int:
        """Number of outputs."""
        return len(self.trained[-1].weight)

    def to(self, dtype: torch.dtype) -> Layers:
        """The same in another precision."""
        initial = None if self.initial is None else _cast(self.initial, dtype)
        return Layers(_cast(self.trained, dtype), initial, self.activation)

    def map(
        self, objective: Objective, labels: Tensor, sigma: Activation, equations: Equations
    ) -> Map:
        """The map of an objective, with sigma in place of the activation."""
        if objective == "kkt":
            return kkt(self.trained, sigma, labels)
        if objective == "multiclass":
            return multiclass(self.trained, sigma, labels)
        if objective == "signed":
            return signed(self.trained, sigma)
        assert self.initial is not None
        if objective == "random-features":
            return random_features(self.initial, self.trained, sigma)
        last = equations.last_layer
        return ntk(self.initial, self.trained, sigma, at=equations.at, last_layer=last)


@dataclass(frozen=True, slots=True)
class AnyModule:
    """A module of any kind.

    Attributes:
        module: Maps (k, d) to (k, C).
        trained: theta by name.
        initial: theta_0 by name, if it is known.
        dimension: d.
        classes: C.
    """

    module: nn.Module
    trained: Mapping[str, Tensor]
    initial: Mapping[str, Tensor] | None
    dimension: int
    classes: int

    @property
    def example(self) -> Tensor:
        """A weight, for type and device."""
        return next(iter(self.trained.values()))

    def map(self, objective: Objective, labels: Tensor, equations: Equations) -> Map:
        """The map of an objective, with true derivatives.

        Args:
            objective: All but "random-features".
            labels: (k,).
            equations: Gradients are taken at one point, and all equations used.

        Returns:
            The map.

        Raises:
            ValueError: If equations are asked for that need layers.
        """
        if objective == "random-features" or equations.last_layer or equations.at not in ENDS:
            raise ValueError(
                f"model: found {type(self.module).__name__}, with no layers to be told apart; pass "
                "a torch.nn.Sequential of linear layers and one activation"
            )
        if objective == "ntk":
            assert self.initial is not None
            goal = {name: t - self.initial[name] for name, t in self.trained.items()}
            where = self.initial if equations.at == "initial" else self.trained
            return ModuleMap(self.module, where, goal, torch.ones_like)
        outputs = {
            "kkt": label_outputs,
            "multiclass": lambda labels: margin_outputs(labels, self.classes),
            "signed": lambda _: torch.ones_like,
        }[objective](labels)
        return ModuleMap(self.module, self.trained, self.trained, outputs)


def read_network(
    model: Source, init: Source | None, activation: Activation | None, dtype: torch.dtype
) -> Layers | AnyModule:
    """Bring what the user has into one of two forms.

    Args:
        model: The trained network.
        init: The network before training, of the same kind; None takes that of a victim.
        activation: For lists of layers only.
        dtype: Precision.

    Returns:
        The network.

    Raises:
        ValueError: If it is none, or the two do not fit together.
    """
    if isinstance(model, nn.Module) and _layers_of(model) is None:
        return _any_module(model, init, dtype)
    trained, sigma = _read("model", model, activation)
    if isinstance(model, Victim) and init is None:
        initial: Parameters | None = model.initial
    else:
        initial = None if init is None else _read("init", init, activation)[0]
    return Layers(trained, initial, sigma).to(dtype)


def _read(
    name: str, source: Source, activation: Activation | None
) -> tuple[Parameters, Activation]:
    if isinstance(source, Victim):
        return source.trained, source.activation
    if isinstance(source, nn.Module):
        found = _layers_of(source)
        if found is None:
            raise ValueError(f"{name}: found {type(source).__name__}; pass a network like model")
        return found
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


def _layers_of(module: nn.Module) -> tuple[Parameters, Activation] | None:
    """Layers and activation of a plain network; None for any other module."""
    if not isinstance(module, nn.Sequential):
        return None
    parts = [part for part in module if not isinstance(part, (nn.Flatten, nn.Identity))]
    linear, between = parts[::2], parts[1::2]
    if not all(type(part) is nn.Linear for part in linear) or len(linear) != len(between) + 1:
        return None
    activations = [_activation_of(part) for part in between]
    if not activations or None in activations or len(set(activations)) > 1:
        return None
    layers: list[Layer] = []
    for part in linear:
        assert isinstance(part, nn.Linear)
        bias = None if part.bias is None else part.bias.detach()
        layers.append(Layer(part.weight.detach(), bias))
    assert activations[0] is not None
    return layers, activations[0]


def _activation_of(part: nn.Module) -> Activation | None:
    if type(part) is nn.ReLU:
        return ReLU()
    if type(part) is nn.Softplus and part.beta > 0:
        return Softplus(part.beta)
    return None


def _any_module(module: nn.Module, init: Source | None, dtype: torch.dtype) -> AnyModule:
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
    return AnyModule(module, trained, initial, first.in_features, outputs.shape[1])


def _cast(layers: Parameters, dtype: torch.dtype) -> list[Layer]:
    return [Layer(*(t.detach().to(dtype) for t in layer.tensors())) for layer in layers]


OBJECTIVES: tuple[str, ...] = get_args(Objective)
"""Their names."""
