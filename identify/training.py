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

_LAGS = 3.0
"""Factor up to which two lags are the same; momentum 0.9 is a factor 19. Where residuals fall early
the training that shows is shorter than its steps, and the share larger: never smaller."""

_COMMON = 0.01
"""Rounding of float32 leaves less than a thousandth of the last layer's change in common."""

NOT_SO = "They were not trained as stated."


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


@dataclass(frozen=True, slots=True)
class Shown:
    """What the weights show of a training, None where they do not tell.

    Attributes:
        decay: Factor by which the initial weights decayed.
        samples: Linearly independent samples whose influence stands above the noise.
        room: Largest number of samples that would have left a gap in the spectrum, where none is.
        lag: How long the weights lag behind the gradients, as a share of the training, and how
            well it is known.
        outputs: Number of outputs.
        common: Share of the last layer's change that all outputs have in common.
    """

    decay: float | None = None
    samples: int | None = None
    room: int | None = None
    lag: tuple[float, float] | None = None
    outputs: int = 1
    common: float | None = None


def contradictions(training: Training, shown: Shown, n_samples: int | None) -> tuple[str, ...]:
    """Say where the weights contradict what was stated.

    Args:
        training: What was stated of the training.
        shown: What the weights show.
        n_samples: Number of samples stated, or None.

    Returns:
        Full sentences, none where nothing is contradicted.
    """
    found = (
        _by_decay(training, shown),
        _by_count(training, shown),
        _by_gap(training, shown, n_samples),
        _by_lag(training, shown),
        _by_loss(training, shown),
    )
    return tuple(f"{sentence} {NOT_SO}" for sentence in found if sentence is not None)


def _by_decay(training: Training, shown: Shown) -> str | None:
    stated, decay = training.decay, shown.decay
    if stated is None or decay is None:
        return None
    if abs(stated - decay) <= _AGREE * max(1 - stated, 1 - decay):
        return None
    return (
        "Stated rate, steps and weight decay shrink the initial weights by the factor "
        f"{stated:.6g}; the weights show {decay:.6g}."
    )


def _by_count(training: Training, shown: Shown) -> str | None:
    """A step adds the rank of its batch at the most."""
    if not training.batch or training.steps is None or shown.samples is None:
        return None
    most = training.batch * training.steps
    if shown.samples <= most:
        return None
    return (
        f"Stated, {training.steps} steps on {training.batch} samples each use {most} samples at "
        f"the most; {shown.samples} stand above the noise."
    )


def _by_gap(training: Training, shown: Shown, n_samples: int | None) -> str | None:
    """Gradient descent on few samples leaves a gap, whatever its rate and momentum."""
    stated = any(f is not None for f in (training.rate, training.momentum, training.weight_decay))
    if not stated or n_samples is None or shown.room is None or n_samples > shown.room:
        return None
    return (
        f"Stochastic gradient descent on the {n_samples} samples stated changes the first layer in "
        "as many directions, and its spectrum has a gap; none shows. Adam, or added noise, leaves "
        "none."
    )


def _by_lag(training: Training, shown: Shown) -> str | None:
    stated = training.lag
    if stated is None or shown.lag is None:
        return None
    found, error = shown.lag
    if found >= stated / _LAGS - error:
        return None
    return (
        f"Stated steps and momentum make the weights lag behind the gradients by {stated:.1e} of "
        f"the training at least; the flow shows {found:.1e}."
    )


def _by_loss(training: Training, shown: Shown) -> str | None:
    """The residuals of softmax and cross-entropy add up to 0 over the outputs."""
    if training.loss != "cross-entropy":
        return None
    if shown.outputs < 2:
        return "Stated is cross-entropy, which needs two outputs; the network has one."
    if shown.common is None or shown.common <= _COMMON:
        return None
    return (
        "With the cross-entropy stated the changes of all outputs add up to 0, but for their "
        f"common decay; here {shown.common:.1%} of them are left."
    )


def _finite(value: object) -> bool:
    real = isinstance(value, int | float | np.integer | np.floating)
    return real and not isinstance(value, bool) and math.isfinite(float(value))
