"""``attack audit``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from attack.cli.console import check_outputs, check_unused, say
from attack.cli.network import VICTIM, Network
from identify.files import write_atomic


@dataclass(frozen=True)
class Audit:
    """Ask both halves about a stored network, and put all they say on one page."""

    network: tyro.conf.OmitArgPrefixes[Network]
    html: Path | None = None
    """Page to write: verdict, rank, recovered, reconstructed, matched pairs, witnesses."""
    json: Path | None = None
    """Record to write."""
    folder: Path | None = None
    """Local files of MNIST or CIFAR-10, to load the samples of a file of attack train again."""
    seed: int = 0
    """Of all that is random."""

    def run(self) -> None:
        """Audit the network, print the verdict, and write page and record."""
        from attack.audit import audit
        from attack.data.dataset import load_again
        from attack.victims.training import Victim

        check_outputs(self, "json", "html")
        network = self.network.open()
        check_unused(self, ("folder",), isinstance(network, Victim), VICTIM)
        truth = load_again(network.data, self.folder) if isinstance(network, Victim) else None
        with Console(stderr=True).status("audit") as status:
            found = audit(network, truth, seed=self.seed, say=status.update)
        say(str(found.report))
        for chapter in found.chapters:
            say("\n".join(["", chapter.title, *(f"  {line}" for line in chapter.sentences)]))
        if self.json is not None:
            write_atomic(self.json, json.dumps(found.to_dict(), indent=1) + "\n")
        if self.html is not None:
            found.to_html(self.html, truth)
