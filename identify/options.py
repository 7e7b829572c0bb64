"""The options of :func:`identify.verify_identifiability`, validated."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from identify.training import UNKNOWN, Training


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller knows besides the weights, and how to run.

    Attributes:
        n_samples: Number of samples, or None.
        unit_norm: Whether the samples have norm 1, or None.
        margin: kkt: the common margin of the active samples, or None.
        certify: Also compute exact certificates.
        seed: Seed of every random choice.
        progress: Called with the name of the step under way and its relative residual, or nan.
        training: What is known of how the weights were trained.
    """

    n_samples: int | None = None
    unit_norm: bool | None = None
    margin: float | None = None
    certify: bool = False
    seed: int = 0
    progress: Callable[[str, float], None] | None = None
    training: Training = UNKNOWN

    def report(self, step: str, residual: float = math.nan) -> None:
        """Pass a step and its relative residual (nan: none) on to the caller's progress display."""
        if self.progress is not None:
            self.progress(step, residual)


def check_options(options: Options, setting: str) -> Options:
    """Return the options, each usable in the setting; a ValueError names the first that is not."""
    n, margin, seed = options.n_samples, options.margin, options.seed
    if n is not None and not (_is_integer(n) and n >= 1):
        raise ValueError(f"n_samples: found {n!r}; pass a positive int, or None to estimate it")
    if options.unit_norm is not None and not isinstance(options.unit_norm, bool | np.bool_):
        raise ValueError(f"unit_norm: found {options.unit_norm!r}; pass True, False or None")
    if margin is not None:
        if not _is_real(margin) or not 0 < margin < 1e300:
            raise ValueError(f"margin: found {margin!r}; pass a positive number, or None")
        if setting != "kkt":
            raise ValueError(
                f"margin: found {margin:g} in the {setting} setting, where no margin enters; pass "
                "margin only without init"
            )
    if not (_is_integer(seed) and seed >= 0):
        raise ValueError(f"seed: found {seed!r}; pass a non-negative int")
    training = options.training
    if not isinstance(training, Training):
        raise ValueError(f"training: found {training!r:.80}; pass a Training, or None")
    if training != UNKNOWN and setting != "known-init":
        raise ValueError(
            f"training: found {training} in the {setting} setting; pass it with init=(a0, W0)"
        )
    targets = training.targets
    if targets is not None and n is not None and len(targets) != n:
        raise ValueError(
            f"training: targets: found {len(targets)} of them, but n_samples={n}; pass one each"
        )
    return options if targets is None else replace(options, n_samples=len(targets))


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_real(value: object) -> bool:
    return _is_integer(value) or isinstance(value, float | np.floating)
