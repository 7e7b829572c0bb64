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

from attack.descent.curvature import Operator, random_start, splitting_operator
from attack.descent.deciding import Decided, decided_eigenpairs
from attack.descent.objective import residual, squared_norm
from attack.descent.splitting_config import SplittingConfig
from attack.maps.protocol import Map, Tensors

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


def room(k: int, config: SplittingConfig) -> int:
    """Return how many of k samples may be split at once."""
    # at most share * k of them, and one at least if any is below the threshold and the limit allows
    most = max(1, int(config.share * k))
    return most if config.limit is None else min(most, max(0, config.limit - k))


def select(values: Tensor, measured: Tensor, config: SplittingConfig) -> Tensor:
    """Indices of the samples to split, the most negative first; values are lambda_min(S(x_i))."""
    order = measured.argsort(stable=True)
    eligible = (measured < config.threshold) & (values < 0)
    return order[eligible[order]][: room(len(values), config)]


def decided(upper: Tensor, lower: Tensor, config: SplittingConfig) -> tuple[Tensor, Tensor]:
    """Return which samples ``select`` takes, and which not, for all values between both bounds.

    ``upper`` and ``lower`` (k,) bound what is measured.
    """
    most, cut = room(len(upper), config), min(config.threshold, 0.0)
    if not most or not len(upper):
        return torch.zeros_like(upper, dtype=torch.bool), torch.ones_like(upper, dtype=torch.bool)
    # before sample i may come all that may be smaller, itself left out; surely those that are
    may = torch.searchsorted(lower.sort().values, upper, right=True) - 1
    must = torch.searchsorted(upper.sort().values, lower)
    below = int((upper < cut).sum())
    return (upper < cut) & (may < most), (lower >= cut) | (must.clamp_max(below) >= most)


def split(
    map_of: MapOf, x: Tensor, weights: Tensor, config: SplittingConfig, seed: int
) -> SplitCandidates:
    """Split samples x (k, d), if any is selected and a step lowers the loss; seed of Lanczos."""
    with torch.no_grad():
        everyone = torch.arange(len(x), device=x.device)
        f = map_of(everyone)
        r = residual(f, x, weights)
        before = float(squared_norm(r))
        chosen, found = to_be_split(map_of, x, weights, r, config, seed)
        pairs = found.pairs
        search = _Search(map_of, x, weights, pairs.vectors, pairs.values)
        divided, eta = _line_search(search, chosen, config.eta_max, before)
        if not len(divided):
            return SplitCandidates(x, weights, everyone, divided, eta, before, before)
        new_x, new_weights, parents = search.children(divided, eta)
        after = search.loss(divided, eta)
        return SplitCandidates(new_x, new_weights, parents, divided, eta, after, before)


def to_be_split(
    map_of: MapOf, x: Tensor, weights: Tensor, r: Tensors, config: SplittingConfig, seed: int
) -> tuple[Tensor, Decided]:
    """Return which samples (k, d) are to be split, the most negative first, and their eigenpairs.

    They are those that ``config.lanczos`` steps on every sample would choose, as far as the bounds
    of ``deciding`` hold.
    """
    unit = _unit(weights, float(squared_norm(r)), config)

    def operator_of(rows: Tensor) -> Operator:
        return splitting_operator(map_of(rows), x[rows], weights[rows], r)

    def settled(upper: Tensor, lower: Tensor, residuals: Tensor) -> Tensor:
        taken, left = decided(upper / unit, lower / unit, config)
        return left | (taken & (residuals <= config.accuracy * upper.abs()))

    found = decided_eigenpairs(operator_of, random_start(x, seed), config.lanczos, settled)
    return select(found.pairs.values, found.pairs.values / unit, config), found


def _unit(weights: Tensor, loss: float, config: SplittingConfig) -> Tensor:
    """Return what the eigenvalues are measured in, (k,)."""
    unit, tiny = torch.ones_like(weights), torch.finfo(weights.dtype).tiny
    if config.measure != "absolute":
        unit = weights.abs().clamp_min(tiny)
    if config.measure == "per weight and residual":
        unit = unit * max(loss**0.5, tiny)
    return unit


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
