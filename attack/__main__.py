"""Command line: ``attack train``, ``reconstruct``, ``compare`` and ``audit``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from attack.victims.config import VictimConfig


@dataclass(frozen=True)
class Train:
    """Train a network on pictures and store it with its initial weights and margins."""

    victim: tyro.conf.OmitArgPrefixes[VictimConfig] = field(default_factory=VictimConfig)
    out: Path = Path("victim.safetensors")
    """The file to write; a .json file beside it repeats all but the weights."""
    data: str = "digits"
    """digits, photographs, mnist or cifar10; the last two from OpenML unless folder is given."""
    folder: Path | None = None
    """Local files of MNIST (idx-ubyte) or CIFAR-10 (binary version)."""
    samples: int = 500
    """Number of samples, balanced; 500 in Haim et al. 2022."""
    classes: int = 2
    """2 (odd digits, animals against the others) or 10 (with --loss cross-entropy)."""
    unit_norm: bool = False
    """Divide every sample by its norm, as Theorem 4.1 assumes."""
    device: str = "cpu"
    """Where to train: cpu, cuda or cuda:N."""
    precision: str = "float64"
    """float64 (Haim et al.) or float32."""


@dataclass(frozen=True)
class Reconstruct:
    """Reconstruct the training samples of a stored network."""

    victim: Annotated[Path, tyro.conf.Positional]
    """A .safetensors file that attack train wrote."""
    objective: Literal["kkt", "multiclass", "signed", "ntk"] = "kkt"
    """kkt (Haim et al. 2022), multiclass or signed (Buzaglo et al. 2023), ntk (Loo et al. 2024)."""
    settings: Literal["haim-mnist", "haim-cifar", "buzaglo", "loo"] = "haim-mnist"
    """Published settings to start from; what follows replaces single ones."""
    split: bool = False
    """Split samples as in arXiv 2602.08723, with its settings."""
    every: int | None = None
    """Steps between two splittings; 20000 in appendix C.1."""
    steps: int | None = None
    """Steps of the descent."""
    candidates: int | None = None
    """Number of candidates at the start."""
    rate: float | None = None
    """Step size of the samples."""
    weight_rate: float | None = None
    """Step size of the multipliers."""
    init: float | None = None
    """Standard deviation of the candidates at the start."""
    optimizer: Literal["sgd", "adam", "lbfgs"] | None = None
    """Descent."""
    sharpness: float | None = None
    """Of the sigmoid that stands for the derivative of relu."""
    dtype: Literal["float64", "float32", "tf32"] | None = None
    """Precision."""
    batch: int | None = None
    """Candidates handled at once."""
    seed: int = 0
    """Draws the start."""
    truth: bool = False
    """Load the training samples again and measure against them."""
    folder: Path | None = None
    """Local files of MNIST or CIFAR-10, for --truth."""
    out: Path = Path("reconstruction.safetensors")
    """The file to write: x, weights, labels; a .json file beside it holds history and events."""
    checkpoint: Path | None = None
    """File from which an interrupted run goes on."""
    device: str = "cpu"
    """Where to run: cpu, cuda or cuda:N."""


@dataclass(frozen=True)
class Compare:
    """Run an attack with and without splitting from the same start."""

    preset: Literal["undersized", "loo", "haim", "buzaglo"] = "undersized"
    """undersized: fewer candidates than samples, exact targets; the others are the paper's."""
    scale: Literal["small", "full"] = "small"
    """small: digits, for two cores; full: the paper's size, for a GPU. Not for undersized."""
    seeds: int = 3
    """Seeds 0, 1, ..., each with its own data, network and start."""
    json: Path | None = None
    """Record to write; an undersized comparison goes on from it."""
    html: Path | None = None
    """Report to write. Not for undersized."""
    data: str | None = None
    """digits, photographs, mnist or cifar10 in place of the preset's."""
    folder: Path | None = None
    """Local files of MNIST or CIFAR-10."""
    checkpoints: Path | None = None
    """Folder from which an interrupted comparison goes on. Not for undersized."""
    device: str = "cpu"
    """Where to run: cpu, cuda or cuda:N. Not for undersized."""
    threads: int = 1
    """Threads on a CPU; layers of width 200 gain nothing from more. Not for undersized."""
    jobs: int = 2
    """Processes of an undersized comparison."""


