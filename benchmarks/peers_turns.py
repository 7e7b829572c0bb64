"""Two ways of one task timed in turn."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

from attack_twins import seconds


def in_turn(
    ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int
) -> tuple[dict[str, Any], Any, Any]:
    """Return medians with the range of the ratios theirs over ours, and both results."""
    found: list[list[Any]] = [[], []]
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for side, call in enumerate((ours, theirs)):
            times[side].append(
                seconds(lambda call=call, side=side: found[side].append(call()), "cpu")
            )
    ratios = sorted(b / a for a, b in zip(*times, strict=True))
    figures = {
        "seconds": median(times[0]),
        "peer_seconds": median(times[1]),
        "ratio": median(times[1]) / median(times[0]),
        "ratio_range": [ratios[0], ratios[-1]],
        "rounds": rounds,
    }
    return figures, found[0][0], found[1][0]
