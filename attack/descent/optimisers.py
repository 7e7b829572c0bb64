"""Phase I of Algorithm 1: descent in samples and multipliers, in blocks of steps.

First-order methods are written out, so that their memory is one row per candidate: a child takes
over its parent's, and a checkpoint holds plain tensors. L-BFGS starts a new memory in each block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from attack.descent.config import ReconstructionConfig
from attack.descent.iterate import Iterate
from attack.descent.levenberg import levenberg_marquardt
from attack.descent.objective import least_squares, loss
from attack.maps.protocol import Map

MapAt: TypeAlias = Callable[[int], Map]
"""From the number of steps taken to the map: the published softplus sharpens while it runs."""


def solve_multipliers(f: Map, x: Tensor, weights: Tensor, config: ReconstructionConfig) -> Tensor:
    """The multipliers for given samples: as they are, or by least squares."""
    if config.multipliers == "joint":
        return weights.detach()
    nonnegative = config.multipliers == "non-negative"
    return least_squares(f, x, nonnegative=nonnegative, ridge=config.ridge)


def descend_block(
    map_at: MapAt, start: Iterate, config: ReconstructionConfig, taken: int, steps: int
) -> Iterate:
    """A block of steps, after ``taken`` others; second-order methods keep the map of the first."""
    if config.optimizer == "lbfgs":
        return _lbfgs(map_at(taken), start, config, steps)
    if config.optimizer == "levenberg":
        f, positive = map_at(taken), config.multipliers == "non-negative"
        x, weights = levenberg_marquardt(
            f, start.x, steps=steps, ridge=config.ridge, nonnegative=positive
        )
        return Iterate(x, weights)
    at = start
    for step in range(taken, taken + steps):
        at = _first_order(at, _gradients(map_at(step), at, config), config)
    return Iterate(
        at.x, solve_multipliers(map_at(taken + steps), at.x, at.weights, config), at.memory
    )


def _objective(f: Map, x: Tensor, weights: Tensor, config: ReconstructionConfig) -> Tensor:
    return loss(f, x, weights) + config.priors.value(x, weights)


def _gradients(f: Map, at: Iterate, config: ReconstructionConfig) -> dict[str, Tensor]:
    x = at.x.detach().requires_grad_()
    weights = solve_multipliers(f, x, at.weights, config)
    names = {"x": x}
    if config.multipliers == "joint":
        names["weights"] = weights.requires_grad_()
    value = _objective(f, x, weights, config)
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
    # m and v with their bias taken out, Kingma and Ba 2015; t is a row a candidate
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
    weights = solve_multipliers(f, x, start.weights, config).clone()
    free = [x]
    if config.multipliers == "joint":
        free.append(weights.requires_grad_())
    tiny = torch.finfo(x.dtype).tiny
    with torch.no_grad():  # torch drops pairs with <y, s> <= 1e-10: let the block start at loss 1
        size = _objective(f, x, weights, config).clamp_min(tiny)
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
        now = weights if len(free) == 2 else solve_multipliers(f, x, weights, config)
        value = _objective(f, x, now, config) / size
        for variable, slope in zip(free, torch.autograd.grad(value, free), strict=True):
            variable.grad = slope
        return value.detach()

    with torch.enable_grad():
        optimizer.step(closure)
    x = x.detach()
    return Iterate(x, solve_multipliers(f, x, weights, config))
