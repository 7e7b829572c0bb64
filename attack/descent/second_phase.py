"""Phase II on the state of a run: merge and prune, split, insert, with their events."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from attack.descent.insertion import insert
from attack.descent.iterate import Iterate
from attack.descent.optimisers import descend_block
from attack.descent.reduction import Reducer
from attack.descent.setting import Setting
from attack.descent.splitting import split
from attack.descent.splitting_config import MergingConfig, SplittingConfig
from attack.descent.state import Event, State
from attack.maps.protocol import Map


def phase_two(setting: Setting, state: State, *, grow: bool = True) -> State:
    """Merge; then, where descent follows, split or else insert while the loss is too large."""
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
    return insert(setting, splitting.merging, after)


def _thorough(setting: Setting, merging: MergingConfig, state: State) -> MergingConfig:
    """Once the target is met every candidate is put to the test, with more descent."""
    if not setting.solved(state):
        return merging
    more = max(merging.trials, len(state.x))
    return replace(merging, trials=more, steps=merging.final_steps)


def _reduced(setting: Setting, merging: MergingConfig, state: State) -> State:
    def map_of(chosen: Tensor) -> Map:
        return setting.map_at(state.step, state.labels[chosen])

    def refine(parents: Tensor, x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        labels, config = state.labels[parents], setting.config

        def map_at(step: int) -> Map:
            return setting.map_at(step, labels)

        end = descend_block(map_at, Iterate(x, weights), config, state.step, merging.steps)
        return end.x, end.weights

    result = Reducer(map_of, refine, merging).reduce(state.x, state.weights, state.labels)
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
    old, new = state.identity.tolist(), after.identity.tolist()
    events = tuple(
        Event(state.step, "split", (old[i],), (new[i], new[j]), result.before, result.loss, eta)
        for i, j, eta in zip(divided, second, result.eta.tolist(), strict=True)
    )
    return replace(after, events=state.events + events)
