"""One seed of a preset: a network is trained and attacked twice, without and with splitting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import torch

from attack.data.dataset import Dataset, load
from attack.descent.checkpoint import Checkpoint
from attack.descent.objective import least_squares, loss
from attack.descent.result import Reconstruction
from attack.descent.state import Record
from attack.experiments.comparison import Comparison, compare_runs
from attack.experiments.presets import Preset
from attack.metrics.truth import Truth
from attack.reading import read_network
from attack.reconstruction import maps_of, reconstruct
from attack.victims.files import load_victim, save_victim
from attack.victims.training import Victim, train_victim

Announce: TypeAlias = Callable[[str, float], None]
"""Called with what is being done and the part of it that is finished."""


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

    def file(self, name: str) -> Path | None:
        """The file of this name among the checkpoints."""
        return None if self.checkpoints is None else self.checkpoints / name


def run_trial(preset: Preset, seed: int, place: Place, announce: Announce) -> Comparison:
    """Return two attacks on one victim; the seed is that of data, victim, start and runs.

    Raises:
        ValueError: If the folder of checkpoints is of another comparison.
    """
    dataset = load(
        preset.data, preset.samples, classes=preset.classes, seed=seed, folder=place.folder
    ).to(place.device, preset.config.torch_dtype)
    victim = _victim(preset, dataset, seed, place, announce)
    truth = Truth(dataset.x, preset.measure(dataset.shape), preset.symmetry)
    without, with_ = (
        _attack(preset, victim, truth, splits, place, announce) for splits in (False, True)
    )
    return compare_runs(
        dataset.x,
        without,
        with_,
        truth.metric,
        symmetry=preset.symmetry,
        loss_at_truth=_loss_at(dataset, victim, preset),
    )


def _victim(
    preset: Preset, dataset: Dataset, seed: int, place: Place, announce: Announce
) -> Victim:
    """The stored victim of this seed, or a new one."""
    config, stored = replace(preset.victim, seed=seed), place.file(f"victim-{seed}.safetensors")
    if stored and stored.exists():
        victim = load_victim(stored).to(place.device)
        if victim.config != config or victim.data != dataset.info:
            raise ValueError(f"checkpoints: {stored} is of another victim; pass an empty folder")
        return victim
    victim = train_victim(
        dataset,
        config,
        lambda step, loss: announce(f"training, loss {loss:.1e}", step / config.steps),
    )
    if stored:
        save_victim(victim, stored)
    return victim


def _attack(
    preset: Preset, victim: Victim, truth: Truth, splits: bool, place: Place, announce: Announce
) -> Reconstruction:
    side, seed = "with" if splits else "without", victim.config.seed
    config = replace(preset.config, seed=seed)
    kept = place.file(f"{side}-{seed}.pt")

    def tell(record: Record) -> None:
        text = f"{side} splitting, loss {record.loss:.1e}, k {record.k}, {truth.metric.name}"
        announce(f"{text} {record.mean_metric:.3f}", record.step / config.steps)

    return reconstruct(
        victim,
        preset.objective,
        config if splits else replace(config, splitting=None),
        equations=preset.equations,
        truth=truth,
        progress=tell,
        checkpoint=Checkpoint(kept) if kept else None,
    )


def _loss_at(truth: Dataset, victim: Victim, preset: Preset) -> float:
    """The loss of the true samples with the best multipliers, by the map of the last step."""
    config = preset.config
    network = read_network(victim, None, None, config.torch_dtype)
    map_at = maps_of(network, preset.objective, config, preset.equations)
    f, x = map_at(config.steps, truth.labels), truth.x
    nonnegative = preset.objective in {"kkt", "multiclass"}
    return float(loss(f, x, least_squares(f, x, nonnegative=nonnegative)))
