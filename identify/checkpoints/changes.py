"""What training did to each weight matrix: W_T = rho W_0 + C X + E, read off two checkpoints.

X holds the n records (inputs of the layer, with a constant 1 where there is a bias) as rows, E the
rounding accumulated over the steps; the statement holds for every optimiser that is linear in the
gradients, any loss, batch and schedule, momentum and weight decay included.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from identify.checkpoints.analysis import analysed
from identify.checkpoints.layer_change import LayerChange
from identify.checkpoints.pairs import open_pairs


def read_changes(
    trained: object,
    initial: object,
    *,
    names: Collection[str] | None = None,
    inputs: str | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[LayerChange, ...]:
    """Read what training did to each weight matrix of a network.

    Args:
        trained: Checkpoint after training: a path, a state dict or a torch module.
        initial: Checkpoint before it, likewise.
        names: The matrices wanted, all by default.
        inputs: Name of the matrix that reads the inputs, "" if none does, where names, order and
            shapes do not tell.
        progress: Called with the name of each matrix and the part of all entries read before it.

    Returns:
        One change per weight matrix, in the order of the checkpoint.

    Raises:
        ValueError: If the checkpoints do not fit each other, or hold no weight matrix.

    Source: the gradients of a layer lie in the span of its inputs (arXiv 2602.08723); the noise
    beside them has the edge of Marchenko and Pastur (1967).
    """
    pairs = open_pairs(trained, initial, names=names, inputs=inputs)
    total, done, changes = sum(h * d for h, d in (pair.shape for pair in pairs)), 0, []
    for pair in pairs:
        if progress is not None:
            progress(pair.name, done / total)
        changes.append(analysed(pair)[0])
        done += pair.shape[0] * pair.shape[1]
    return tuple(changes)
