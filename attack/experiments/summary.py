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
    """Return what came out over all seeds: the verdict first, then the numbers behind it.

    Splitting helped where more samples improved than got worse and the mean moved the same way; it
    made things worse where both point the other way; everything else is mixed. All comparisons are
    of one metric.
    """
    metric = comparisons[0].metric
    wins, losses = sum(c.wins for c in comparisons), sum(c.losses for c in comparisons)
    total = sum(len(c.truth) for c in comparisons)
    ahead, seeds = sum(c.wins > c.losses for c in comparisons), len(comparisons)
    before, after = _means(comparisons)
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


def against_truth(comparisons: Sequence[Comparison]) -> str:
    """Say whether the runs ended above or below the loss that the truth has."""
    ends = [
        (c.loss_at_truth, c.without.history[-1].loss, c.with_.history[-1].loss) for c in comparisons
    ]
    truth, before, after = np.array(ends).T
    below = int((before < truth).sum()), int((after < truth).sum())
    said = (
        f"The mean loss at the end was {before.mean():.2g} without splitting, {after.mean():.2g} "
        f"with it; the true samples with their best multipliers have {truth.mean():.2g}. Below the "
        f"loss of the truth ended {below[0]} of {len(comparisons)} runs without splitting and "
        f"{below[1]} with it"
    )
    return f"{said}: there a better fit is no longer a nearer one." if any(below) else f"{said}."


def _means(comparisons: Sequence[Comparison]) -> tuple[float, float]:
    """Mean metric without and with splitting, over the samples with a partner on both sides."""
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
        sum(c.before.found for c in comparisons),
        sum(c.after.found for c in comparisons),
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
