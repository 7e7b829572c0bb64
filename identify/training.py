"""What a caller knows of how the weights were trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LOSSES = ("squared", "cross-entropy", "logistic", "hinge", "exponential")
"""The losses that have a name here; the flow of a neuron needs none of them."""


_AGREE = 0.05
"""Relative difference up to which two decays are the same: rates may have been warmed up."""


@dataclass(frozen=True, slots=True)
class Training:
    """What is known of how the weights were trained; every field may be left out.

    What is given is used and tested against the weights: nothing is taken on trust that they
    contradict.

    Attributes:
        loss: One of "squared", "cross-entropy", "logistic", "hinge", "exponential".
        rate: Learning rate.
        momentum: Momentum beta of stochastic gradient descent, 0 <= beta < 1.
        weight_decay: Coupled weight decay, as ``torch.optim.SGD`` has it.
        steps: Number of steps.
        batch: Samples per step; None or 0 stands for all of them.
        targets: One target per sample, in any order.

    Raises:
        ValueError: If a field is unusable; names it, what was found and what to pass.
    """

    loss: str | None = None
    rate: float | None = None
    momentum: float | None = None
    weight_decay: float | None = None
    steps: int | None = None
    batch: int | None = None
    targets: Sequence[float] | None = None

    def __post_init__(self) -> None:
        if self.loss is not None and self.loss not in LOSSES:
            raise ValueError(
                f"training: loss: found {self.loss!r}; pass one of {', '.join(LOSSES)}, or None"
            )
        self._check_real("rate", 0, math.inf)
        self._check_real("momentum", -1e-300, 1)
        self._check_real("weight_decay", -1e-300, math.inf)
        self._check_count("steps", 1)
        self._check_count("batch", 0)
        if self.targets is not None:
            values = np.asarray(self.targets, dtype=object)
            if values.ndim != 1 or not len(values) or not all(map(_finite, values)):
                raise ValueError(
                    f"training: targets: found {self.targets!r:.80}; pass one finite number per "
                    "sample, or None"
                )

    def _check_real(self, name: str, above: float, below: float) -> None:
        value = getattr(self, name)
        if value is not None and not (_finite(value) and above < value < below):
            limit = f"below {below:g}" if below < math.inf else "finite"
            least = "a positive number" if above == 0 else "a number from 0 on"
            raise ValueError(f"training: {name}: found {value!r}; pass {least}, {limit}, or None")

    def _check_count(self, name: str, least: int) -> None:
        value = getattr(self, name)
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if value is not None and not (whole and value >= least):
            raise ValueError(
                f"training: {name}: found {value!r}; pass an int from {least} on, or None"
            )

    @property
    def full_batch_squared(self) -> bool:
        """Whether full batches on the squared loss are not excluded."""
        return self.loss in {None, "squared"} and not self.batch

    @property
    def decay(self) -> float | None:
        """The factor by which the initial weights decayed, where rate and steps tell it."""
        if self.weight_decay == 0:
            return 1.0
        if self.weight_decay is None or self.rate is None or self.steps is None:
            return None
        # with momentum every gradient, that of the decay included, acts 1 / (1 - beta) times
        return float((1 - self.rate * self.weight_decay / (1 - (self.momentum or 0))) ** self.steps)

    @property
    def lag(self) -> float | None:
        """How long the weights lag behind the gradients, as a share of the training."""
        if self.steps is None or self.momentum is None:
            return None
        return (0.5 + self.momentum / (1 - self.momentum)) / self.steps


UNKNOWN = Training()
"""Nothing is known."""


def contradictions(training: Training, decay: float) -> tuple[str, ...]:
    """Say where the weights, which decayed by a factor as found, contradict what was stated."""
    stated = training.decay
    if stated is None or abs(stated - decay) <= _AGREE * max(1 - stated, 1 - decay):
        return ()
    return (
        (
            "Stated rate, steps and weight decay shrink the initial weights by the factor "
            f"{stated:.6g}; the weights show {decay:.6g}. They were not trained as stated."
        ),
    )


def _finite(value: object) -> bool:
    real = isinstance(value, int | float | np.integer | np.floating)
    return real and not isinstance(value, bool) and math.isfinite(float(value))
