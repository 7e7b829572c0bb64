"""One pass over a pair of weight matrices in slices, keeping far fewer rows than they have.

Row i of G is a sum of rows with random signs: G W_T = rho G W_0 + (G C) X + G E is a pair like the
first with k rows, the same rho, the same row space for n < k, and noise of the same size an entry.
Small matrices are kept whole (G = 1). The change G (W_T - W_0) is summed for itself, so that what
never moved stays exactly 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.checkpoints.narrow import held_roundoff
from identify.checkpoints.pairs import MatrixPair
from identify.checkpoints.rows import Rows, joined, row_products

_WHOLE = 1 << 22
"""A matrix of at most this many entries is kept whole."""

FOLDED = 512
"""Rows kept of a larger matrix."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A pair in few rows.

    Attributes:
        change: G (W_T - W_0), (k, d).
        initial: G W_0, (k, d).
        rows: The numbers of each row of the whole matrix.
        size: Root mean square of the entries of W_0 and W_T.
        whole: Whether no rows were summed.
        precision: The eps of the type that the pair is stored in, or of the narrower one whose
            numbers it holds.
    """

    change: FloatArray
    initial: FloatArray
    rows: Rows
    size: float
    whole: bool
    precision: float


def fold(
    pair: MatrixPair, seed: int = 0, *, progress: Callable[[float], None] | None = None
) -> Folded:
    """Read a pair once, in slices, into at most ``FOLDED`` rows or whole.

    Args:
        pair: The pair.
        seed: Draws the signs with which rows are summed.
        progress: Called with the part that has been read.

    Returns:
        The pair in few rows.
    """
    h, d = pair.shape
    whole = h * d <= _WHOLE or h <= FOLDED
    step = h if whole else FOLDED
    rng = np.random.default_rng(seed)
    d += pair.has_bias
    change, before = np.zeros((step, d)), np.zeros((step, d))
    parts, squares, held = [], 0.0, np.inf
    for start in range(0, h, max(step, 1)):
        W, W0 = pair.trained(slice(start, start + step)), pair.initial(slice(start, start + step))
        parts.append(row_products(W, W0))
        if held > pair.precision and W.any():  # no narrower once a slice needs the type itself
            held = min(held, 2 * held_roundoff(W))
        if progress is not None:
            progress(min(1.0, (start + step) / h))
        squares += float(np.sum(W * W) + np.sum(W0 * W0))
        signs = np.ones((len(W), 1)) if whole else rng.choice([-1.0, 1.0], (len(W), 1))
        change[: len(W)] += signs * (W - W0)
        before[: len(W)] += signs * W0
    scale = np.sqrt(step / h)  # each row sums h / k rows: the noise of an entry stays sigma
    size = float(np.sqrt(squares / (2 * h * d)))
    precision = max(pair.precision, held) if np.isfinite(held) else pair.precision
    return Folded(scale * change, scale * before, joined(parts), size, whole, precision)
