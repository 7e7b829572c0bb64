"""``identify spans``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from identify.files import check_target


@dataclass(frozen=True)
class Spans:
    """Read off two checkpoints what training added to each layer: how many records, and decay."""

    trained: Annotated[Path, tyro.conf.Positional]
    """Checkpoint after training: .safetensors (or the index of its shards), .pt, .pth or .npz."""
    init: Path | None = None
    """Checkpoint before training."""
    model: str | None = None
    """Instead of --init: module:factory, a function of yours that builds the network; it is run."""
    init_seeds: str | None = None
    """With --model: seeds first:last, of which the one that fits is found."""
    names: tuple[str, ...] = ()
    """The matrices wanted; all by default."""
    inputs: str | None = None
    """Name of the matrix that reads the inputs, where names, order and shapes do not tell."""
    html: Path | None = None
    """Write a page with the spectra."""
    json: Path | None = None
    """Write the figures as JSON."""

    def run(self) -> None:
        """Check where the reports go, read the checkpoints, print and write."""
        from rich.console import Console

        from identify.checkpoints.changes import read_changes
        from identify.cli.initial import initial_weights
        from identify.cli.progress import progress_bar
        from identify.rendering.spans import spans_table, write_spans_json, write_spans_page

        check_target(self.json, "--json")
        check_target(self.html, "--html")
        initial = initial_weights(self.trained, self.init, self.model, self.init_seeds)
        with progress_bar() as announce:
            changes = read_changes(
                self.trained,
                initial,
                names=self.names or None,
                inputs=self.inputs,
                progress=announce,
            )
        console = Console()
        console.print(spans_table(changes))
        for change in changes:
            for reason in change.reasons:
                console.print(
                    f"{change.name}: {reason}", markup=False, highlight=False, soft_wrap=True
                )
        if self.json is not None:
            write_spans_json(changes, self.json)
        if self.html is not None:
            write_spans_page(changes, self.html)
