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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from attack.descent.checkpoint import Checkpoint
from attack.descent.config import ReconstructionConfig, plain_config
from attack.descent.result import Reconstruction
from attack.descent.rounds import next_round
from attack.descent.setting import LabelledMap, Setting
from attack.descent.state import Record, State, begin, pack, unpack
from attack.maps.batches import out_of_memory
from attack.maps.protocol import Map
from attack.maps.scaled import ScaledMap
from attack.metrics.truth import Truth

Progress: TypeAlias = Callable[[Record], None]
"""Called with every entry of the history."""


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
        config: Settings; its ``candidates`` and ``init`` are those of ``state.initial_candidates``.
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
    setting = Setting(_scheduled(reconstruction, factor), config, config.batch)
    state = begin(start_x.detach().clone(), start_weights.detach().clone(), labels)
    known = _identity(setting, state)
    saved = checkpoint.load(known, start_x.device) if checkpoint else None
    state = unpack(saved["state"]) if saved else state
    setting = replace(setting, batch=state.batch or config.batch)
    blocks = 0
    while not state.finished:
        began = time.perf_counter()
        try:
            with _precision(config):
                state = next_round(setting, state, truth)
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


@contextmanager
def _precision(config: ReconstructionConfig) -> Iterator[None]:
    """Matrix products of float32 on a GPU as the config asks for, and as before afterwards."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if config.dtype == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


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
        "config": plain_config(setting.config),
        "target": target,
        "start_x": state.x,
        "start_weights": state.weights,
        "labels": state.labels,
    }


def _result(setting: Setting, state: State, factor: float) -> Reconstruction:
    size = setting.size(state)
    return Reconstruction(
        x=state.x,
        weights=state.weights,
        b=factor * state.weights,
        labels=state.labels,
        origin=state.origin,
        identity=state.identity,
        history=state.history,
        events=state.events,
        steps=state.step,
        residual=math.sqrt(state.history[-1].loss / size) if size else math.inf,
        seed=setting.config.seed,
        seconds=state.seconds,
    )
