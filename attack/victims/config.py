"""How a victim is trained, and its activation by name.

Everything here is text and numbers, so that it can be stored beside the weights and typed on a
command line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attack.network.activations import Activation

BINARY_LOSSES = ("logistic", "exponential", "squared")
"""For two classes, labels -1 and +1, one output."""

ACTIVATIONS = (
    "relu, softplus:BETA with BETA > 0, power:ALPHA with ALPHA from 1 to 32, or "
    "polynomial:C0,C1,... that is not constant"
)
"""Those that have a name, in words."""

BIASED_LAYERS = ("first", "all", "none")
INITS = ("haim", "he")


@dataclass(frozen=True, slots=True)
class VictimConfig:
    """How a victim is trained; the defaults are those of the published code of Haim et al. 2022.

    It differs in two small things: there the first bias starts at 1e-4 N(0, 1), here at 0, and the
    weights behind the first layer are uniform, here Gaussian with the same deviation.
    """

    widths: tuple[int, ...] = (1000, 1000)
    """Hidden widths; 1000 and 1000 in Haim et al. 2022 and in arXiv 2602.08723, section 6.1."""
    activation: str = "relu"
    """relu (Haim et al.), softplus:BETA, power:ALPHA or polynomial:C0,C1,..."""
    loss: str = "logistic"
    """logistic (Haim et al.), exponential, squared (all two classes) or cross-entropy (ten)."""
    biases: str = "first"
    """Layers with a bias: first (Haim et al.), all or none; biases start at 0."""
    init: str = "haim"
    """haim: deviation 1e-4 in the first layer, torch's 1/sqrt(3 d) elsewhere; he: sqrt(2/d)."""
    scales: tuple[float, ...] = ()
    """Standard deviations of the layers' initial weights, in place of those of init."""
    rate: float = 0.01
    """Step size of gradient descent (Haim et al.)."""
    steps: int = 1_000_000
    """Steps of gradient descent (Haim et al.)."""
    stop_loss: float = 0.0
    """End at a loss this small; 0, as in Haim et al., never ends early."""
    normalise: bool = False
    """Divide each step by the loss: the way to the max margin, which takes time exponential in the
    margin by plain descent, takes linear time (Lyu and Li 2020). Not in Haim et al."""
    decay: float = 0.0
    """Weight decay, 0 in Haim et al.; the signed map of Buzaglo et al. 2023 needs some."""
    seed: int = 0
    """Draws the initial weights."""


def activation_from_text(text: str) -> Activation:
    """Return the activation relu, softplus:BETA, power:ALPHA or polynomial:C0,C1,...

    Raises:
        ValueError: If it is none of these.
    """
    from attack.network.activations import PolynomialActivation, ReLU, Softplus, power

    kind, _, rest = text.partition(":")
    try:
        if kind == "power" and 1 <= int(rest) <= 32:
            return power(int(rest))
        numbers = tuple(float(number) for number in rest.split(",")) if rest else ()
    except ValueError:
        numbers = (math.nan,)
    if all(map(math.isfinite, numbers)):
        if kind == "relu" and not rest:
            return ReLU()
        if kind == "softplus" and len(numbers) == 1 and numbers[0] > 0:
            return Softplus(numbers[0])
        if kind == "polynomial" and 2 <= len(numbers) <= 33 and any(numbers[1:]):
            return PolynomialActivation(numbers)
    raise ValueError(f"activation: found {text[:80]!r}; pass {ACTIVATIONS}")


def check_config(config: VictimConfig, classes: int) -> None:
    """Require a configuration that can be trained on 2 or 10 classes; ValueError if it is none."""
    activation_from_text(config.activation)
    fitting = BINARY_LOSSES if classes == 2 else ("cross-entropy",)
    layers, widths = len(config.widths) + 1, all(map(_countable, config.widths))
    given = len(config.scales) in {0, layers} and all(map(_positive, config.scales))
    losses = f"{' or '.join(fitting)}, for {classes} classes"
    checks = [
        ("widths", layers > 1 and widths, "one or more positive numbers"),
        ("loss", config.loss in fitting, losses),
        ("biases", config.biases in BIASED_LAYERS, " or ".join(BIASED_LAYERS)),
        ("init", config.init in INITS, " or ".join(INITS)),
        ("scales", given, f"{layers} positive numbers, one for each layer, or none"),
        ("rate", _positive(config.rate), "a positive number"),
        ("steps", _countable(config.steps), "a positive number"),
        ("stop_loss", 0 <= config.stop_loss < math.inf, "0 or more"),
        ("decay", 0 <= config.decay < math.inf, "0 or more"),
        ("seed", 0 <= config.seed < 2**63, "0 or more"),
    ]
    for name, right, wanted in checks:
        if not right:
            raise ValueError(f"{name}: found {getattr(config, name)!r}; pass {wanted}")


def layer_widths(config: VictimConfig, d: int, classes: int) -> list[int]:
    """d, h, ..., h and 1, or the number of classes for cross entropy."""
    return [d, *config.widths, classes if config.loss == "cross-entropy" else 1]


def biased_layers(config: VictimConfig) -> list[bool]:
    """Whether each layer has a bias."""
    layers = len(config.widths) + 1
    count = {"first": 1, "all": layers, "none": 0}[config.biases]
    return [index < count for index in range(layers)]


def _countable(number: int) -> bool:
    return 0 < number < 2**63


def _positive(number: float) -> bool:
    return 0 < number < math.inf
