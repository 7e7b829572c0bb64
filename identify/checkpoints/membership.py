"""Which records a network was trained on, read off two of its checkpoints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from identify.arrays import FloatArray
from identify.checkpoints.analysis import analysed
from identify.checkpoints.judging import Membership, judged, unknown
from identify.checkpoints.pairs import MatrixPair, open_pairs


def membership(
    candidates: ArrayLike,
    trained: object,
    initial: object,
    *,
    inputs: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Membership:
    """Tell which records a network was trained on, for any activation, loss and depth.

    Args:
        candidates: Records as rows, (k, d), in the preprocessing of the training. Some of them
            should be known not to be members: without a record outside the span none is named.
        trained: Checkpoint after training: a path, a state dict or a torch module.
        initial: Checkpoint before it, likewise.
        inputs: Name of the matrix that reads the records, where names, order and shapes do not
            tell.
        progress: Called with the part of the first layer that has been read.

    Returns:
        The answers with distances, thresholds and reasons.

    Raises:
        ValueError: If the checkpoints do not fit each other, or the candidates their first layer.

    Source: the gradients of a first layer lie in the span of its inputs (arXiv 2602.08723).
    """
    opened = open_pairs(trained, initial, inputs=inputs)
    pairs = [pair for pair in opened if pair.kind == "inputs"]
    if len(pairs) != 1:
        names = ", ".join(pair.name for pair in pairs) or "none"
        raise ValueError(
            f"trained: found {names} as matrix that reads the inputs; pass a network with one"
        )
    return membership_of(candidates, pairs[0], progress=progress)


def membership_of(
    candidates: ArrayLike, pair: MatrixPair, *, progress: Callable[[float], None] | None = None
) -> Membership:
    """Tell which records one weight matrix was trained on."""
    x = _checked(candidates, pair.shape[1])
    change, found = analysed(pair, progress=progress)
    if found is None or found.rank is None:
        return unknown(len(x), change)
    if change.has_bias:
        x = np.column_stack([x, np.ones(len(x))])
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.finfo(float).tiny)
    return judged(x, change, found)


def _checked(candidates: ArrayLike, d: int) -> FloatArray:
    x = np.array(candidates, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != d or not len(x):
        raise ValueError(
            f"candidates: found shape {x.shape}; pass (k, {d}), one flattened record a row"
        )
    if not np.isfinite(x).all():
        raise ValueError("candidates: found entries that are not finite; pass finite numbers")
    return x
