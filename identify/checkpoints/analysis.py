"""A pair of weight matrices taken apart: decay factors, spectrum, rows and columns that moved."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from identify.arrays import IntArray
from identify.checkpoints.decomposition import taken_apart
from identify.checkpoints.explanations import with_gap, without_gap
from identify.checkpoints.folding import Folded, fold
from identify.checkpoints.layer_change import LayerChange
from identify.checkpoints.pairs import MatrixPair
from identify.checkpoints.rows import untouched_rows
from identify.checkpoints.spectrum import Spectrum, spectrum

_STILL = 16.0
"""Without a gap, columns within this many times the precision count as not moved."""

_LAST = 4
"""So many of the smallest singular values have to be rounding where they are to show the decay."""


def analysed(
    pair: MatrixPair, *, progress: Callable[[float], None] | None = None
) -> tuple[LayerChange, Spectrum | None]:
    """Return what a pair shows, with the whole decomposition; None for an embedding.

    ``progress`` is called with the part of the pair that has been read.
    """
    folded = fold(pair, progress=progress)
    rows, rho, word = untouched_rows(folded.rows, folded.precision)
    if pair.kind == "embedding":
        return _embedding(pair, folded, rows, rho, word), None
    found, rho, biased = _decomposed(folded, pair)
    rank = found.rank or 0
    norms = np.linalg.norm(found.values[:, None] * found.right, axis=0)
    noise = found.noise if found.rank is not None else _STILL * folded.precision * folded.size
    still = norms <= 3 * noise * np.sqrt(len(folded.change))
    told = found.rank is not None or _shown(found, folded)
    reasons = without_gap(found, folded) if found.rank is None else with_gap(found, folded, rho)
    change = LayerChange(
        name=pair.name,
        shape=pair.shape,
        kind=pair.kind,
        has_bias=biased,
        decay=rho if told else None,
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


def _decomposed(folded: Folded, pair: MatrixPair) -> tuple[Spectrum, float, bool]:
    """Find decay and spectrum; a bias is a column if it decayed like the weights."""
    d, size, precision = pair.shape[1], folded.size, folded.precision
    taken = taken_apart(folded.change[:, :d], folded.initial[:, :d], size, precision)
    found, rho = taken.spectrum, taken.decay
    if not pair.has_bias or not folded.change[:, d].any():
        return found, rho, False
    whole = spectrum(folded.change + (1 - rho) * folded.initial, size, precision)
    if found.rank is not None and whole.rank != found.rank:
        return found, rho, False  # a bias without decay weighs the steps in its own way: no column
    return whole, rho, True


def _shown(found: Spectrum, folded: Folded) -> bool:
    """Whether the smallest singular values are rounding, so that they show the decay factor."""
    if not folded.change.any():
        return True
    last = float(found.values[-_LAST:].max(initial=0.0))
    whole = len(found.values) == min(found.left.shape[0], found.right.shape[1])
    edge = _STILL * folded.precision * folded.size * (np.sqrt(folded.change.shape[0]) + 1)
    return not whole or last <= edge


def _embedding(
    pair: MatrixPair, folded: Folded, rows: IntArray, rho: float | None, word: str
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
