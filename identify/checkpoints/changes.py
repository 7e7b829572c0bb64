"""What training did to each weight matrix: W_T = rho W_0 + C X + E, read off two checkpoints.

X holds the n records (inputs of the layer, with a constant 1 where there is a bias) as rows, E the
rounding accumulated over the steps; the statement holds for every optimiser that is linear in the
gradients, any loss, batch and schedule, momentum and weight decay included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from identify.arrays import FloatArray, IntArray
from identify.checkpoints.decay import bias_decay, decay_factor, refined
from identify.checkpoints.folding import Folded, Pair, fold
from identify.checkpoints.rows import untouched_rows
from identify.checkpoints.spectrum import Spectrum, spectrum

if TYPE_CHECKING:
    from torch.nn import Module



_SAMPLED = 768
"""The decay factor is first estimated from this many rows at most."""


@dataclass(frozen=True, slots=True)
class LayerChange:
    """What two checkpoints show of one weight matrix.

    Attributes:
        name: Name of the matrix.
        shape: (h, d), without the bias.
        kind: What the layer reads: "inputs", "embedding" or "features".
        has_bias: Whether the last entry of a direction stands for the constant input 1.
        decay: Factor rho of the initial weights, None where it cannot be told.
        rank: Number of linearly independent records, None without a clear gap.
        gap: Ratio of the singular values beside the gap, 1 without one.
        noise: Root mean square of the noise of an entry, None without a gap.
        effective_dimension: Number of columns that moved, the bias among them.
        basis: Orthonormal basis of the span of the records as columns, (d, r), r = 0 without a gap;
            d + 1 rows with a bias.
        untouched_rows: Rows that only decayed; for an embedding the tokens never seen.
        untouched_columns: Columns that only decayed: inputs that were always 0.
        singular_values: Of W_T - rho W_0, decreasing.
        linear: Whether the spectrum shows an optimiser that is linear in the gradients.
        reasons: What was found and what it rests on, as full sentences.
    """

    name: str
    shape: tuple[int, int]
    kind: str
    has_bias: bool
    decay: float | None
    rank: int | None
    gap: float
    noise: float | None
    effective_dimension: int
    basis: FloatArray
    untouched_rows: IntArray
    untouched_columns: IntArray
    singular_values: FloatArray
    linear: bool
    reasons: tuple[str, ...]


def layer_change(pair: Pair) -> LayerChange:
    """Read one pair of matrices."""
    return analysed(pair)[0]


def analysed(pair: Pair) -> tuple[LayerChange, Spectrum | None]:
    """Return what a pair shows, with the whole decomposition; None for an embedding."""
    folded = fold(pair)
    rows, rho, word = untouched_rows(folded.rows, pair.precision)
    if pair.kind == "embedding":
        return _embedding(pair, folded, rows, rho, word), None
    found, rho, biased = _decomposed(folded, pair)
    rank = found.rank or 0
    norms = np.linalg.norm(found.values[:, None] * found.right, axis=0)
    still = norms <= 3 * found.noise * np.sqrt(len(folded.change))
    reasons = found.reasons if found.rank is None else _reasons(found, folded, rho)
    change = LayerChange(
        name=pair.name,
        shape=pair.shape,
        kind=pair.kind,
        has_bias=biased,
        decay=rho,
        rank=found.rank,
        gap=found.gap,
        noise=found.noise if found.rank is not None else None,
        effective_dimension=int(np.sum(~still)),
        basis=found.right[:rank].T,
        untouched_rows=rows,
        untouched_columns=np.flatnonzero(still[: pair.shape[1]]),
        singular_values=found.values,
        linear=found.rank is not None,
        reasons=reasons,
    )
    return change, found


def _decomposed(folded: Folded, pair: Pair) -> tuple[Spectrum, float, bool]:
    """Alternate between the decay factors and the spectrum; the bias has a factor of its own."""
    d, size, precision = pair.shape[1], folded.size, pair.precision
    change, initial = folded.change[:, :d], folded.initial[:, :d]
    trained = initial + change
    rho = decay_factor(trained[:_SAMPLED], initial[:_SAMPLED])
    found = spectrum(change + (1 - rho) * initial, size, precision)
    for _ in range(2):
        if found.rank is None:
            break
        U, V = found.left[:, : found.rank], found.right[: found.rank].T
        rho = refined(trained, initial, U, V, rho)
        found = spectrum(change + (1 - rho) * initial, size, precision)
    if not pair.has_bias or not folded.change[:, d].any():
        return found, rho, False
    b0, moved = folded.initial[:, d], folded.change[:, d]
    U = found.left[:, : found.rank or 0]
    rho_b = bias_decay(b0 + moved, b0, U, rho) if found.rank else rho
    whole = np.column_stack([change + (1 - rho) * initial, moved + (1 - rho_b) * b0])
    return spectrum(whole, size, precision), rho, True


def _reasons(found: Spectrum, folded: Folded, rho: float) -> tuple[str, ...]:
    """Say what was found where there is a gap, and on what it rests."""
    ratio = found.noise / folded.size
    reasons = [
        f"Singular values {found.rank} and {(found.rank or 0) + 1} differ by a factor "
        f"{found.gap:.0f}; below lies flat noise of {ratio:.1e} of the weights, as rounding leaves.",
        f"The initial weights decayed by the factor {rho:.9f}."
        if rho != 1
        else "The initial weights did not decay.",
        "Records whose gradient stayed below the noise at every step leave no trace, and the span "
        "is that of the gradients: a low-rank adapter or a layer without activation has its own.",
    ]
    if not folded.whole:
        reasons.append(f"Rows were summed with random signs to {len(folded.change)}.")
    return tuple(reasons)


def _embedding(
    pair: Pair, folded: Folded, rows: IntArray, rho: float | None, word: str
) -> LayerChange:
    return LayerChange(
        name=pair.name,
        shape=pair.shape,
        kind=pair.kind,
        has_bias=False,
        decay=rho,
        rank=None,
        gap=1.0,
        noise=None,
        effective_dimension=int(np.sum(folded.change.any(axis=0))),
        basis=np.zeros((pair.shape[1], 0)),
        untouched_rows=rows,
        untouched_columns=np.flatnonzero(~folded.change.any(axis=0)),
        singular_values=np.zeros(0),
        linear=False,
        reasons=(word,),
    )


def read_changes(
    trained: object, initial: object, *, progress: Callable[[str, float], None] | None = None
) -> tuple[LayerChange, ...]:
    """Read what training did to each weight matrix of a network.

    Args:
        trained: Checkpoint after training: a path, a state dict or a torch module.
        initial: Checkpoint before it, likewise.
        progress: Called with the name of each matrix and the part of all entries read before it.

    Returns:
        One change per weight matrix, in the order of the checkpoint.

    Raises:
        ValueError: If the checkpoints do not fit each other, or hold no weight matrix.

    Source: section 6.1 of arXiv 2602.08723 for one layer; the eigenvalue and the gap are measured.
    """
    from identify.checkpoints.pairs import open_pairs

    pairs = open_pairs(trained, initial)
    total, done, changes = sum(h * d for h, d in (pair.shape for pair in pairs)), 0, []
    for pair in pairs:
        if progress is not None:
            progress(pair.name, done / total)
        changes.append(layer_change(pair))
        done += pair.shape[0] * pair.shape[1]
    return tuple(changes)
