"""Which rows of a weight matrix were never moved: for an embedding, the tokens that were not seen.

A row without a gradient ends as rho times its initial value under every optimiser that keeps decay
apart from the gradient. Its scalar products give its own factor <w_T, w_0> / |w_0|^2, which agrees
between such rows to rounding, and its residual |w_T - rho w_0|, which stays at rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import BoolArray, FloatArray, IntArray

_WINDOW = 32.0
"""Factors of rows that were never moved agree to this many times the precision."""

_ROUNDING, _CLEAR, _ALIKE = 2048.0, 4.0, 10.0
"""Decay rounds once a step: its residuals stay below this many times the precision, a clear factor
below those of all trained rows, and within a factor of their own median (measured: 2.5)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What one pass over the rows leaves: one number a row.

    Attributes:
        equal: Whether the stored numbers are the same before and after.
        before: |w_0|^2.
        product: <w_T, w_0>.
        across: |w_T - (<w_T, w_0> / |w_0|^2) w_0|^2.
    """

    equal: BoolArray
    before: FloatArray
    product: FloatArray
    across: FloatArray


def row_products(trained: FloatArray, initial: FloatArray) -> Rows:
    """Return the numbers of some rows, both (k, d)."""
    before = np.einsum("ij,ij->i", initial, initial)
    product = np.einsum("ij,ij->i", trained, initial)
    factor = np.divide(product, before, out=np.ones_like(before), where=before > 0)
    across = np.sum((trained - factor[:, None] * initial) ** 2, axis=1)
    return Rows(np.all(trained == initial, axis=1), before, product, across)


def joined(parts: list[Rows]) -> Rows:
    """Return the rows of several passes as one."""
    return Rows(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("equal", "before", "product", "across")
        )
    )


def untouched_rows(rows: Rows, precision: float) -> tuple[IntArray, float | None, str]:
    """Return the indices of the rows never moved, their decay factor, and a sentence."""
    # without decay such rows are the same bit for bit; rows of zeros (padding) never decay
    alive, still = np.flatnonzero(rows.before > 0), np.flatnonzero(rows.equal)
    if rows.equal[alive].any():
        return still, 1.0, "Rows never moved are the same bit for bit."
    size = np.sqrt(rows.before[alive])
    factor, across = rows.product[alive] / size**2, np.sqrt(rows.across[alive]) / size
    quiet = across <= _ROUNDING * precision
    if quiet.sum() < 2:
        return still, None, "Every row moved: none shows the decay alone."
    rho = _most_frequent(factor[quiet], _WINDOW * precision)
    residual = np.hypot(across, factor - rho)  # |w_T - rho w_0| / |w_0|
    order = np.argsort(residual)
    limit = int(np.searchsorted(residual[order], _ROUNDING * precision, side="right"))
    steps = np.append(residual[order], np.inf)[1:] / np.maximum(residual[order], 1e-300)
    clear = np.flatnonzero(steps[:limit] >= _CLEAR) + 1
    count = int(clear[-1]) if clear.size else 0
    inside = residual[order[:count]]
    if count < 2 or inside[-1] > _ALIKE * np.median(inside):
        why = "Rows that decayed alone and rows that were trained cannot be told apart."
        return still, None, why
    word = f"{count} rows share the decay factor {rho:.9f} to rounding."
    return np.union1d(alive[order[:count]], still), rho, word


def _most_frequent(values: FloatArray, width: float) -> float:
    """Return the middle of the window of a width that holds most of the values."""
    values = np.sort(values)
    ends = np.searchsorted(values, values + width, side="right")
    start = int(np.argmax(ends - np.arange(len(values))))
    return float(np.median(values[start : ends[start]]))
