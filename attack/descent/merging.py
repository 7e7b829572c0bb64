"""What makes the number of candidates an estimate: merging, pruning, insertion.

Splitting alone only adds candidates. A fit sum_i lambda_i f(x_i) is a measure sum_i lambda_i
delta(x_i): atoms that came together are one atom, atoms that the fit does not need are none, and
where |<r, f(x)>| is largest an atom is missing. The first two are tried with descent afterwards and
kept only if the loss does not rise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from attack.descent.config import MergingConfig
from attack.descent.objective import least_squares, residual, squared_norm
from attack.descent.splitting import MapOf
from attack.maps.mlp_maps import Map, Tensors

Refine: TypeAlias = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""From parents (k,), samples (k, d) and multipliers (k,) to samples and multipliers descended."""

RIDGE = 1e-12
"""Near-duplicates make the kernel singular."""


@dataclass(frozen=True, slots=True)
class Candidates:
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

    found: Candidates
    merged: tuple[tuple[int, int], ...]
    removed: tuple[int, ...]
    before: float


def canonical(x: Tensor, weights: Tensor, degree: int | None) -> tuple[Tensor, Tensor]:
    """The same fit with |x_i| = 1, for f(c x) = c^degree f(x); unchanged for None."""
    if degree is None:
        return x, weights
    norm = x.norm(dim=1)
    return x / norm[:, None], weights * norm**degree


def close_pairs(
    x: Tensor, weights: Tensor, labels: Tensor, config: MergingConfig
) -> list[tuple[int, int, float]]:
    """Disjoint pairs that came together, the closest first.

    Args:
        x: (k, d), canonical.
        weights: (k,).
        labels: (k,); only equal labels are merged.
        config: Distance and degree.

    Returns:
        (i, j, s) with |lambda_i| >= |lambda_j|, x_i ~ s x_j and lambda_i, s^degree lambda_j of one
        sign; s = -1 occurs only for a degree of 1 or more.
    """
    options = [1.0, -1.0] if config.degree else [1.0]
    norm = x.norm(dim=1)
    larger = torch.maximum(norm[:, None], norm)
    pairs = []
    for s in options:
        distance = torch.cdist(x, s * x, compute_mode="donot_use_mm_for_euclid_dist") / larger
        same = weights[:, None] * weights * s ** (config.degree or 0) > 0
        fits = (distance < config.distance) & same & (labels[:, None] == labels)
        for i, j in fits.triu(1).nonzero().tolist():
            heavy, light = (i, j) if weights[i].abs() >= weights[j].abs() else (j, i)
            pairs.append((float(distance[i, j]), heavy, light, s))
    used: set[int] = set()
    disjoint = []
    for _, i, j, s in sorted(pairs):
        if not used & {i, j}:
            used |= {i, j}
            disjoint.append((i, j, s))
    return disjoint


def join(
    x: Tensor, weights: Tensor, pairs: list[tuple[int, int, float]], degree: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs replaced by their lambda-weighted means; also the indices of the candidates kept."""
    x, weights = x.clone(), weights.clone()
    kept = torch.ones(len(x), dtype=torch.bool, device=x.device)
    for i, j, s in pairs:
        other = weights[j] * s ** (degree or 0)
        total = weights[i] + other
        x[i] = (weights[i] * x[i] + other * s * x[j]) / total
        weights[i] = total
        kept[j] = False
    return x[kept], weights[kept], kept.nonzero()[:, 0]


def removal_costs(f: Map, x: Tensor) -> Tensor:
    """How much the least-squares loss rises when a candidate is left out: lambda_i^2 / (K^-1)_ii.

    Args:
        f: The map.
        x: (k, d).

    Returns:
        (k,), for lambda = K^-1 c.
    """
    K = f.gram(x)
    D = torch.where(K.diagonal() > 0, K.diagonal(), 1.0).sqrt()
    scaled = K / (D[:, None] * D)
    inverse = torch.linalg.inv(scaled + RIDGE * torch.eye(len(K), dtype=K.dtype, device=K.device))
    return (D * least_squares(f, x)).square() / inverse.diagonal()


@dataclass(frozen=True, slots=True)
class Reducer:
    """Merging and pruning for one map and one descent.

    Attributes:
        map_of: The map for chosen candidates.
        refine: A few steps of descent.
        config: Distances and tolerances.
    """

    map_of: MapOf
    refine: Refine
    config: MergingConfig

    def reduce(self, x: Tensor, weights: Tensor, labels: Tensor) -> Reduction:
        """Merge what came together, then remove what is not needed.

        Args:
            x: (k, d).
            weights: (k,).
            labels: (k,); only equal labels are merged.

        Returns:
            What is left; its loss is at most (1 + tolerance) times the one before, or below the
            floor.
        """
        everyone = torch.arange(len(x), device=x.device)
        x, weights = canonical(x, weights, self.config.degree)
        now = self._evaluate(everyone, x, weights)
        before = now.loss
        size = float(squared_norm(self.map_of(everyone).target))
        limit = max((1 + self.config.tolerance) * before, self.config.floor * size)
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
        left = self._prune(now, limit)
        removed = set(now.parents.tolist()) - set(left.parents.tolist())
        return Reduction(left, tuple(merged), tuple(sorted(removed)), before)

    def _prune(self, now: Candidates, limit: float) -> Candidates:
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

    def _descended(self, now: Candidates, x: Tensor, weights: Tensor, kept: Tensor) -> Candidates:
        parents = now.parents[kept]
        x, weights = self.refine(parents, x, weights)
        return self._evaluate(parents, *canonical(x, weights, self.config.degree))

    def _evaluate(self, parents: Tensor, x: Tensor, weights: Tensor) -> Candidates:
        r = residual(self.map_of(parents), x, weights)
        return Candidates(x, weights, parents, float(squared_norm(r)))


def best_atoms(
    f: Map, start: Tensor, r: Tensors, *, signed: bool, steps: int = 50
) -> tuple[Tensor, Tensor]:
    """Local maxima of <r, f(x)>^2 / |f(x)|^2, what one more atom takes off the loss.

    Args:
        f: The map for the starts.
        start: (s, d), random starts; the ascent is L-BFGS on the sum over them.
        r: The residual.
        signed: Whether lambda may be negative; else only <r, f(x)> > 0 counts.
        steps: Of the ascent.

    Returns:
        (s, d), the best first, and the indices (s,) of their starts.
    """
    x = start.detach().clone().requires_grad_()
    size = squared_norm(r)
    optimizer = torch.optim.LBFGS([x], max_iter=steps, line_search_fn="strong_wolfe")

    def gains() -> Tensor:
        eta = f.inner(x, r)
        return (eta if signed else torch.relu(eta)).square() / f.gram(x).diagonal() / size

    def closure() -> Tensor:
        value = -gains().sum()
        (x.grad,) = torch.autograd.grad(value, [x])
        return value.detach()

    with torch.enable_grad():
        optimizer.step(closure)
        order = gains().detach().argsort(descending=True, stable=True)
        return x.detach()[order], order
