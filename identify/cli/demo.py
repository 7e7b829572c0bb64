"""``identify demo``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Demo:
    """Train a network on real pictures, then recover the pictures from its weights."""

    out: Path = Path()
    """Folder for report.html, recovered.png and the weights."""
    relu: bool = False
    """Photographs and an ordinary ReLU network in place of digits and a cubic one."""
    samples: int = 20
    """Number of pictures."""
    neurons: int = 1000
    """Number of neurons."""
    seed: int = 1
    """Draws the pictures, the initial weights and the slices or starts."""

    def run(self) -> None:
        """Check the options, then train, verify and write."""
        from rich.console import Console

        if self.relu:
            from identify.demo.relu import run_relu_demo as run
        else:
            from identify.demo.run import run_demo as run

        if self.samples < 1 or self.samples > 60:
            raise ValueError(f"--samples: found {self.samples}; pass 1 to 60")
        if self.neurons < 1:
            raise ValueError(f"--neurons: found {self.neurons}; pass a positive number")
        self.out.mkdir(parents=True, exist_ok=True)
        run(
            self.out,
            samples=self.samples,
            neurons=self.neurons,
            seed=self.seed,
            console=Console(),
        )
