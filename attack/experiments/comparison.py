"""Two runs from the same start, one with splitting and one without, sample by sample.

Splitting ends with more candidates than it began with, and the nearest of many is nearer than the
nearest of few whatever the method does. A comparison therefore carries both numbers of candidates,
and one-to-one matching is there for runs whose numbers are alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from attack.metrics.matching import Matched, Matching, evaluate
from attack.metrics.vectors import Metric, Symmetry
from identify.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What one reconstruction left behind.

    Attributes:
        name: For instance "without splitting".
        seed: Seed of the start.
        x: (k, d) candidates at the end.
        weights: (k,) multipliers.
        steps: (T,) steps at which the loss was recorded.
        losses: (T,).
        metric_steps: (M,) steps at which the metric was recorded.
        metric: (M, n), one column per true sample; (0, 0) where the truth is not known.
        split_steps: Steps at which samples were split.
        merge_steps: Steps at which samples were merged.
        seconds: Wall time.
    """

    name: str
    seed: int
    x: Tensor
    weights: Tensor
    steps: IntArray
    losses: FloatArray
    metric_steps: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    metric: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    split_steps: tuple[int, ...] = ()
    merge_steps: tuple[int, ...] = ()
    seconds: float = float("nan")

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or self.weights.shape != self.x.shape[:1]:
            shapes = f"{tuple(self.x.shape)} and {tuple(self.weights.shape)}"
            raise ValueError(f"x, weights: found shapes {shapes}; pass (k, d) and (k,)")
        if not len(self.steps) or np.shape(self.steps) != np.shape(self.losses):
            shapes = f"{np.shape(self.steps)} and {np.shape(self.losses)}"
            raise ValueError(f"steps, losses: found shapes {shapes}; pass (T,) twice, T >= 1")
        if self.metric.ndim != 2 or len(self.metric) != len(self.metric_steps):
            shapes = f"{np.shape(self.metric_steps)} and {np.shape(self.metric)}"
            raise ValueError(f"metric_steps, metric: found shapes {shapes}; pass (M,) and (M, n)")

    @property
    def loss_ratio(self) -> float:
        """The last loss over the first."""
        return float(self.losses[-1] / self.losses[0]) if self.losses[0] else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The same true samples, reconstructed without and with splitting.

    Attributes:
        metric: The metric.
        matching: How each true sample got its partner.
        symmetry: What the map leaves open.
        before: Without splitting.
        after: With splitting.
        tolerance: Changes up to this are neither a win nor a loss.
    """

    metric: Metric
    matching: Matching
    symmetry: Symmetry
    before: Matched
    after: Matched
    tolerance: float = 0.0

    @property
    def gain(self) -> FloatArray:
        """(n,) change towards better; infinite where only one of the two has a partner."""
        before, after = self.before.values, self.after.values
        gain = (after - before) * (1 if self.metric.higher else -1)
        gain = np.where(np.isnan(before) & ~np.isnan(after), np.inf, gain)
        gain = np.where(np.isnan(after) & ~np.isnan(before), -np.inf, gain)
        return np.where(np.isnan(gain), 0.0, gain)

    @property
    def wins(self) -> int:
        """Samples that splitting improved."""
        return int((self.gain > self.tolerance).sum())

    @property
    def losses(self) -> int:
        """Samples that splitting made worse."""
        return int((self.gain < -self.tolerance).sum())

    @property
    def ties(self) -> int:
        """The others."""
        return len(self.before.values) - self.wins - self.losses

    @property
    def share_improved(self) -> float:
        """Wins over all true samples."""
        return self.wins / len(self.before.values)

    @property
    def mean_change(self) -> float:
        """Mean of after - before, in the metric's own sign, where both have a partner; or NaN."""
        change = self.after.values - self.before.values
        return float(np.nanmean(change)) if np.isfinite(change).any() else float("nan")


def compare_runs(
    truth: Tensor,
    without: Run,
    with_: Run,
    metric: Metric,
    *,
    matching: Matching = "nearest",
    symmetry: Symmetry = "none",
    select: Metric | None = None,
    tolerance: float = 0.0,
) -> Comparison:
    """Compare a run with splitting to the run without it, from the same start.

    Args:
        truth: (n, d) true samples.
        without: The run without splitting.
        with_: The run with it.
        metric: What is compared.
        matching: How each true sample gets its partner, in each run by itself.
        symmetry: What the map leaves open.
        select: Match by this metric instead.
        tolerance: Changes up to this are neither a win nor a loss.

    Returns:
        Every true sample before and after.

    Raises:
        ValueError: If the runs have different seeds.
    """
    if without.seed != with_.seed:
        seeds = f"{without.seed} and {with_.seed}"
        raise ValueError(f"without, with_: found seeds {seeds}; pass runs from the same start")
    before, after = (
        evaluate(truth, run.x, metric, matching=matching, symmetry=symmetry, select=select)
        for run in (without, with_)
    )
    return Comparison(metric, matching, symmetry, before, after, tolerance)


def top_samples(comparison: Comparison, count: int = 25) -> NDArray[np.intp]:
    """Choose the true samples to be shown, as for the paper's figure 1.

    Args:
        comparison: The comparison.
        count: The paper shows 25.

    Returns:
        Indices of the samples that came out best, before or after, the largest gain first. The
        better of the two decides, so that samples which splitting made worse are shown as well.
    """
    best = np.fmax if comparison.metric.higher else np.fmin
    value = best(comparison.before.values, comparison.after.values)
    order = np.argsort(-value if comparison.metric.higher else value, kind="stable")
    chosen = order[np.isfinite(value[order])][:count]
    return chosen[np.argsort(-comparison.gain[chosen], kind="stable")]
