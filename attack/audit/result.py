"""What an audit found, as values and as one page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from attack.agreement import CrossCheck
from attack.data.dataset import Dataset
from attack.descent.result import Reconstruction
from attack.local.report import LocalReport
from attack.network.mlp import Parameters
from identify.checkpoints.layer_change import LayerChange
from identify.findings import Neurons
from identify.rendering.gallery import Chapter
from identify.rendering.html import write_html
from identify.rendering.json import to_dict
from identify.rendering.neurons import neurons_of
from identify.rendering.spans import change_dict
from identify.report import IdentifiabilityReport


@dataclass(frozen=True, slots=True, eq=False)
class AuditResult:
    """What was found out about a network.

    Attributes:
        report: The verdict; page and JSON are built around it.
        reconstructions: By name of the start, with the cross-check; none without a recovery.
        local: Local identifiability, of the recovery or of the training samples.
        chapters: What the page shows beyond the report.
        changes: What training added to each layer, where checkpoints before and after are given.
    """

    report: IdentifiabilityReport
    reconstructions: dict[str, tuple[Reconstruction, CrossCheck]]
    local: LocalReport | None
    chapters: tuple[Chapter, ...]
    changes: tuple[LayerChange, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The audit as JSON-safe values."""
        runs = {
            name: {
                "loss": result.history[-1].loss,
                "residual": result.residual,
                "k": len(result.x),
                "steps": result.steps,
                "seconds": result.seconds,
                "crosscheck": check.to_dict(),
            }
            for name, (result, check) in self.reconstructions.items()
        }
        local = None if self.local is None else local_dict(self.local)
        found = {"report": to_dict(self.report), "reconstructions": runs, "local": local}
        changes = [change_dict(change) for change in self.changes]
        return found | {"changes": changes} if changes else found

    def to_html(self, path: str | Path, truth: Dataset | None = None) -> None:
        """Write one page with all of it.

        Args:
            path: Where to; an existing file is replaced in one step.
            truth: The training samples, to be drawn beside the recovered ones.
        """
        shown = None if truth is None else truth.x.cpu().numpy()
        shape = None if truth is None else truth.shape
        write_html(self.report, path, truth=shown, image_shape=shape, chapters=self.chapters)


def local_dict(local: LocalReport) -> dict[str, Any]:
    """A local report as JSON-safe values, without its directions."""
    return {
        "columns": local.columns,
        "rank_bounds": list(local.rank_bounds),
        "singular_values": local.singular_values.tolist(),
        "pinned": local.pinned.tolist(),
        "moves": local.moves.tolist(),
        "residual": local.residual,
        "method": local.method,
        "reasons": local.reasons,
    }


def first_layer(theta: Parameters) -> Neurons:
    """Its neurons, with their output weights; 1 for each where they lead to more than one."""
    W, following = (layer.weight.cpu().double().numpy() for layer in theta[:2])
    single = len(theta) == 2 and len(following) == 1
    return neurons_of(following[0] if single else np.ones(len(W)), W)


def local_chapter(what: str, local: LocalReport) -> Chapter:
    """The section on local identifiability."""
    return Chapter(f"Local identifiability at {what}", local.reasons)
