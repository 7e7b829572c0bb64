"""Insertion: where |<r, f(x)>| / |f(x)| is largest, an atom of the measure is missing.

min over lambda of |r - lambda f(x)|^2 = |r|^2 - <r, f(x)>^2 / |f(x)|^2
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from attack.descent.iterate import Iterate
from attack.descent.objective import residual, squared_norm
from attack.descent.optimisers import solve_multipliers
from attack.descent.setting import Setting
from attack.descent.splitting_config import MergingConfig
from attack.descent.state import Event, State
from attack.maps.protocol import Map, Tensors


def insert(setting: Setting, merging: MergingConfig, state: State) -> State:
    """The state with ``merging.insert`` new atoms, their events, and lambda solved for again."""
    generator = torch.Generator().manual_seed(setting.config.seed + state.step)
    d, kinds = state.x.shape[1], state.labels.unique()
    labels = kinds[torch.arange(merging.starts, device=kinds.device) % len(kinds)]
    start = torch.randn(merging.starts, d, generator=generator, dtype=torch.float64).to(state.x)
    start = start / start.norm(dim=1, keepdim=True) * state.x.norm(dim=1).median()
    f = setting.map_at(state.step, labels)
    r = [piece.detach() for piece in residual(setting.map_of(state), state.x, state.weights)]
    signed = setting.config.multipliers != "non-negative" and not setting.config.priors.multiplier
    atoms, which = best_atoms(f, start, r, signed=signed)
    x, labels = atoms[: merging.insert], labels[which[: merging.insert]]
    with torch.no_grad():
        new = setting.map_at(state.step, labels)
        weights = new.inner(x, r) / new.gram(x).diagonal() / len(x)
    return _appended(setting, state, x, weights, labels)


def best_atoms(
    f: Map, start: Tensor, r: Tensors, *, signed: bool, steps: int = 50
) -> tuple[Tensor, Tensor]:
    """Return local maxima of <r, f(x)>^2 / |f(x)|^2, (s, d), and the indices (s,) of their starts.

    This is what one more atom takes off the loss; the best comes first. The ascent is L-BFGS on the
    sum over the starts (s, d); where lambda may not be negative, only <r, f(x)> > 0 counts.
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


def _appended(setting: Setting, state: State, x: Tensor, weights: Tensor, labels: Tensor) -> State:
    k, more, before = len(state.x), len(x), setting.loss(state)
    memory = {
        name: torch.cat([rows, rows.new_zeros(more, *rows.shape[1:])])
        for name, rows in state.iterate.memory.items()
    }
    iterate = Iterate(torch.cat([state.x, x]), torch.cat([state.weights, weights]), memory)
    after = replace(
        state,
        iterate=iterate,
        labels=torch.cat([state.labels, labels]),
        origin=torch.cat([state.origin, state.origin.new_full((more,), -1)]),
        identity=torch.cat([state.identity, state.identity.new_zeros(more)]),
    ).renumbered(range(k, k + more))
    best = solve_multipliers(setting.map_of(after), after.x, after.weights, setting.config)
    after = replace(after, iterate=Iterate(after.x, best, memory))
    loss = setting.loss(after)
    events = tuple(
        Event(state.step, "insert", (), (number,), before, loss)
        for number in after.identity[k:].tolist()
    )
    return replace(after, events=state.events + events)
