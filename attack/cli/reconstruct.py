"""``attack reconstruct``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from attack.cli.console import check_outputs, check_unused, open_device, say
from attack.cli.network import VICTIM, Network
from attack.cli.overrides import Overrides, Splitting
from identify.cli.progress import progress_bar
from identify.files import write_atomic

if TYPE_CHECKING:
    from attack.descent.config import ReconstructionConfig
    from attack.descent.result import Reconstruction
    from attack.descent.state import Record
    from attack.metrics.truth import Truth
    from attack.networks import LayeredNetwork
    from attack.victims.training import Victim


@dataclass(frozen=True)
class Reconstruct:
    """Reconstruct the training samples of a stored network."""

    network: tyro.conf.OmitArgPrefixes[Network]
    objective: Literal["kkt", "multiclass", "signed", "ntk", "random-features"] = "kkt"
    """kkt (Haim et al. 2022), multiclass or signed (Buzaglo et al. 2023), ntk (Loo et al. 2024),
    random-features (Iurada et al. 2025)."""
    at: Literal["initial", "trained", "midpoint", "both"] = "initial"
    """Where ntk takes the gradients: both in Loo et al. 2024."""
    last_layer: bool = False
    """Use the equations of the last layer only, for ntk (Tansley et al.)."""
    subspace: bool = False
    """Seek the samples in the row space of the change of the first layer (Tansley et al.)."""
    descent: tyro.conf.OmitArgPrefixes[Overrides] = field(default_factory=Overrides)
    splitting: tyro.conf.OmitArgPrefixes[Splitting] = field(default_factory=Splitting)
    seed: int = 0
    """Draws the start."""
    truth: bool = False
    """Load the training samples again and measure against them; for a file of attack train."""
    folder: Path | None = None
    """Local files of MNIST or CIFAR-10, for --truth."""
    out: Path = Path("reconstruction.safetensors")
    """The file to write: x, weights, labels; a .json file beside it holds history and events."""
    checkpoint: Path | None = None
    """File from which an interrupted run goes on."""
    device: str = "cpu"
    """Where to run: cpu, cuda or cuda:N."""

    def run(self) -> None:
        """Reconstruct the samples, store the candidates, and say how it went."""
        from attack.network.activations import ReLU
        from attack.networks import CHANGES
        from attack.victims.files import check_path
        from attack.victims.training import Victim

        check_path(self.out)
        check_outputs(self, "out", "checkpoint")
        check_unused(self, ("at", "last_layer"), self.objective == "ntk", "--objective ntk")
        check_unused(self, ("folder",), self.truth, "--truth")
        config = self.descent.config(self.seed, self.splitting.config())
        changes = self.objective in CHANGES or self.subspace
        needed = "--objective ntk or random-features, or --subspace"
        check_unused(self.network, ("init",), changes, needed)
        network = self.network.open()
        relu = isinstance(network.activation, ReLU)
        check_unused(self.descent, ("relu", "sharpness"), relu, "a relu network")
        check_unused(self, ("truth",), isinstance(network, Victim), VICTIM)
        if changes and network.initial is None:
            raise ValueError(f"--init: found none; pass the network before training for {needed}")
        network, truth = network.to(open_device(self.device)), self._truth(network)
        result = self._reconstruct(network, config, truth)
        self._store(network, config, result)
        say("\n".join([*_summary(result, truth), f"written  {self.out}"]))

    def _truth(self, network: Victim | LayeredNetwork) -> Truth | None:
        from attack.data.dataset import load_again
        from attack.metrics.truth import Truth
        from attack.victims.training import Victim

        if not self.truth or not isinstance(network, Victim):
            return None
        return Truth(load_again(network.data, self.folder).x)

    def _reconstruct(
        self, network: Victim | LayeredNetwork, config: ReconstructionConfig, truth: Truth | None
    ) -> Reconstruction:
        from attack.descent.checkpoint import Checkpoint
        from attack.networks import KernelEquations
        from attack.reconstruction import reconstruct

        with progress_bar() as announce:

            def tell(record: Record) -> None:
                metric = "" if record.mean_metric is None else f", cosine {record.mean_metric:.3f}"
                text = f"loss {record.loss:.2e}, k {record.k}{metric}"
                announce(text, record.step / config.steps)

            return reconstruct(
                network,
                self.objective,
                config,
                equations=KernelEquations(self.at, self.last_layer, self.subspace),
                truth=truth,
                progress=tell,
                checkpoint=Checkpoint(self.checkpoint) if self.checkpoint else None,
            )

    def _store(
        self,
        network: Victim | LayeredNetwork,
        config: ReconstructionConfig,
        result: Reconstruction,
    ) -> None:
        from safetensors.torch import save

        from attack.descent.config import plain_config
        from attack.victims.training import Victim

        record = {
            "objective": self.objective,
            "config": plain_config(config),
            "data": asdict(network.data) if isinstance(network, Victim) else None,
            "history": [asdict(one) for one in result.history],
            "events": [asdict(one) for one in result.events],
            "seconds": result.seconds,
        }
        text = json.dumps(record)
        tensors = {"x": result.x, "weights": result.weights, "labels": result.labels}
        stored = {name: t.cpu().contiguous() for name, t in tensors.items()}
        write_atomic(self.out, save(stored, {"attack-reconstruction": text}))
        write_atomic(self.out.with_suffix(".json"), text + "\n")


def _summary(result: Reconstruction, truth: Truth | None) -> list[str]:
    """The lines to print: loss, number of candidates, and how near they came to the truth."""
    from attack.metrics.matching import match_and_measure
    from attack.metrics.vectors import l2

    first, last = result.history[0], result.history[-1]
    changes = f"{last.splits} splits, {last.merges} merges and removals"
    lines = [
        f"loss     {first.loss:.3e} to {last.loss:.3e} in {result.steps} steps",
        f"samples  {first.k} candidates at the start, {last.k} at the end, {changes}",
    ]
    if truth is not None:
        matched = match_and_measure(truth.samples, result.x, truth.metric)
        distance = match_and_measure(truth.samples, result.x, l2()).values.mean()
        lines.append(
            f"truth    {matched.found} of {len(truth.samples)} found (cosine of 0.99 or more), "
            f"mean cosine {matched.values.mean():.3f}, mean L2 {distance:.3f}, nearest candidate"
        )
    return [*lines, f"seconds  {result.seconds:.1f}", f"seed     {result.seed}"]
