"""Phase I of Algorithm 1: descent in samples and multipliers, in blocks of steps.

First-order methods are written out, so that their memory is one row per candidate: a child takes
over its parent's, and a checkpoint holds plain tensors. L-BFGS starts a new memory in each block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from attack.descent.config import ReconstructionConfig
from attack.descent.levenberg import levenberg_marquardt
from attack.descent.objective import least_squares, loss
from attack.maps.mlp_maps import Map, Tensors

MapAt: TypeAlias = Callable[[int], Map]
"""From the number of steps taken to the map: the published softplus sharpens while it runs."""


@dataclass(frozen=True, slots=True)
class Iterate:
    """Candidates with the optimiser's memory.

    Attributes:
        x: (k, d).
        weights: (k,).
        memory: By name, tensors of k rows; the step count of Adam is a row each, too.
    """

    x: Tensor
    weights: Tensor
    memory: dict[str, Tensor] = field(default_factory=dict)

    def descend_from(self, x: Tensor, weights: Tensor, parents: Tensor) -> Iterate:
        """New candidates, each with the memory of its parent."""
        return Iterate(x, weights, {name: rows[parents] for name, rows in self.memory.items()})


@dataclass(frozen=True, slots=True)
class ScaledMap:
    """A map times a number: the mean over the candidates in place of their sum.

    Attributes:
        inside: The map.
        factor: The number.
    """

    inside: Map
    factor: float

    @property
    def target(self) -> Tensors:
        """That of the map inside."""
        return self.inside.target

    def combine(self, x: Tensor, weights: Tensor) -> Tensors:
        """sum_i weights_i factor f(x_i)."""
        return self.inside.combine(x, self.factor * weights)

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        """<direction, factor f(x_i)>, (k,)."""
        return self.factor * self.inside.inner(x, direction)

    def gram(self, x: Tensor) -> Tensor:
        """factor^2 <f, f>, (k, k)."""
        return self.factor**2 * self.inside.gram(x)


def solve(f: Map, x: Tensor, weights: Tensor, config: ReconstructionConfig) -> Tensor:
    """The multipliers for given samples: as they are, or by least squares."""
    if config.multipliers == "joint":
        return weights.detach()
    nonnegative = config.multipliers == "non-negative"
    return least_squares(f, x, nonnegative=nonnegative, ridge=config.ridge)


def descend(
    map_at: MapAt, start: Iterate, config: ReconstructionConfig, taken: int, steps: int
) -> Iterate:
    """A block of steps.

    Args:
        map_at: The map of each step.
        start: Where the block starts.
        config: Optimiser, rates, priors, handling of lambda.
        taken: Steps taken before.
        steps: Steps to take; L-BFGS and Levenberg-Marquardt keep the map of the first.

    Returns:
        Where it ends.
    """
    if config.optimizer == "lbfgs":
        return _lbfgs(map_at(taken), start, config, steps)
    if config.optimizer == "levenberg":
        f, nonnegative = map_at(taken), config.multipliers == "non-negative"
        return Iterate(
            *levenberg_marquardt(
                f, start.x, steps=steps, ridge=config.ridge, nonnegative=nonnegative
            )
        )
    iterate = start
    for step in range(taken, taken + steps):
        f = map_at(step)
        slopes = _gradients(f, iterate, config)
        iterate = _first_order(iterate, slopes, config)
    return Iterate(
        iterate.x, solve(map_at(taken + steps), iterate.x, iterate.weights, config), iterate.memory
    )


def _gradients(f: Map, at: Iterate, config: ReconstructionConfig) -> dict[str, Tensor]:
    x = at.x.detach().requires_grad_()
    weights = solve(f, x, at.weights, config)
    names = {"x": x}
    if config.multipliers == "joint":
        names["weights"] = weights.requires_grad_()
    value = loss(f, x, weights) + config.priors.value(x, weights)
    return dict(zip(names, torch.autograd.grad(value, list(names.values())), strict=True))


def _first_order(at: Iterate, slopes: dict[str, Tensor], config: ReconstructionConfig) -> Iterate:
    rates = {"x": config.rate, "weights": config.weight_rate}
    values, memory = {"x": at.x, "weights": at.weights}, dict(at.memory)
    rule = _momentum if config.optimizer == "sgd" else _adam
    for name, slope in slopes.items():
        values[name] = values[name].detach() - rates[name] * rule(name, slope, memory, config)
    return Iterate(values["x"], values["weights"], memory)


def _momentum(
    name: str, slope: Tensor, memory: dict[str, Tensor], config: ReconstructionConfig
) -> Tensor:
    if name in memory:
        slope = config.momentum * memory[name] + slope
    memory[name] = slope
    return slope


def _adam(
    name: str, slope: Tensor, memory: dict[str, Tensor], config: ReconstructionConfig
) -> Tensor:
    b1, b2 = config.betas
    zero = torch.zeros_like(slope)
    m = b1 * memory.get(f"{name}.m", zero) + (1 - b1) * slope
    v = b2 * memory.get(f"{name}.v", zero) + (1 - b2) * slope.square()
    t = memory.get(f"{name}.t", zero.new_zeros(len(zero))) + 1
    memory |= {f"{name}.m": m, f"{name}.v": v, f"{name}.t": t}
    t = t.reshape(-1, *[1] * (slope.dim() - 1))
    return m / (1 - b1**t) / ((v / (1 - b2**t)).sqrt() + 1e-8)


def _lbfgs(f: Map, start: Iterate, config: ReconstructionConfig, steps: int) -> Iterate:
    x = start.x.detach().clone().requires_grad_()
    weights = solve(f, x, start.weights, config).clone()
    free = [x]
    if config.multipliers == "joint":
        free.append(weights.requires_grad_())
    tiny = torch.finfo(x.dtype).tiny
    with torch.no_grad():  # torch drops pairs with <y, s> <= 1e-10: let the block start at loss 1
        size = (loss(f, x, weights) + config.priors.value(x, weights)).clamp_min(tiny)
    optimizer = torch.optim.LBFGS(
        free,
        max_iter=steps,
        max_eval=2 * steps,
        history_size=30,
        tolerance_grad=1e-16,
        tolerance_change=1e-20,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:  # at the best lambda the derivative through lambda is 0
        now = weights if len(free) == 2 else solve(f, x, weights, config)
        value = (loss(f, x, now) + config.priors.value(x, now)) / size
        for variable, slope in zip(free, torch.autograd.grad(value, free), strict=True):
            variable.grad = slope
        return value.detach()

    with torch.enable_grad():
        optimizer.step(closure)
    x = x.detach()
    return Iterate(x, solve(f, x, weights, config))
