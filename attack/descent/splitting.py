"""Phase II of Algorithm 1: samples with negative curvature are replaced by two children each.

    x_i -> x_i + eta v, x_i - eta v,   lambda_i -> lambda_i / 2 each,   v = v_min(S(x_i))

To second order the loss changes by eta^2 lambda_min(S(x_i)) / 2 (arXiv 2602.08723, section 5.2 and
appendix B.1). All samples selected are split with the same eta, found on the true loss; where no
joint step lowers it, they are tried one by one, the most negative first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from attack.descent.curvature import random_start, smallest_eigenpairs, splitting_operator
from attack.descent.objective import residual, squared_norm
from attack.descent.splitting_config import SplittingConfig
from attack.maps.protocol import Map

MapOf: TypeAlias = Callable[[Tensor], Map]
"""From the indices (k',) of candidates, repeated or left out, to the map for these candidates."""

SUFFICIENT = 0.1
"""Share of the second-order decrease that a step has to reach."""

HALVINGS = 12
"""Trials of the line search."""


@dataclass(frozen=True, slots=True)
class SplitCandidates:
    """Candidates after one phase II.

    Attributes:
        x: (k', d).
        weights: (k',).
        parents: (k',), index of the candidate before that each one is or comes from.
        divided: (s,), indices before of the samples that were split.
        eta: (s,), their steps.
        loss: After the step; never above the one before.
        before: The loss before.
    """

    x: Tensor
    weights: Tensor
    parents: Tensor
    divided: Tensor
    eta: Tensor
    loss: float
    before: float


@dataclass(frozen=True, slots=True)
class _Search:
    """What the line search needs: candidates with v_min(S(x_i)), (k, d), and lambda_min, (k,)."""

    map_of: MapOf
    x: Tensor
    weights: Tensor
    vectors: Tensor
    values: Tensor

    def children(self, chosen: Tensor, eta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Candidates, multipliers and parents with the chosen ones split, each by its eta."""
        everyone = torch.arange(len(self.x), device=self.x.device)
        x, weights = self.x.clone(), self.weights.clone()
        step = eta[:, None] * self.vectors[chosen]  # x_i + eta v, x_i - eta v, lambda_i / 2 each
        x[chosen] = self.x[chosen] + step
        weights[chosen] = self.weights[chosen] / 2
        parents = torch.cat([everyone, chosen])
        return (
            torch.cat([x, self.x[chosen] - step]),
            torch.cat([weights, weights[chosen]]),
            parents,
        )

    def loss(self, chosen: Tensor, eta: Tensor) -> float:
        """L with these children."""
        x, weights, parents = self.children(chosen, eta)
        return float(squared_norm(residual(self.map_of(parents), x, weights)))

    def step(self, done: Tensor, etas: Tensor, more: Tensor, top: float, before: float) -> float:
        """The first eta = eta_max / 2^j that lowers L enough when ``more`` are split too, or 0."""
        slope = float(self.values[more].sum()) / 2  # L changes by eta^2 lambda_min / 2 each
        chosen, eta = torch.cat([done, more]), top
        for _ in range(HALVINGS):
            trial = torch.cat([etas, etas.new_full((len(more),), eta)])
            if self.loss(chosen, trial) < before + SUFFICIENT * eta**2 * slope:
                return eta
            eta /= 2
        return 0.0


def select(values: Tensor, measured: Tensor, config: SplittingConfig) -> Tensor:
    """Indices of the samples to split, the most negative first; values are lambda_min(S(x_i))."""
    # at most share * k of them, and one at least if any is below the threshold and the limit allows
    k = len(values)
    room = max(1, int(config.share * k))
    if config.limit is not None:
        room = min(room, max(0, config.limit - k))
    order = measured.argsort(stable=True)
    return order[((measured < config.threshold) & (values < 0))[order]][:room]


def split(
    map_of: MapOf, x: Tensor, weights: Tensor, config: SplittingConfig, seed: int
) -> SplitCandidates:
    """Split samples x (k, d), if any is selected and a step lowers the loss; seed of Lanczos."""
    with torch.no_grad():
        everyone = torch.arange(len(x), device=x.device)
        f = map_of(everyone)
        r = residual(f, x, weights)
        before = float(squared_norm(r))
        operator = splitting_operator(f, x, weights, r)
        pairs = smallest_eigenpairs(operator, random_start(x, seed), config.lanczos)
        measured = pairs.values
        if config.measure != "absolute":
            measured = measured / weights.abs().clamp_min(torch.finfo(x.dtype).tiny)
        if config.measure == "per weight and residual":
            measured = measured / max(before**0.5, torch.finfo(x.dtype).tiny)
        chosen = select(pairs.values, measured, config)
        search = _Search(map_of, x, weights, pairs.vectors, pairs.values)
        divided, eta = _line_search(search, chosen, config.eta_max, before)
        if not len(divided):
            return SplitCandidates(x, weights, everyone, divided, eta, before, before)
        new_x, new_weights, parents = search.children(divided, eta)
        after = search.loss(divided, eta)
        return SplitCandidates(new_x, new_weights, parents, divided, eta, after, before)


def _line_search(
    search: _Search, chosen: Tensor, top: float, before: float
) -> tuple[Tensor, Tensor]:
    divided, etas = chosen[:0], search.values.new_zeros(0)
    if not len(chosen):
        return divided, etas
    eta = search.step(divided, etas, chosen, top, before)
    if eta:
        return chosen, search.values.new_full((len(chosen),), eta)
    for one in chosen.split(1):
        eta = search.step(divided, etas, one, top, before)
        if eta:
            divided = torch.cat([divided, one])
            etas = torch.cat([etas, search.values.new_full((1,), eta)])
            before = search.loss(divided, etas)
    return divided, etas
