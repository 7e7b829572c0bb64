"""What training added to each layer, W_T = rho W_0 + C X + E, beside what else an audit found."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from attack.audit.result import AuditResult
from attack.network.mlp import Parameters
from identify.checkpoints.changes import read_changes
from identify.checkpoints.layer_change import LayerChange
from identify.rendering.gallery import Chapter


def with_changes(found: AuditResult, trained: Parameters, initial: Parameters) -> AuditResult:
    """Add the changes of the layers to an audit."""
    changes = read_changes(_state(trained), _state(initial))
    sentences = [
        text
        for number, change in enumerate(changes, 1)
        for text in (_headline(number, change), *change.reasons)
    ]
    chapter = Chapter("What training added to each layer", sentences)
    return replace(found, changes=changes, chapters=(*found.chapters, chapter))


def _state(theta: Parameters) -> dict[str, Tensor]:
    """The state dict, its names the numbers of the layers."""
    weights = {f"{number}.weight": layer.weight for number, layer in enumerate(theta, 1)}
    biases = {f"{n}.bias": layer.bias for n, layer in enumerate(theta, 1) if layer.bias is not None}
    return weights | biases


def _headline(number: int, change: LayerChange) -> str:
    h, d = change.shape
    records = "no gap tells the number of records"
    if change.rank is not None:
        records = f"{change.rank} linearly independent records stand above the noise"
    decay = "an unknown decay" if change.decay is None else f"decay {change.decay:.7g}"
    noise = "unknown noise" if change.noise is None else f"noise {change.noise:.1e}"
    return f"Layer {number}, {h} x {d}: {records}; {decay}, {noise}."
