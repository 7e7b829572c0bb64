"""Command line: ``identify demo``, ``verify``, ``check``, ``spans``, ``members``, ``sweep``."""

from __future__ import annotations

import sys

import tyro

from identify.cli.check import Check
from identify.cli.demo import Demo
from identify.cli.members import Members
from identify.cli.spans import Spans
from identify.cli.sweep import Sweep
from identify.cli.verify import Verify
from identify.rendering.words import printable


def run_identify(arguments: list[str] | None = None) -> int:
    """Run the command line, that of the process for None; return 0, or 2 for bad input."""
    command = tyro.extras.subcommand_cli_from_dict(
        {
            "demo": Demo,
            "verify": Verify,
            "check": Check,
            "spans": Spans,
            "members": Members,
            "sweep": Sweep,
        },
        prog="identify",
        description="Do these weights give their training data away?",
        args=arguments,
    )
    try:
        command.run()
    except (ValueError, OSError) as error:
        print(f"identify: {printable(str(error))}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(run_identify())
