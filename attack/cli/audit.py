"""``attack audit``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from attack.cli.console import check_outputs, say
from identify.files import write_atomic


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

    def run(self) -> None:
        """Audit the victim, print the verdict, and write page and record."""
        from attack.audit import audit
        from attack.data.dataset import load_again
        from attack.victims.files import load_victim

        check_outputs(self, "json", "html")
        victim = load_victim(self.victim)
        truth = load_again(victim.data, self.folder)
        with Console(stderr=True).status("audit") as status:
            found = audit(victim, truth, seed=self.seed, say=status.update)
        say(str(found.report))
        for chapter in found.chapters:
            say("\n".join(["", chapter.title, *(f"  {line}" for line in chapter.sentences)]))
        if self.json is not None:
            write_atomic(self.json, json.dumps(found.to_dict(), indent=1) + "\n")
        if self.html is not None:
            found.to_html(self.html, truth)
