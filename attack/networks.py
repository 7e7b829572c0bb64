"""The two forms of a network under attack, with the map of each objective on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn

from attack.maps.any_module import ModuleMap
from attack.maps.objectives import (
    kkt,
    label_outputs,
    margin_outputs,
    multiclass,
    ntk,
    random_features,
    signed,
)
from attack.maps.protocol import Map
from attack.network.activations import Activation
from attack.network.mlp import Parameters

Objective: TypeAlias = Literal["kkt", "multiclass", "signed", "ntk", "random-features"]
"""Haim et al. 2022; Buzaglo et al. 2023, two of them; Loo et al. 2024; Iurada et al. 2025."""

OBJECTIVES: tuple[str, ...] = get_args(Objective)
"""Their names."""

CHANGES = ("ntk", "random-features")
"""Objectives whose target is the change of the weights."""

ENDS = ("initial", "trained")
"""Where gradients of a module of any kind can be taken."""


@dataclass(frozen=True, slots=True)
class KernelEquations:
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
class LayeredNetwork:
    """A fully connected network: theta, theta_0 where it is known, and sigma."""

    trained: Parameters
    initial: Parameters | None
    activation: Activation

    def to(self, where: str | torch.device | torch.dtype) -> LayeredNetwork:
        """The same on another device or in another precision."""
        before = None if self.initial is None else [layer.to(where) for layer in self.initial]
        return LayeredNetwork([layer.to(where) for layer in self.trained], before, self.activation)

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

    def map(
        self, objective: Objective, labels: Tensor, sigma: Activation, equations: KernelEquations
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
class ModuleNetwork:
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

    def map(self, objective: Objective, labels: Tensor, equations: KernelEquations) -> Map:
        """The map of an objective, with true derivatives, at one point and of all equations."""
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
