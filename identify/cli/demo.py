"""``identify demo``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Demo:
    """Train a cubic network on real digits, then recover the digits from its weights."""

    out: Path = Path()
    """Folder for report.html, recovered.png and weights.npz."""
    samples: int = 20
    """Number of digits."""
    neurons: int = 1000
    """Number of neurons."""
    seed: int = 1
    """Draws the digits, the initial weights and the slices."""

    def run(self) -> None:
        """Check the options, then train, verify and write."""
        from rich.console import Console

        from identify.demo.run import run_demo

        if self.samples < 1 or self.samples > 60:
            raise ValueError(f"--samples: found {self.samples}; pass 1 to 60")
        if self.neurons < 1:
            raise ValueError(f"--neurons: found {self.neurons}; pass a positive number")
        self.out.mkdir(parents=True, exist_ok=True)
        run_demo(
            self.out,
            samples=self.samples,
            neurons=self.neurons,
            seed=self.seed,
            console=Console(),
        )
