"""Command line: ``attack train``, ``reconstruct``, ``compare`` and ``audit``."""

from __future__ import annotations

import sys

import tyro
from rich.console import Console

from attack.cli.audit import Audit
from attack.cli.compare import Compare
from attack.cli.reconstruct import Reconstruct
from attack.cli.train import Train


def run_attack(arguments: list[str] | None = None) -> int:
    """Run a command, with the arguments of the process if None: 0 is success, 2 bad input."""
    command = tyro.extras.subcommand_cli_from_dict(
        {"train": Train, "reconstruct": Reconstruct, "compare": Compare, "audit": Audit},
        prog="attack",
        description="Train networks and reconstruct their training data.",
        args=arguments,
    )
    try:
        command.run()
    except (ValueError, OSError, RuntimeError) as error:
        text = " ".join(str(error).split())
        Console(stderr=True).print(f"attack: {text}", markup=False, highlight=False, soft_wrap=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(run_attack())
