"""The neurons as the figures show them."""

from __future__ import annotations

import numpy as np

from identify.arrays import FloatArray
from identify.findings import Neurons


def neurons_of(a: FloatArray, W: FloatArray, seen: FloatArray | None = None) -> Neurons:
    """Return norms, output weights and the directions in a plane.

    The plane is that of the two strongest directions of the rows ``seen``, (m', d); of W for None.
    """
    norm = np.linalg.norm(W, axis=1)
    shown = W if seen is None else seen
    _, _, right = np.linalg.svd(
        np.linalg.qr(shown, mode="r") if len(shown) > shown.shape[1] else shown,
        full_matrices=False,
    )
    plane = np.zeros((len(norm), 2))
    unit = W / np.where(norm > 0, norm, 1.0)[:, None]
    plane[:, : min(2, len(right))] = unit @ right[:2].T
    return Neurons(norm, a, plane)
