"""Command line: ``attack train``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import tyro
from rich.console import Console

from attack.victim_config import VictimConfig

if TYPE_CHECKING:
    import torch


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


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Arguments; those of the process if None.

    Returns:
        0 for success, 2 for bad input.
    """
    command = tyro.extras.subcommand_cli_from_dict(
        {"train": Train},
        prog="attack",
        description="Train networks and reconstruct their training data.",
        args=arguments,
    )
    try:
        _train(command)
    except (ValueError, OSError) as error:
        text = " ".join(str(error).split())
        Console(stderr=True).print(f"attack: {text}", markup=False, highlight=False, soft_wrap=True)
        return 2
    return 0


def _train(command: Train) -> None:
    from rich.progress import Progress

    from attack.data import load
    from attack.victim import train_victim
    from attack.victim_config import check_config
    from attack.victim_files import check_path, save_victim

    config = command.victim
    check_path(command.out)
    check_config(config, command.classes)
    device, precision = _place(command.device, command.precision)
    dataset = load(
        command.data,
        command.samples,
        classes=command.classes,
        seed=config.seed,
        folder=command.folder,
        unit_norm=command.unit_norm,
    )
    errors = Console(stderr=True)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("training", total=config.steps)
        victim = train_victim(
            dataset.to(device, precision),
            config,
            lambda step, loss: bar.update(task, completed=step, description=f"loss {loss:.2e}"),
        )
    save_victim(victim, command.out)
    step, loss = victim.losses[-1].tolist()
    margins = victim.margins
    Console().print(
        f"loss     {loss:.3e} after {step:.0f} steps\n"
        f"margins  {margins.min():.3e} to {margins.max():.3e}, median {margins.median():.3e}, "
        f"{int((margins <= 0).sum())} of {len(margins)} wrong\n"
        f"seconds  {victim.seconds:.1f}\n"
        f"seed     {config.seed}\n"
        f"written  {command.out}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _place(device: str, precision: str) -> tuple[torch.device, torch.dtype]:
    import torch

    types = {"float64": torch.float64, "float32": torch.float32}
    if precision not in types:
        raise ValueError(f"precision: found {precision!r}; pass {' or '.join(types)}")
    try:
        place = torch.device(device)
        usable = place.type in {"cpu", "cuda"} and torch.empty(0, device=place).numel() == 0
    except (RuntimeError, AssertionError):  # torch built without cuda asserts
        usable = False
    if not usable:
        raise ValueError(
            f"device: found {device!r}, which cannot be used here; pass cpu, or cuda or cuda:N "
            "where there is such a GPU"
        )
    return torch.device(device), types[precision]


if __name__ == "__main__":
    sys.exit(main())
