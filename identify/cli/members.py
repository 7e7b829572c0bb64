"""``identify members``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from identify.files import check_target


@dataclass(frozen=True)
class Members:
    """Tell which records a network was trained on, for any activation, loss and depth."""

    trained: Annotated[Path, tyro.conf.Positional]
    """Checkpoint after training: .safetensors (or the index of its shards), .pt, .pth or .npz."""
    candidates: Annotated[Path, tyro.conf.Positional]
    """Records, members or not: a .npy or .npz file, one a row as the network reads it, or a folder
    of pictures, to which the preprocessing applies."""
    init: Path | None = None
    """Checkpoint before training."""
    model: str | None = None
    """Instead of --init: module:factory, a function of yours that builds the network; it is run."""
    init_seeds: str | None = None
    """With --model: seeds first:last, of which the one that fits is found."""
    inputs: str | None = None
    """Name of the matrix that reads the records, where names, order and shapes do not tell."""
    scale: float = 1 / 255
    """Pictures: factor of the pixels 0 ... 255."""
    mean: tuple[float, ...] = (0.0,)
    """Pictures: subtracted after scaling, one number or one per channel."""
    std: tuple[float, ...] = (1.0,)
    """Pictures: divided by after that, one number or one per channel."""
    grey: bool = False
    """Pictures: turn colours to grey."""
    channels_last: bool = False
    """Pictures: the network reads (height, width, channel) instead of (channel, height, width)."""
    html: Path | None = None
    """Write a page with every record."""
    json: Path | None = None
    """Write the figures as JSON."""

    def run(self) -> None:
        """Check where the reports go, read records and checkpoints, print and write."""
        from rich.console import Console

        from identify.checkpoints.candidates import Preprocessing, read_candidates
        from identify.checkpoints.membership import membership
        from identify.cli.initial import initial_weights
        from identify.cli.progress import progress_bar
        from identify.rendering.members import (
            members_table,
            summary,
            write_members_json,
            write_members_page,
        )

        check_target(self.json, "--json")
        check_target(self.html, "--html")
        preprocessing = Preprocessing(
            self.scale, self.mean, self.std, self.grey, self.channels_last
        )
        found = read_candidates(self.candidates, preprocessing)
        initial = initial_weights(self.trained, self.init, self.model, self.init_seeds)
        with progress_bar() as announce:
            result = membership(
                found.x,
                self.trained,
                initial,
                inputs=self.inputs,
                progress=lambda part: announce("membership", part),
            )
        console = Console()
        console.print(members_table(result, found.names))
        for sentence in (summary(result), *result.reasons):
            console.print(sentence, markup=False, highlight=False, soft_wrap=True)
        if self.json is not None:
            write_members_json(result, found.names, self.json)
        if self.html is not None:
            write_members_page(result, found.names, self.html)
