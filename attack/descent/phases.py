"""Phase II on the state of a run: merge and prune, split, insert, with their events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attack.descent.config import MergingConfig, ReconstructionConfig, SplittingConfig
from attack.descent.merging import Reducer, best_atoms
from attack.descent.objective import loss, residual, squared_norm
from attack.descent.phase_1 import Iterate, descend, solve
from attack.descent.splitting import split
from attack.descent.state import Event, State
from attack.maps.batches import BatchedMap
from attack.maps.mlp_maps import Map


@dataclass(frozen=True, slots=True)
class Setting:
    """What does not change during a run.

    Attributes:
        whole: From steps taken and labels to the map.
        config: Settings.
        batch: Candidates handled at once; None for all.
    """

    whole: Callable[[int, Tensor], Map]
    config: ReconstructionConfig
    batch: int | None = None

    def map_at(self, step: int, labels: Tensor) -> Map:
        """The map of candidates with these labels."""
        if self.batch is None or len(labels) <= self.batch:
            return self.whole(step, labels)
        return BatchedMap(lambda rows: self.whole(step, labels[rows]), self.batch)

    def map_of(self, state: State) -> Map:
        """The map of the candidates of a state."""
        return self.map_at(state.step, state.labels)

    def loss(self, state: State) -> float:
        """||target - sum_i lambda_i f(x_i)||^2."""
        with torch.no_grad():
            return float(loss(self.map_of(state), state.x, state.weights))

    def solved(self, state: State) -> bool:
        """Whether the loss is below the tolerance."""
        size = float(squared_norm(self.map_of(state).target))
        return self.loss(state) <= self.config.tolerance * size


def phase_two(setting: Setting, state: State, *, grow: bool = True) -> State:
    """Merge; then split, or else insert, while the loss is above the tolerance.

    Args:
        setting: Map and settings.
        state: After a phase I.
        grow: Whether to split and insert; not at the end of a run, where no descent follows.

    Returns:
        The state after it, with its events.
    """
    splitting = setting.config.splitting
    state = replace(state, last=state.step)
    if splitting is None:
        return state
    if splitting.merging is not None:
        state = _reduced(setting, _thorough(setting, splitting.merging, state), state)
    if not grow or setting.solved(state):
        return state
    after = _split(setting, splitting, state)
    if len(after.x) > len(state.x) or splitting.merging is None or not splitting.merging.insert:
        return after
    return _inserted(setting, splitting.merging, after)


def _thorough(setting: Setting, merging: MergingConfig, state: State) -> MergingConfig:
    """Once the target is met every candidate is put to the test, with more descent."""
    if not setting.solved(state):
        return merging
    more = max(merging.trials, len(state.x))
    return replace(merging, trials=more, steps=merging.final_steps)


def _reduced(setting: Setting, merging: MergingConfig, state: State) -> State:
    def refine(parents: Tensor, x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        labels = state.labels[parents]
        start = Iterate(x, weights)
        end = descend(
            lambda step: setting.map_at(step, labels),
            start,
            setting.config,
            state.step,
            merging.steps,
        )
        return end.x, end.weights

    reducer = Reducer(
        lambda chosen: setting.map_at(state.step, state.labels[chosen]), refine, merging
    )
    result = reducer.reduce(state.x, state.weights, state.labels)
    number, found = state.identity.tolist(), result.found
    absorbed = {j for _, j in result.merged}
    events = [
        Event(state.step, "merge", (number[i], number[j]), (number[i],), result.before, found.loss)
        for i, j in result.merged
    ] + [
        Event(state.step, "remove", (number[i],), (), result.before, found.loss)
        for i in result.removed
        if i not in absorbed
    ]
    after = state.chosen(found.x, found.weights, found.parents)
    return replace(after, events=state.events + tuple(events))


def _split(setting: Setting, splitting: SplittingConfig, state: State) -> State:
    result = split(
        lambda chosen: setting.map_at(state.step, state.labels[chosen]),
        state.x,
        state.weights,
        splitting,
        setting.config.seed + state.step,
    )
    divided, k = result.divided.tolist(), len(state.x)
    second = range(k, k + len(divided))
    rows = [row for pair in zip(divided, second, strict=True) for row in pair]
    after = state.chosen(result.x, result.weights, result.parents).renumbered(rows)
    number = after.identity.tolist()
    old = state.identity.tolist()
    events = tuple(
        Event(
            state.step,
            "split",
            (old[i],),
            (number[i], number[j]),
            result.before,
            result.loss,
            eta,
        )
        for i, j, eta in zip(divided, second, result.eta.tolist(), strict=True)
    )
    return replace(after, events=state.events + events)


def _inserted(setting: Setting, merging: MergingConfig, state: State) -> State:
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
    f = setting.map_of(after)
    best = Iterate(after.x, solve(f, after.x, after.weights, setting.config), memory)
    after = replace(after, iterate=best)
    loss_after = setting.loss(after)
    events = tuple(
        Event(state.step, "insert", (), (number,), before, loss_after)
        for number in after.identity[k:].tolist()
    )
    return replace(after, events=state.events + events)
