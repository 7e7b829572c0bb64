"""Two runs from the same start, one with splitting and one without, sample by sample.

Splitting ends with more candidates than it began with, and the nearest of many is nearer than the
nearest of few whatever the method does. A comparison therefore carries both numbers of candidates,
and one-to-one matching is there for runs whose numbers are alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from attack.descent.result import Reconstruction
from attack.metrics.matching import Matched, Matching, match_and_measure
from attack.metrics.vectors import Metric, Symmetry
from identify.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The same true samples, reconstructed without and with splitting.

    Attributes:
        truth: (n, d) true samples.
        without: The run without splitting.
        with_: The run with it.
        metric: What is compared.
        matching: How each true sample got its partner, in each run by itself.
        symmetry: What the map leaves open.
        before: Without splitting.
        after: With splitting.
        tolerance: Changes up to this are neither a win nor a loss.
        loss_at_truth: The loss of the true samples with the best multipliers, NaN if it was not
            computed. A run that ends below it fits the weights better than the truth does.
    """

    truth: Tensor
    without: Reconstruction
    with_: Reconstruction
    metric: Metric
    matching: Matching
    symmetry: Symmetry
    before: Matched
    after: Matched
    tolerance: float = 0.0
    loss_at_truth: float = math.nan

    @property
    def gain(self) -> FloatArray:
        """(n,) change towards better; infinite where only one of the two has a partner."""
        before, after = self.before.values, self.after.values
        gain = (after - before) * (1 if self.metric.higher else -1)
        gain = np.where(np.isnan(before) & ~np.isnan(after), np.inf, gain)
        gain = np.where(np.isnan(after) & ~np.isnan(before), -np.inf, gain)
        return np.where(np.isnan(gain), 0.0, gain)

    @property
    def sign(self) -> IntArray:
        """(n,), 1 where splitting improved a sample, -1 where it made it worse, 0 elsewhere."""
        gain = self.gain
        return (gain > self.tolerance).astype(int) - (gain < -self.tolerance)

    @property
    def wins(self) -> int:
        """Samples that splitting improved."""
        return int((self.sign > 0).sum())

    @property
    def losses(self) -> int:
        """Samples that splitting made worse."""
        return int((self.sign < 0).sum())

    @property
    def ties(self) -> int:
        """The others."""
        return int((self.sign == 0).sum())

    @property
    def share_improved(self) -> float:
        """Wins over all true samples."""
        return self.wins / len(self.truth)

    @property
    def mean_change(self) -> float:
        """Mean of after - before, in the metric's own sign, where both have a partner; or NaN."""
        change = self.after.values - self.before.values
        return float(np.nanmean(change)) if np.isfinite(change).any() else math.nan


def compare_runs(
    truth: Tensor,
    without: Reconstruction,
    with_: Reconstruction,
    metric: Metric,
    *,
    matching: Matching = "nearest",
    symmetry: Symmetry = "none",
    tolerance: float = 0.0,
    loss_at_truth: float = math.nan,
) -> Comparison:
    """Return a comparison of two runs; the arguments are the fields of ``Comparison``.

    Raises:
        ValueError: If the runs have different seeds.
    """
    if without.seed != with_.seed:
        seeds = f"{without.seed} and {with_.seed}"
        raise ValueError(f"without, with_: found seeds {seeds}; pass runs from the same start")
    before, after = (
        match_and_measure(truth, run.x, metric, matching=matching, symmetry=symmetry)
        for run in (without, with_)
    )
    return Comparison(
        truth, without, with_, metric, matching, symmetry, before, after, tolerance, loss_at_truth
    )


def top_samples(comparison: Comparison, count: int = 25) -> list[int]:
    """Return the true samples to be shown; figure 1 of arXiv 2602.08723 shows 25.

    They are those that came out best, the largest gain first. The better of the two runs decides,
    so that samples which splitting made worse are shown as well.
    """
    best = np.fmax if comparison.metric.higher else np.fmin
    value = best(comparison.before.values, comparison.after.values)
    order = np.argsort(-value if comparison.metric.higher else value, kind="stable")
    chosen = order[np.isfinite(value[order])][:count]
    return chosen[np.argsort(-comparison.gain[chosen], kind="stable")].tolist()


def event_steps(run: Reconstruction, *kinds: str) -> list[int]:
    """The steps at which something of these kinds happened, each once, in their order."""
    return sorted({event.step for event in run.events if event.kind in kinds})


def loss_ratio(run: Reconstruction) -> float:
    """The last loss over the first; NaN where the first is 0."""
    first = run.history[0].loss
    return run.history[-1].loss / first if first else math.nan
