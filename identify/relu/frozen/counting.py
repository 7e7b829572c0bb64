"""How many samples a change behind frozen layers holds: counted on the features that are busy.

A feature that is on for few samples moves its column seldom, and rounds it seldom: over all columns
the noise is uneven, and beyond it come exact zeros, whose gap is the widest of all. So samples are
counted on the columns that moved about as much as the median one, where the noise is even; the row
space is then that of all columns, seen from the left singular vectors of these.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from identify.arrays import FloatArray
from identify.checkpoints.layer_change import LayerChange
from identify.relu.recovery.counting import counted

_BUSY = 0.1
"""Columns that moved less than this share of the median one are left out of the count."""


def counted_features(change: LayerChange, trained: FloatArray, initial: FloatArray) -> LayerChange:
    """Return the change of a layer that reads features, with a rank where a wide gap shows it.

    Args:
        change: What is known of the change so far.
        trained: The layer after training, (h, d), or (h, d + 1) with the bias as last column.
        initial: The layer before, likewise.

    Returns:
        The change, as it was where no gap shows.

    Source: the head of this file.
    """
    if change.rank is not None:
        return counted(change, trained, initial)
    norms = np.linalg.norm(trained - initial, axis=0)
    if not norms.any():
        return change
    busy = norms > _BUSY * np.median(norms[norms > 0])
    with_bias = trained.shape[1] > change.shape[1]
    busy[-1] |= with_bias
    width = int(busy.sum()) - with_bias
    part = replace(change, shape=(len(trained), width))
    found = counted(part, trained[:, busy], initial[:, busy])
    if found.rank is None or found.decay is None:
        return change
    D = trained - found.decay * initial
    U = np.linalg.svd(D[:, busy], full_matrices=False)[0][:, : found.rank]
    said = f"They were counted on the {width} features that moved most, of {change.shape[1]}."
    return replace(
        found,
        shape=change.shape,
        basis=np.linalg.qr((U.T @ D).T)[0],
        reasons=(*found.reasons[len(change.reasons) :], said),
    )
