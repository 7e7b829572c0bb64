"""Command line: ``proofs-check`` examines every claim of the ledger."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from identify.cli.progress import progress_bar
from identify.files import check_target
from proofs_check.claims import all_claims, check_all
from proofs_check.ledger import CheckedClaim, ClaimVerdict
from proofs_check.record import write_record

EXPECTED, SURPRISE, UNDECIDED, BAD_INPUT = 0, 1, 2, 3
INTERRUPTED = 130


@dataclass(frozen=True)
class ProofsCheck:
    """Decide the claims of arXiv 2602.08723, each with evidence.

    Exit status: 0 if every verdict, and what it rests on, is the recorded one, 1 if one is not,
    2 if one stayed undecided as recorded, 3 for input that cannot be used.
    """

    only: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="ID")] = ()
    """Examine this claim only, and print all about it; may be repeated."""
    section: str | None = None
    """Examine one section of the paper only, as in A.2."""
    json: Path | None = None
    """Write the ledger as JSON."""
    html: Path | None = None
    """Write the ledger as one self-contained page."""
    errata: Path | None = None
    """Write the corrections a reader of the paper needs as Markdown; whole ledger only."""
    record: Path | None = None
    """Write what was found, to be compared with from then on, as JSON; whole ledger only."""

    def run(self) -> int:
        """Examine, print and write; the exit status described above."""
        self._check_arguments()
        checked = self._examine()
        self._print(checked)
        self._write(checked)
        return exit_status(checked)

    def _check_arguments(self) -> None:
        for name in ("errata", "record"):
            if getattr(self, name) is not None and (self.only or self.section):
                raise ValueError(f"--{name}: found with --only or --section; pass it alone")
        for name in ("json", "html", "errata", "record"):
            check_target(getattr(self, name), f"--{name}")

    def _examine(self) -> list[CheckedClaim]:
        total, seen = len(all_claims(self.section, self.only)), itertools.count()
        with progress_bar() as announce:
            return check_all(
                self.section,
                only=self.only,
                progress=lambda claim: announce(claim.id, next(seen) / total),
            )

    def _print(self, checked: Sequence[CheckedClaim]) -> None:
        from proofs_check.rendering.text import render_details, render_summary, render_table

        console = Console()
        if self.only:
            for found in checked:
                console.print(render_details(found), markup=False, highlight=False, soft_wrap=True)
                console.print()
        else:
            console.print(render_table(checked))
            console.print()
        console.print(render_summary(checked), markup=False, highlight=False, soft_wrap=True)

    def _write(self, checked: Sequence[CheckedClaim]) -> None:
        from proofs_check.rendering.errata import write_errata
        from proofs_check.rendering.html import write_ledger_html
        from proofs_check.rendering.json import write_ledger_json

        writers = (write_ledger_json, write_ledger_html, write_errata)
        for path, write in zip((self.json, self.html, self.errata), writers, strict=True):
            if path is not None:
                write(checked, path)
        if self.record is not None:
            write_record({found.id: found.findings for found in checked}, self.record)


def exit_status(checked: Sequence[CheckedClaim]) -> int:
    """What the command exits with: 1 on any surprise, else 2 on any undecided claim, else 0."""
    if not all(found.as_recorded for found in checked):
        return SURPRISE
    if any(found.verdict is ClaimVerdict.UNDECIDED for found in checked):
        return UNDECIDED
    return EXPECTED


def run_proofs_check(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, with the arguments of the process if None; the exit status above."""
    command = tyro.cli(ProofsCheck, prog="proofs-check", args=arguments)
    try:
        return command.run()
    except (ValueError, OSError) as error:
        Console(stderr=True).print(f"proofs-check: {error}", markup=False, soft_wrap=True)
        return BAD_INPUT
    except KeyboardInterrupt:
        Console(stderr=True).print("proofs-check: interrupted; nothing was written")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(run_proofs_check())
