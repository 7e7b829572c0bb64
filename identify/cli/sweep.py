"""``identify sweep``."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import tyro

from identify.cli.activation import polynomial_of
from identify.sweep.audits import Questions
from identify.sweep.cells import Optimiser, PhaseGrid, Precision

_GRID = ("n", "m", "d", "alpha", "noise", "target", "precision", "optimiser", "repeats")
_PAIRS = ("activation", "candidates")


@dataclass(frozen=True)
class Sweep:
    """Draw a phase diagram of planted networks, or audit a folder of checkpoint pairs.

    Run again, the command goes on where it was interrupted.
    """

    out: Annotated[Path, tyro.conf.Positional]
    """Folder for rows.jsonl, table.csv, index.html, and phase.png or a page per network."""
    pairs: Path | None = None
    """Audit the checkpoints in this folder: NAME.before.pt and NAME.after.pt, or NAME/before.pt and
    NAME/after.pt, and so on; without it a phase diagram is drawn."""
    n: tuple[int, ...] = (2, 3, 4, 5, 6, 7, 8)
    """Phase diagram: numbers of samples."""
    m: tuple[int, ...] = (2, 4, 6, 9, 12, 16, 20, 25, 30, 36, 42, 50)
    """Phase diagram: numbers of neurons."""
    d: tuple[int, ...] = (10,)
    """Phase diagram: dimensions of the samples."""
    alpha: tuple[int, ...] = (3,)
    """Phase diagram: degrees of the activation t^alpha."""
    noise: tuple[float, ...] = (0.0,)
    """Phase diagram: noise on the weights, as a share of what training changed."""
    target: tuple[float, ...] = (0.1,)
    """Phase diagram: sizes of the targets, beside initial weights of size 1."""
    precision: tuple[Precision, ...] = ("float64",)
    """Phase diagram: types that the weights are stored in."""
    optimiser: tuple[Optimiser, ...] = ("step",)
    """Phase diagram: one gradient step, descent, momentum, batches (halves) or adam."""
    repeats: int = 5
    """Phase diagram: draws of every point."""
    activation: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NUMBER [NUMBER ...]")] = ()
    """Audit: relu, one number alpha for t^alpha, or c_0 ... c_alpha, to verify the networks too."""
    candidates: Path | None = None
    """Audit: records, of which the members are to be named; a .npy or .npz file or pictures."""
    seed: int = 0
    """Seed of everything random; every cell makes its own of it."""
    jobs: int = 0
    """Processes on this machine; 0 for one per core."""
    cluster: str | None = None
    """Work on Dask instead: local, or tcp://host:port of a scheduler."""

    def run(self) -> None:
        """Check the options, measure what has no row yet, print and write."""
        from rich.console import Console

        from identify.cli.progress import progress_bar
        from identify.sweep.running import audit_folder, sweep_phases

        if self.jobs < 0:
            raise ValueError(f"--jobs: found {self.jobs}; pass 1 or more, or 0 for all cores")
        if self.out.exists() and not self.out.is_dir():
            raise ValueError(f"out: found the file {str(self.out)!r}; pass a folder")
        self._check_unused()
        jobs = self.jobs or len(os.sched_getaffinity(0))
        errors = Console(stderr=True)
        try:
            with progress_bar() as announce:
                if self.pairs is None:
                    grid = PhaseGrid(
                        **{name: getattr(self, name) for name in _GRID}, seed=self.seed
                    )
                    sentences = sweep_phases(
                        grid, self.out, jobs=jobs, cluster=self.cluster, progress=announce
                    )
                else:
                    sentences = audit_folder(
                        self.pairs,
                        self.out,
                        self._questions(),
                        jobs=jobs,
                        cluster=self.cluster,
                        progress=announce,
                    )
        except KeyboardInterrupt:
            errors.print("interrupted; the same command goes on from here", highlight=False)
            raise SystemExit(130) from None
        console = Console()
        for sentence in (*sentences, f"Written: {self.out / 'index.html'}, table.csv, rows.jsonl."):
            console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def _check_unused(self) -> None:
        given = {field.name for field in fields(self) if getattr(self, field.name) != field.default}
        other, where = (
            (_PAIRS, "without --pairs") if self.pairs is None else (_GRID, "with --pairs")
        )
        for name in other:
            if name in given:
                raise ValueError(f"--{name}: found {where}; leave it out")

    def _questions(self) -> Questions:
        from identify.checkpoints.candidates import Preprocessing, read_candidates

        candidates = ""
        if self.candidates is not None:
            read_candidates(self.candidates, Preprocessing())
            candidates = str(self.candidates.resolve())
        activation: tuple[float, ...] | str = ()
        if self.activation == ("relu",):
            activation = "relu"
        elif self.activation:
            activation = polynomial_of(self.activation).coefficients
        return Questions(activation, candidates, self.seed)
