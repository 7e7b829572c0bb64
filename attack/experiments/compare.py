"""Runs a preset with and without splitting from the same start, seed by seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch

from attack.data.dataset import Dataset, load
from attack.descent.checkpoint import Checkpoint
from attack.descent.config import plain
from attack.descent.objective import least_squares, loss
from attack.descent.result import Reconstruction
from attack.descent.state import Record
from attack.experiments import undersized
from attack.experiments.comparison import Run, compare_runs
from attack.experiments.presets import Preset
from attack.experiments.report import Pair, Setting
from attack.metrics.truth import Truth
from attack.reading import read_network
from attack.reconstruction import maps_of, reconstruct
from attack.victims.files import load_victim, save_victim
from attack.victims.training import Victim, train_victim

Announce: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""

Task: TypeAlias = tuple[int, int, undersized.Name]
"""Seed, n and activation of an undersized comparison."""

NAMES = {True: "with splitting", False: "without splitting"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a comparison runs and what it keeps.

    Attributes:
        device: Of all tensors.
        folder: Local files of the data set; None for what is embedded or downloaded.
        checkpoints: Folder for victims and checkpoints, from which an interrupted comparison goes
            on; None to keep nothing.
    """

    device: torch.device
    folder: Path | None = None
    checkpoints: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One seed of a comparison.

    Attributes:
        pair: Both runs with the truth.
        loss_at_truth: The loss of the true samples with the best multipliers. A run that ends below
            it fits the weights better than the truth does.
    """

    pair: Pair
    loss_at_truth: float


def compare_preset(preset: Preset, seed: int, place: Place, announce: Announce) -> Trial:
    """Train a victim and attack it twice.

    Args:
        preset: What is compared.
        seed: Of data, victim, start and run.
        place: Device, files, checkpoints.
        announce: Told of the progress.

    Returns:
        Both runs, and how well the truth would have done.

    Raises:
        ValueError: If the folder of checkpoints is of another comparison.
    """
    dtype = preset.config.torch_dtype
    dataset = load(
        preset.data, preset.samples, classes=preset.classes, seed=seed, folder=place.folder
    ).to(place.device, dtype)
    config = replace(preset.victim, seed=seed)
    stored = _file(place, f"victim-{seed}.safetensors")
    if stored and stored.exists():
        victim = load_victim(stored).to(place.device)
        if victim.config != config or victim.data != dataset.info:
            raise ValueError(f"checkpoints: {stored} is of another victim; pass an empty folder")
    else:
        victim = train_victim(
            dataset,
            config,
            lambda step, loss: announce(f"training, loss {loss:.1e}", step, config.steps),
        )
        if stored:
            save_victim(victim, stored)
    metric = preset.measure(dataset.shape)
    truth = Truth(dataset.x, metric, preset.symmetry)
    runs: dict[bool, Run] = {}
    for splits in (False, True):
        settings = replace(
            preset.config, seed=seed, splitting=preset.config.splitting if splits else None
        )
        kept = _file(place, f"{'with' if splits else 'without'}-{seed}.pt")

        def tell(record: Record, name: str = NAMES[splits]) -> None:
            text = f"{name}, loss {record.loss:.1e}, k {record.k}, {metric.name}"
            announce(f"{text} {record.mean_metric:.3f}", record.step, preset.config.steps)

        result = reconstruct(
            victim,
            preset.objective,
            settings,
            equations=preset.equations,
            truth=truth,
            progress=tell,
            checkpoint=Checkpoint(kept) if kept else None,
        )
        runs[splits] = to_run(result, NAMES[splits])
    without, with_ = runs[False], runs[True]
    comparison = compare_runs(dataset.x, without, with_, metric, symmetry=preset.symmetry)
    return Trial(Pair(dataset.x, without, with_, comparison), _loss_at(dataset, victim, preset))


def _loss_at(truth: Dataset, victim: Victim, preset: Preset) -> float:
    config = preset.config
    network = read_network(victim, None, None, config.torch_dtype)
    map_at = maps_of(network, preset.objective, config, preset.equations)
    f, x = map_at(config.steps, truth.labels), truth.x
    nonnegative = preset.objective in {"kkt", "multiclass"}
    return float(loss(f, x, least_squares(f, x, nonnegative=nonnegative)))


def to_run(result: Reconstruction, name: str) -> Run:
    """A reconstruction as the figures want it."""
    steps = np.array([record.step for record in result.history])
    split = sorted({event.step for event in result.events if event.kind == "split"})
    merged = sorted({event.step for event in result.events if event.kind in {"merge", "remove"}})
    return Run(
        name,
        result.seed,
        result.x,
        result.weights,
        steps,
        np.array([record.loss for record in result.history]),
        steps,
        np.array([record.metric for record in result.history]),
        tuple(split),
        tuple(merged),
        result.seconds,
    )


def trial_record(trial: Trial) -> dict[str, Any]:
    """A trial as plain values.

    Args:
        trial: Both runs of one seed.

    Returns:
        seed, n, wins, losses, ties, share_improved, mean_change, loss_at_truth, and under ``with``
        and ``without`` k_final, found, mean, best_ten (means of the metric), loss_start, loss_end,
        split_steps, seconds.
    """
    pair, c = trial.pair, trial.pair.comparison
    sides = {}
    for name, run, matched in (("without", pair.without, c.before), ("with", pair.with_, c.after)):
        values = np.sort(matched.values[~np.isnan(matched.values)])
        best = values[::-1] if c.metric.higher else values
        sides[name] = {
            "k_final": matched.k,
            "found": matched.found,
            "mean": float(values.mean()) if len(values) else None,
            "best_ten": float(best[:10].mean()) if len(values) else None,
            "loss_start": float(run.losses[0]),
            "loss_end": float(run.losses[-1]),
            "split_steps": list(run.split_steps),
            "seconds": run.seconds,
        }
    return {
        "seed": pair.without.seed,
        "n": len(pair.truth),
        "wins": c.wins,
        "losses": c.losses,
        "ties": c.ties,
        "share_improved": c.share_improved,
        "mean_change": c.mean_change,
        "loss_at_truth": trial.loss_at_truth,
        **sides,
    }


def against_truth(trials: Sequence[Trial]) -> str:
    """Say whether the runs ended above or below the loss that the truth has."""
    ends = [
        (trial.loss_at_truth, trial.pair.without.losses[-1], trial.pair.with_.losses[-1])
        for trial in trials
    ]
    truth, before, after = np.array(ends).T
    losses = f"{before.mean():.2g} without splitting, {after.mean():.2g} with it"
    below = int((before < truth).sum()), int((after < truth).sum())
    said = (
        f"The mean loss at the end was {losses}; the true samples with their best multipliers have "
        f"{truth.mean():.2g}. Below the loss of the truth ended {below[0]} of {len(trials)} runs "
        f"without splitting and {below[1]} with it"
    )
    return f"{said}: there a better fit is no longer a nearer one." if any(below) else f"{said}."


def settings_of(preset: Preset) -> list[Setting]:
    """All settings of a preset with their sources, for the report."""
    data = f"{preset.samples} of {preset.data}, {preset.classes} classes"
    rows = [Setting("data", data, preset.sources["victim"])]
    parts = {
        "victim": plain(preset.victim),
        "reconstruction": plain(replace(preset.config, splitting=None)),
        "splitting": plain(preset.config.splitting),
    }
    for part, values in parts.items():
        rows += [
            Setting(f"{part}: {name}", _text(value), preset.sources[part])
            for name, value in values.items()
            if value is not None and name not in {"seed", "splitting"}
        ]
    return rows


def compare_undersized(
    seeds: Iterable[int],
    jobs: int,
    known: Mapping[tuple[str, int, int], Any],
    sizes: Sequence[int] = (8, 16),
) -> Iterator[dict[str, Any]]:
    """All sizes and activations of ``undersized``, each in a process with one thread.

    Args:
        seeds: Seeds.
        jobs: Processes at once.
        known: Records from before by map, n and seed; these are not run again.
        sizes: Numbers of samples.

    Yields:
        Records, in a fixed order.
    """
    names = undersized.NAMES
    tasks: list[Task] = [(seed, n, name) for name in names for n in sizes for seed in seeds]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = [
            None if _key(*task) in known else pool.submit(_undersized, *task) for task in tasks
        ]
        try:
            for task, future in zip(tasks, waiting, strict=True):
                yield future.result() if future else known[_key(*task)]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _key(seed: int, n: int, name: undersized.Name) -> tuple[str, int, int]:
    return f"ntk, {name}", n, seed


def _undersized(seed: int, n: int, name: undersized.Name) -> dict[str, Any]:
    torch.set_num_threads(1)
    return undersized.summary(undersized.run(seed, n, name))


def _file(place: Place, name: str) -> Path | None:
    return None if place.checkpoints is None else place.checkpoints / name


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items() if v is not None)
    return f"{value:g}" if isinstance(value, float) else str(value)
