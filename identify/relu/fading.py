"""A change without a gap: do its singular values fade into rounding, as in fine-tuning?

A checkpoint that already fits a sample hardly changes for it. Fine-tuned on many, some fitted, some
not, its change has singular values that fall gradually from the samples it did not fit into the
rounding of the stored type, and with them falls the number of samples.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import FloatArray
from identify.checkpoints.layer_change import LayerChange

_ROUNDING = 300.0
"""The last singular values are rounding where an entry of them is below so many eps of a weight:
some thousand steps add up to about fifty."""

_ABOVE, _STANDS_OUT = 10.0, 1e3
"""Singular values so many times the rounding stand above it; the first one by far more."""


def fading(change: LayerChange, initial: FloatArray, precision: float) -> str | None:
    """Say that singular values fade into rounding, None where there is a gap or none do.

    Args:
        change: The change of a layer.
        initial: Its weights before, (h, d).
        precision: The eps of the type they are stored in.

    Returns:
        A full sentence, or None.
    """
    values, (h, d) = change.singular_values, initial.shape
    live = values[values > 0]
    if change.rank is not None or len(live) < 4:
        return None
    floor = float(np.median(live[-max(3, len(live) // 4) :]))
    entry = floor / (np.sqrt(h) + np.sqrt(d))
    rounding = precision * float(np.sqrt(np.mean(initial**2)))
    if entry > _ROUNDING * rounding or live[0] < _STANDS_OUT * floor:
        return None
    above = int(np.sum(live > _ABOVE * floor))
    return (
        f"Its singular values fall from {live[0]:.1e} without a gap into the rounding at "
        f"{floor:.1e}; {above} of them stand clear of it. A checkpoint that already fits some of "
        "its samples hardly changes for them: their updates sink into the rounding, and how many "
        "samples there were is lost with them."
    )