@dataclass(frozen=True)
class Audit:
    """Ask both halves about a stored network, and put all they say on one page."""

    victim: Annotated[Path, tyro.conf.Positional]
    """A .safetensors file that attack train wrote."""
    html: Path | None = None
    """Page to write: verdict, rank, recovered, reconstructed, matched pairs, witnesses."""
    json: Path | None = None
    """Record to write."""
    folder: Path | None = None
    """Local files of MNIST or CIFAR-10, to load the training samples again."""
    seed: int = 0
    """Of all that is random."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Arguments; those of the process if None.

    Returns:
        0 for success, 2 for bad input.
    """
    command = tyro.extras.subcommand_cli_from_dict(
        {"train": Train, "reconstruct": Reconstruct, "compare": Compare, "audit": Audit},
        prog="attack",
        description="Train networks and reconstruct their training data.",
        args=arguments,
    )
    try:
        if isinstance(command, Train):
            _train(command)
        elif isinstance(command, Reconstruct):
            _reconstruct(command)
        elif isinstance(command, Audit):
            _audit(command)
        else:
            _compare(command)
    except (ValueError, OSError, RuntimeError) as error:
        text = " ".join(str(error).split())
        Console(stderr=True).print(f"attack: {text}", markup=False, highlight=False, soft_wrap=True)
        return 2
    return 0


def _train(command: Train) -> None:
    from attack.cli import commands

    commands.train(
        command.victim,
        command.out,
        command.data,
        command.samples,
        folder=command.folder,
        classes=command.classes,
        unit_norm=command.unit_norm,
        device=command.device,
        precision=command.precision,
    )


def _reconstruct(command: Reconstruct) -> None:
    from attack.cli import commands
    from attack.descent.splitting_config import SplittingConfig

    names = ("steps", "candidates", "rate", "weight_rate", "init", "optimizer", "sharpness")
    given = {name: getattr(command, name) for name in (*names, "dtype", "batch")}
    config = replace(
        commands.SETTINGS[command.settings],
        seed=command.seed,
        **{name: value for name, value in given.items() if value is not None},
    )
    if command.split:
        every = SplittingConfig.every if command.every is None else command.every
        config = replace(config, splitting=SplittingConfig(every=every))
    commands.attack_victim(
        command.victim,
        command.objective,
        config,
        command.out,
        truth=command.truth,
        folder=command.folder,
        checkpoint=command.checkpoint,
        device=command.device,
    )


def _audit(command: Audit) -> None:
    from attack.cli import commands

    commands.audit_victim(
        command.victim,
        folder=command.folder,
        json_path=command.json,
        html=command.html,
        seed=command.seed,
    )


def _compare(command: Compare) -> None:
    from attack.cli import commands
    from attack.experiments.compare import Place
    from attack.experiments.presets import preset

    for name in ("seeds", "jobs", "threads"):
        if getattr(command, name) < 1:
            raise ValueError(f"{name}: found {getattr(command, name)}; pass 1 or more")
    if command.preset == "undersized":
        commands.compare_candidates(range(command.seeds), command.jobs, command.json)
        return
    chosen = preset(command.preset, command.scale)
    if command.data is not None:
        chosen = replace(chosen, data=command.data)
    place = Place(commands.open_device(command.device), command.folder, command.checkpoints)
    with commands.threads(command.threads):
        commands.compare_networks(
            chosen, range(command.seeds), place, json_path=command.json, html=command.html
        )


if __name__ == "__main__":
    sys.exit(main())
