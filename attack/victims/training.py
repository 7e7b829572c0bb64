"""Trains the networks under attack: full-batch gradient descent, with the start kept.

    theta_{t+1} = theta_t - rate (grad (1/n) sum_i loss(y_i, Phi(theta_t; x_i)) + decay theta_t)

or, normalised, with rate over the loss in front of its gradient.

With a logistic or an exponential loss theta tends in direction to a KKT point of the max-margin
problem, which is what the attack of Haim et al. 2022 assumes (and arXiv 2602.08723).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid, mse_loss, one_hot

from attack.data.dataset import DataInfo, Dataset
from attack.network.activations import Activation
from attack.network.mlp import Layer, initial, outputs
from attack.victims.config import (
    VictimConfig,
    activation_from_text,
    biased_layers,
    check_config,
    layer_widths,
)

RECORDS = 1000
"""The loss is recorded, and the end considered, this many times in a run."""

TINY = 1e-300
"""A loss below this is no longer divided by: its gradient is rounding, or 0."""

LossProgress: TypeAlias = Callable[[int, float], None]
"""Called with the step and the loss at every record."""

_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "logistic": lambda phi, y: -logsigmoid(y * phi[:, 0]).mean(),
    "exponential": lambda phi, y: torch.exp(-y * phi[:, 0]).mean(),
    "cross-entropy": cross_entropy,
    "squared": lambda phi, y: mse_loss(phi[:, 0], y),
}


@dataclass(frozen=True, slots=True, eq=False)
class Victim:
    """A trained network with all that is known about its training.

    Attributes:
        initial: theta_0.
        trained: theta.
        config: How it was trained.
        data: On what.
        losses: (records, 2), step and training loss, the decay not counted.
        margins: (n,), y_i Phi(x_i), or Phi_y - max_{j != y} Phi_j for several classes.
        seconds: Time of the training.
    """

    initial: tuple[Layer, ...]
    trained: tuple[Layer, ...]
    config: VictimConfig
    data: DataInfo
    losses: Tensor
    margins: Tensor
    seconds: float

    def to(self, device: str | torch.device) -> Victim:
        """The same with its weights on another device."""
        both = (self.initial, self.trained)
        initial, trained = (tuple(layer.to(device) for layer in layers) for layers in both)
        return replace(self, initial=initial, trained=trained)

    @property
    def activation(self) -> Activation:
        """sigma, with its true derivative."""
        return activation_from_text(self.config.activation)

    @property
    def biases(self) -> tuple[bool, ...]:
        """Whether each layer has a bias."""
        return tuple(layer.bias is not None for layer in self.trained)


def train_victim(
    dataset: Dataset, config: VictimConfig, progress: LossProgress | None = None
) -> Victim:
    """Return a network trained on all samples at once, where they are and in their precision.

    On a CPU it is the same, bit for bit, for the same seed and number of threads.

    Raises:
        ValueError: If the configuration is no such thing, does not fit the data, or diverges.
    """
    check_config(config, dataset.info.classes)
    began = time.perf_counter()
    start = initial_layers(dataset, config)
    sigma, x, y = activation_from_text(config.activation), dataset.x, dataset.labels
    theta = [Layer(*(t.clone().requires_grad_() for t in layer.tensors())) for layer in start]
    losses = _descend(
        [t for layer in theta for t in layer.tensors()],
        lambda: _LOSSES[config.loss](outputs(theta, sigma, x), y),
        config,
        progress or (lambda *_: None),
    )
    trained = tuple(layer.to(dataset.x.dtype) for layer in theta)
    return Victim(
        start,
        trained,
        config,
        dataset.info,
        torch.tensor(losses, dtype=torch.float64),
        margins(outputs(trained, sigma, x), y).cpu().double(),
        time.perf_counter() - began,
    )


def initial_layers(dataset: Dataset, config: VictimConfig) -> tuple[Layer, ...]:
    """theta_0 of a configuration, d-h-...-h-1 or d-h-...-h-C."""
    widths = layer_widths(config, dataset.x.shape[1], dataset.info.classes)
    he = [math.sqrt(2 / fan_in) for fan_in in widths[:-1]]
    haim = [1e-4, *(1 / math.sqrt(3 * fan_in) for fan_in in widths[1:-1])]
    layers = initial(
        widths,
        biases=biased_layers(config),
        scales=config.scales or {"he": he, "haim": haim}[config.init],
        seed=config.seed,
        dtype=dataset.x.dtype,
        device=dataset.x.device,
    )
    return tuple(layers)


def margins(phi: Tensor, labels: Tensor) -> Tensor:
    """Return (n,) margins, y_i Phi(x_i) or Phi_y - max_{j != y} Phi_j, negative for a mistake.

    The outputs phi are (n, C), the labels in {-1, +1} for one output, else class numbers.
    """
    if phi.shape[1] == 1:
        return labels * phi[:, 0]
    own = one_hot(labels, phi.shape[1]).bool()
    return phi[own] - phi.masked_fill(own, -math.inf).amax(1)


def _descend(
    tensors: list[Tensor],
    loss_of: Callable[[], Tensor],
    config: VictimConfig,
    progress: LossProgress,
) -> list[tuple[int, float]]:
    """Descend in place; a GPU is waited for at the records only."""
    every = max(1, config.steps // RECORDS)
    records: list[tuple[int, float]] = []
    for step in range(config.steps + 1):
        loss = loss_of()
        if step % every == 0 or step == config.steps:
            records.append((step, loss.item()))
            if not math.isfinite(records[-1][1]):
                break
            progress(*records[-1])
            if step == config.steps or records[-1][1] <= config.stop_loss:
                break
        gradients = torch.autograd.grad(loss, tensors)
        rate = config.rate / max(loss.item(), TINY) if config.normalise else config.rate
        with torch.no_grad():
            for t, g in zip(tensors, gradients, strict=True):
                if config.decay:
                    t.mul_(1 - config.rate * config.decay)
                t.add_(g, alpha=-rate)
    step, value = records[-1]
    if not math.isfinite(value) or not all(bool(t.isfinite().all()) for t in tensors):
        raise ValueError(
            f"rate: found {config.rate:g}, with which the loss is {value:g} at step {step} and the "
            "weights diverge; pass a smaller one, or smaller scales"
        )
    return records
