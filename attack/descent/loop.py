"""Algorithm 1 as a loop: descent (phase I) alternating with merging and splitting (phase II).

    repeat   descend in (x, lambda);   when due: merge, prune, split, insert   until stopped

(arXiv 2602.08723, section 5.2.) The whole run is one ``State`` of tensors and plain values: a phase
takes a state and returns the next, a checkpoint is a state, and a resumed run repeats bit for bit
on the CPU what the run without interruption does.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from attack.descent.checkpoint import Checkpoint
from attack.descent.config import ReconstructionConfig, plain, precision
from attack.descent.objective import loss, squared_norm
from attack.descent.phase_1 import ScaledMap, descend
from attack.descent.phases import Setting, phase_two
from attack.descent.state import Event, Record, State, begin, pack, unpack
from attack.maps.batches import out_of_memory
from attack.maps.mlp_maps import Map
from attack.metrics.truth import Truth

LabelledMap: TypeAlias = Callable[[int, Tensor], Map]
"""From steps taken and the candidates' labels (k,) to the map, where it depends on them."""

Progress: TypeAlias = Callable[[Record], None]
"""Called with every entry of the history."""

DIVERGED = 1e8
"""A loss above this multiple of the one at the start ends the run."""


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """What a run found.

    Attributes:
        x: (k, d).
        weights: (k,); for ``config.mean``, of the sum divided by the number at the start.
        b: (k,) signed multipliers of the sum itself, lambda_i y_i where the map has labels.
        labels: (k,), each candidate's, handed down from its parent.
        origin: (k,), index of the start candidate it descends from; -1 for an inserted atom.
        identity: (k,), its number in ``events``.
        history: Loss, k and metric, block by block.
        events: Splits, merges, removals and insertions, in their order.
        steps: Taken.
        residual: |target - sum_i b_i f(x_i)| / |target| at the end.
        seed: Of the run.
        seconds: Of the run, with those before a resumption.
    """

    x: Tensor
    weights: Tensor
    b: Tensor
    labels: Tensor
    origin: Tensor
    identity: Tensor
    history: tuple[Record, ...]
    events: tuple[Event, ...]
    steps: int
    residual: float
    seed: int
    seconds: float


