"""One round of Algorithm 1: a block of descent, the record of it, phase II where it is due."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from attack.descent.config import SECOND_ORDER
from attack.descent.objective import loss
from attack.descent.optimisers import descend_block
from attack.descent.second_phase import phase_two
from attack.descent.setting import Setting
from attack.descent.state import Record, State
from attack.metrics.truth import Truth

DIVERGED = 1e8
"""A loss above this multiple of the one at the start ends the run."""


def next_round(setting: Setting, state: State, truth: Truth | None) -> State:
    """The state after one more block, and after phase II where it is due."""
    state = state if state.history else _recorded(setting, state, truth)
    state = _recorded(setting, _block(setting, state), truth)
    _guard(setting, state)
    state = _after(setting, state)
    if state.finished and state.last == state.step:
        state = _recorded(setting, state, truth)  # with the last phase II
    return state


def _block(setting: Setting, state: State) -> State:
    config = setting.config
    steps = min(config.block, config.steps - state.step)
    if config.splitting is not None:
        steps = min(steps, config.splitting.every - (state.step - state.last))
    iterate = descend_block(
        lambda step: setting.map_at(step, state.labels), state.iterate, config, state.step, steps
    )
    return replace(state, iterate=iterate, step=state.step + steps)


def _after(setting: Setting, state: State) -> State:
    """Phase II if it is due, and the stopping rules."""
    config, events = setting.config, len(state.events)
    solved = setting.solved(state)
    over = state.step >= config.steps
    if config.splitting is not None and (solved or over or _due(setting, state)):
        state = phase_two(setting, state, grow=not over)
        still = len(state.events) == events and config.optimizer in SECOND_ORDER
        stalled = still and _flat(setting, state)
        return replace(state, finished=over or stalled or setting.solved(state))
    return replace(state, finished=over or solved)


def _flat(setting: Setting, state: State) -> bool:
    """Whether the last block lowered the loss by less than the plateau's share."""
    splitting = setting.config.splitting
    if splitting is None or splitting.plateau is None:
        return False
    old, new = state.history[-2].loss, state.history[-1].loss
    return old - new < splitting.plateau * old


def _due(setting: Setting, state: State) -> bool:
    splitting = setting.config.splitting
    assert splitting is not None
    if state.step - state.last >= splitting.every or _flat(setting, state):
        return True
    if splitting.gradient is None:
        return False
    x = state.x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(loss(setting.map_of(state), x, state.weights), x)
    return float(slope.norm()) <= splitting.gradient  # Algorithm 1, line 5


def _recorded(setting: Setting, state: State, truth: Truth | None) -> State:
    metric = () if truth is None else truth.nearest(state.x)
    splits, merges = state.count("split"), state.count("merge", "remove")
    record = Record(state.step, setting.loss(state), len(state.x), metric, splits, merges)
    return replace(state, history=(*state.history, record))


def _guard(setting: Setting, state: State) -> None:
    value, first = state.history[-1].loss, state.history[0].loss
    if math.isfinite(value) and value <= DIVERGED * max(first, setting.size(state)):
        return
    config = setting.config
    advice = (
        "pass a larger ridge, or another seed"
        if config.optimizer in SECOND_ORDER
        else f"lower rate (now {config.rate:g}) or weight_rate (now {config.weight_rate:g})"
    )
    single = "; or use dtype 'float64'" if config.dtype == "float32" else ""
    raise RuntimeError(
        f"the loss is {value:g} after {state.step} steps, {first:g} at the start: {advice}{single}"
    )
