"""What makes the number of candidates an estimate from above: merging and pruning.

Splitting alone only adds candidates. A fit sum_i lambda_i f(x_i) is a measure sum_i lambda_i
delta(x_i): atoms that came together are one atom, and atoms that the fit does not need are none.
Both are tried with descent afterwards and kept only if the loss does not rise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from attack.descent.merging import canonical, close_pairs, join, removal_costs
from attack.descent.objective import residual, squared_norm
from attack.descent.splitting import MapOf
from attack.descent.splitting_config import MergingConfig

Refine: TypeAlias = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""From parents (k,), samples (k, d) and multipliers (k,) to samples and multipliers descended."""


@dataclass(frozen=True, slots=True)
class ReducedCandidates:
    """Samples and multipliers with where they come from.

    Attributes:
        x: (k, d).
        weights: (k,).
        parents: (k,), index before the phase; of a merged pair, of the heavier one.
        loss: L of these.
    """

    x: Tensor
    weights: Tensor
    parents: Tensor
    loss: float


@dataclass(frozen=True, slots=True)
class Reduction:
    """Candidates after merging and pruning.

    Attributes:
        found: What is left.
        merged: Pairs of indices before the phase, (kept, absorbed).
        removed: Indices before the phase of the candidates pruned.
        before: The loss before.
    """

    found: ReducedCandidates
    merged: tuple[tuple[int, int], ...]
    removed: tuple[int, ...]
    before: float


@dataclass(frozen=True, slots=True)
class Reducer:
    """Merging and pruning for one map and one descent of a few steps."""

    map_of: MapOf
    refine: Refine
    config: MergingConfig

    def reduce(self, x: Tensor, weights: Tensor, labels: Tensor) -> Reduction:
        """Merge candidates of equal label that came together, then remove what is not needed."""
        everyone = torch.arange(len(x), device=x.device)
        x, weights = canonical(x, weights, self.config.degree)
        now = self._evaluate(everyone, x, weights)
        before = now.loss
        size = float(squared_norm(self.map_of(everyone).target))
        limit = max((1 + self.config.tolerance) * before, self.config.floor * size)
        now, merged = self._merge(now, labels, limit)
        left = self._prune(now, limit)
        removed = set(now.parents.tolist()) - set(left.parents.tolist())
        return Reduction(left, tuple(merged), tuple(sorted(removed)), before)

    def _merge(
        self, now: ReducedCandidates, labels: Tensor, limit: float
    ) -> tuple[ReducedCandidates, list[tuple[int, int]]]:
        """All pairs at once, or else the first that the loss allows, until there is none."""
        merged: list[tuple[int, int]] = []
        while pairs := close_pairs(now.x, now.weights, labels[now.parents], self.config):
            for trial in [pairs, *([pair] for pair in pairs if len(pairs) > 1)]:
                then = self._descended(now, *join(now.x, now.weights, trial, self.config.degree))
                if then.loss <= limit:
                    merged += [(int(now.parents[i]), int(now.parents[j])) for i, j, _ in trial]
                    now = then
                    break
            else:
                break
        return now, merged

    def _prune(self, now: ReducedCandidates, limit: float) -> ReducedCandidates:
        failures = 0
        order = removal_costs(self.map_of(now.parents), now.x).argsort().tolist()
        while len(now.x) > 1 and failures < min(len(order), max(1, self.config.trials)):
            kept = torch.ones(len(now.x), dtype=torch.bool, device=now.x.device)
            kept[order[failures]] = False
            rest = now.x[kept], now.weights[kept], kept.nonzero()[:, 0]
            then = self._descended(now, *rest)
            if then.loss > limit:
                failures += 1
                continue
            now, failures = then, 0
            order = removal_costs(self.map_of(now.parents), now.x).argsort().tolist()
        return now

    def _descended(
        self, now: ReducedCandidates, x: Tensor, weights: Tensor, kept: Tensor
    ) -> ReducedCandidates:
        parents = now.parents[kept]
        x, weights = self.refine(parents, x, weights)
        return self._evaluate(parents, *canonical(x, weights, self.config.degree))

    def _evaluate(self, parents: Tensor, x: Tensor, weights: Tensor) -> ReducedCandidates:
        r = residual(self.map_of(parents), x, weights)
        return ReducedCandidates(x, weights, parents, float(squared_norm(r)))
