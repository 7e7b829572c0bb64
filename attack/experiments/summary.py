"""What a comparison came to, in sentences: a negative result is written like a positive one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attack.experiments.comparison import Comparison
from attack.metrics.matching import FOUND
from identify.rendering.words import number

HELPED, WORSE = "Splitting helped", "Splitting made it worse"
MIXED, SAME = "Mixed result", "Splitting changed nothing"


def summarise(comparisons: Sequence[Comparison]) -> list[str]:
    """Say what came out over all seeds together.

    Splitting helped where more samples improved than got worse and the mean moved the same way; it
    made things worse where both point the other way; everything else is mixed.

    Args:
        comparisons: One per seed, all of one metric.

    Returns:
        The verdict in a few words, then the numbers behind it.
    """
    metric = comparisons[0].metric
    wins, losses = sum(c.wins for c in comparisons), sum(c.losses for c in comparisons)
    total = sum(len(c.gain) for c in comparisons)
    ahead, seeds = sum(c.wins > c.losses for c in comparisons), len(comparisons)
    before, after = means(comparisons)
    change = after - before
    counts = (
        f"Splitting improved {wins} of {total} true samples ({wins / total:.0%}), made {losses} "
        f"worse and left {total - wins - losses} as they were. More samples improved than got "
        f"worse for {ahead} of {seeds} {'seed' if seeds == 1 else 'seeds'}."
    )
    mean = (
        f"The mean {metric.name} went from {number(before)} to {number(after)}, a change of "
        f"{number(change)}; {'higher' if metric.higher else 'lower'} is better."
    )
    verdict = _verdict(wins, losses, change if metric.higher else -change)
    return [verdict, counts, mean, _found(comparisons, total), *_remarks(comparisons)]


def means(comparisons: Sequence[Comparison]) -> tuple[float, float]:
    """Mean metric without and with splitting, over the samples with a partner on both sides.

    Args:
        comparisons: One per seed.

    Returns:
        Two means, both NaN where there is no such sample.
    """
    before = np.concatenate([c.before.values for c in comparisons])
    after = np.concatenate([c.after.values for c in comparisons])
    both = ~np.isnan(before) & ~np.isnan(after)
    if not both.any():
        return float("nan"), float("nan")
    return float(before[both].mean()), float(after[both].mean())


def _verdict(wins: int, losses: int, gain: float) -> str:
    if wins == losses == 0:
        return SAME
    if wins > losses and gain > 0:
        return HELPED
    return WORSE if wins < losses and gain < 0 else MIXED


def _found(comparisons: Sequence[Comparison], total: int) -> str:
    before, after = (
        sum(side.found for side in sides)
        for sides in ([c.before for c in comparisons], [c.after for c in comparisons])
    )
    return (
        f"Found, at a cosine of {FOUND} or more with a candidate of its own: {before} of {total} "
        f"without splitting, {after} with it."
    )


def _remarks(comparisons: Sequence[Comparison]) -> list[str]:
    remarks = []
    lonely = sum(int(np.isinf(c.gain).sum()) for c in comparisons)
    if lonely:
        remarks.append(
            f"{lonely} of these samples have a partner in one run only; they count as improved or "
            "made worse accordingly, and the mean leaves them out."
        )
    before, after = sum(c.before.k for c in comparisons), sum(c.after.k for c in comparisons)
    if before != after and comparisons[0].matching == "nearest":
        remarks.append(
            f"The runs ended with {before} candidates without splitting and {after} with it. Each "
            "true sample was compared with its nearest candidate, and the nearest of more "
            "candidates is nearer whatever the method does."
        )
    return remarks
