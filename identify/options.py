"""The options of :func:`identify.verify_identifiability`, validated."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


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
    """

    n_samples: int | None = None
    unit_norm: bool | None = None
    margin: float | None = None
    certify: bool = False
    seed: int = 0
    progress: Callable[[str, float], None] | None = None

    def report(self, step: str, residual: float = math.nan) -> None:
        """Pass a step on to the caller's progress display.

        Args:
            step: Name of the step.
            residual: Relative residual, or nan.
        """
        if self.progress is not None:
            self.progress(step, residual)


def check_options(options: Options, setting: str) -> Options:
    """Validate the options against the setting.

    Args:
        options: As the caller passed them.
        setting: "kkt", "known-init" or "random-features".

    Returns:
        The same options.

    Raises:
        ValueError: If one is unusable; names it, what was found and what to pass.
    """
    n, margin, seed = options.n_samples, options.margin, options.seed
    if n is not None and (isinstance(n, bool) or not hasattr(n, "__index__") or n < 1):
        raise ValueError(f"n_samples: found {n!r}; pass a positive int, or None to estimate it")
    if options.unit_norm not in {None, True, False}:
        raise ValueError(f"unit_norm: found {options.unit_norm!r}; pass True, False or None")
    if margin is not None:
        number = isinstance(margin, int | float) and not isinstance(margin, bool)
        if not number or not (math.isfinite(margin) and margin > 0):
            raise ValueError(f"margin: found {margin!r}; pass a positive number, or None")
        if setting != "kkt":
            raise ValueError(
                f"margin: found {margin:g} in the {setting} setting, where no margin enters; pass "
                "margin only without init"
            )
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0:
        raise ValueError(f"seed: found {seed!r}; pass a non-negative int")
    return options