def reconstruct_map(
    reconstruction: Map | LabelledMap,
    start_x: Tensor,
    start_weights: Tensor,
    config: ReconstructionConfig,
    *,
    labels: Tensor | None = None,
    truth: Truth | None = None,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Reconstruction:
    """Run Algorithm 1 on one reconstruction map.

    Args:
        reconstruction: The map; or a function of (steps taken, labels) to it, where it depends on
            the labels of the candidates or changes during the run.
        start_x: (k, d).
        start_weights: (k,).
        config: Settings; its ``candidates`` and ``init`` are those of ``state.starting_point``.
        labels: (k,), handed down to children; only candidates of one label are merged.
        truth: The true samples, for the metric of the history only.
        progress: Called block by block.
        checkpoint: Where the run saves itself and continues from.

    Returns:
        The candidates with history and events.

    Raises:
        ValueError: If shapes do not fit, or the checkpoint is of another run.
        RuntimeError: If the loss is not finite or diverges.
    """
    labels = torch.zeros(len(start_x), dtype=torch.long) if labels is None else labels
    labels = labels.to(start_x.device)
    _check(start_x, start_weights, labels)
    factor = 1 / len(start_x) if config.mean else 1.0
    map_at = _scheduled(reconstruction, factor)
    setting = Setting(map_at, config, config.batch)
    state = begin(start_x.detach().clone(), start_weights.detach().clone(), labels)
    known = _identity(setting, state)
    saved = checkpoint.load(known, start_x.device) if checkpoint else None
    state = unpack(saved["state"]) if saved else state
    setting = replace(setting, batch=state.batch or config.batch)
    blocks = 0
    while not state.finished:
        began = time.perf_counter()
        try:
            with precision(config):
                state = _round(setting, state, truth)
        except RuntimeError as error:
            setting = _smaller(setting, state, error)
            continue
        used = state.seconds + time.perf_counter() - began
        state = replace(state, seconds=used, batch=setting.batch)
        blocks += 1
        if checkpoint and (blocks % checkpoint.every == 0 or state.finished):
            checkpoint.save({"identity": known, "state": pack(state)})
        if progress:
            progress(state.history[-1])
    return _result(setting, state, factor)


def _round(setting: Setting, state: State, truth: Truth | None) -> State:
    state = state if state.history else _recorded(setting, state, truth)
    state = _recorded(setting, _block(setting, state), truth)
    _guard(setting, state)
    state = _after(setting, state)
    if state.finished and state.last == state.step:
        state = _recorded(setting, state, truth)  # with the last phase II
    return state


def _smaller(setting: Setting, state: State, error: RuntimeError) -> Setting:
    batch = min(setting.batch or len(state.x), len(state.x))
    if not out_of_memory(error) or batch == 1:
        raise error
    torch.cuda.empty_cache()
    half = (batch + 1) // 2
    warnings.warn(
        f"memory ran out with {batch} candidates at once, after {state.step} steps; going on with "
        f"{half}",
        RuntimeWarning,
        stacklevel=3,
    )
    return replace(setting, batch=half)


def _block(setting: Setting, state: State) -> State:
    config = setting.config
    steps = min(config.block, config.steps - state.step)
    if config.splitting is not None:
        steps = min(steps, config.splitting.every - (state.step - state.last))
    iterate = descend(
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
        still = len(state.events) == events and config.optimizer in {"lbfgs", "levenberg"}
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
    value = loss(setting.map_of(state), x, state.weights)
    (slope,) = torch.autograd.grad(value, x)
    return float(slope.norm()) <= splitting.gradient


def _recorded(setting: Setting, state: State, truth: Truth | None) -> State:
    metric = () if truth is None else truth.nearest(state.x)
    splits, merges = state.count("split"), state.count("merge", "remove")
    record = Record(state.step, setting.loss(state), len(state.x), metric, splits, merges)
    return replace(state, history=(*state.history, record))


def _guard(setting: Setting, state: State) -> None:
    value, first = state.history[-1].loss, state.history[0].loss
    size = float(squared_norm(setting.map_of(state).target))
    if math.isfinite(value) and value <= DIVERGED * max(first, size):
        return
    config = setting.config
    advice = (
        "pass a larger ridge, or another seed"
        if config.optimizer in {"lbfgs", "levenberg"}
        else f"lower rate (now {config.rate:g}) or weight_rate (now {config.weight_rate:g})"
    )
    single = "; or use dtype 'float64'" if config.dtype == "float32" else ""
    raise RuntimeError(
        f"the loss is {value:g} after {state.step} steps, {first:g} at the start: {advice}{single}"
    )


def _scheduled(reconstruction: Map | LabelledMap, factor: float) -> LabelledMap:
    def map_at(step: int, labels: Tensor) -> Map:
        found = reconstruction(step, labels) if callable(reconstruction) else reconstruction
        return found if factor == 1 else ScaledMap(found, factor)

    return map_at


def _check(x: Tensor, weights: Tensor, labels: Tensor) -> None:
    if x.dim() != 2 or not len(x):
        raise ValueError(f"start_x: found shape {tuple(x.shape)}; pass (k, d) with k >= 1")
    for name, value in (("start_weights", weights), ("labels", labels)):
        if value.shape != x.shape[:1]:
            raise ValueError(f"{name}: found shape {tuple(value.shape)}; pass ({len(x)},)")
    if not (x.isfinite().all() and weights.isfinite().all()):
        raise ValueError("start_x, start_weights: found inf or nan; pass finite numbers")


def _identity(setting: Setting, state: State) -> dict[str, Any]:
    target = [float(piece.double().square().sum()) for piece in setting.map_of(state).target]
    return {
        "config": plain(setting.config),
        "target": target,
        "start_x": state.x,
        "start_weights": state.weights,
        "labels": state.labels,
    }


def _result(setting: Setting, state: State, factor: float) -> Reconstruction:
    size = float(squared_norm(setting.map_of(state).target))
    return Reconstruction(
        state.x,
        state.weights,
        factor * state.weights,
        state.labels,
        state.origin,
        state.identity,
        state.history,
        state.events,
        state.step,
        math.sqrt(state.history[-1].loss / size) if size else math.inf,
        setting.config.seed,
        state.seconds,
    )
