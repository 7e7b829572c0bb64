"""``attack train``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from attack.cli.console import open_device, open_precision, say
from attack.victims.config import VictimConfig, check_config
from identify.cli.progress import progress_bar


@dataclass(frozen=True)
class Train:
    """Train a network on pictures and store it with its initial weights and margins."""

    victim: tyro.conf.OmitArgPrefixes[VictimConfig] = field(default_factory=VictimConfig)
    out: Path = Path("victim.safetensors")
    """The file to write; a .json file beside it repeats all but the weights."""
    data: str = "digits"
    """digits, photographs, mnist or cifar10; the last two from OpenML unless folder is given."""
    folder: Path | None = None
    """Local files of MNIST (idx-ubyte) or CIFAR-10 (binary version)."""
    samples: int = 500
    """Number of samples, balanced; 500 in Haim et al. 2022."""
    classes: int = 2
    """2 (odd digits, animals against the others) or 10 (with --loss cross-entropy)."""
    unit_norm: bool = False
    """Divide every sample by its norm, as Theorem 4.1 assumes."""
    device: str = "cpu"
    """Where to train: cpu, cuda or cuda:N."""
    precision: str = "float64"
    """float64 (Haim et al.) or float32."""

    def run(self) -> None:
        """Train the victim, store it, and say how it went."""
        from attack.data.dataset import load
        from attack.victims.files import check_path, save_victim
        from attack.victims.training import train_victim

        config = self.victim
        check_path(self.out)
        check_config(config, self.classes)
        if config.scales and config.init != VictimConfig().init:
            raise ValueError("--init: found one beside --scales, which replaces it; pass only one")
        place, dtype = open_device(self.device), open_precision(self.precision)
        dataset = load(
            self.data,
            self.samples,
            classes=self.classes,
            seed=config.seed,
            folder=self.folder,
            unit_norm=self.unit_norm,
        )
        with progress_bar() as announce:
            victim = train_victim(
                dataset.to(place, dtype),
                config,
                lambda step, loss: announce(f"training, loss {loss:.1e}", step / config.steps),
            )
        save_victim(victim, self.out)
        step, loss = victim.losses[-1].tolist()
        margins = victim.margins
        say(
            f"loss     {loss:.3e} after {step:.0f} steps\n"
            f"margins  {margins.min():.3e} to {margins.max():.3e}, median {margins.median():.3e}, "
            f"{int((margins <= 0).sum())} of {len(margins)} wrong\n"
            f"seconds  {victim.seconds:.1f}\n"
            f"seed     {config.seed}\n"
            f"written  {self.out}"
        )
