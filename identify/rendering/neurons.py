"""The neurons as the figures show them."""

from __future__ import annotations

import numpy as np

from identify.arrays import FloatArray
from identify.findings import Neurons


def neurons_of(a: FloatArray, W: FloatArray, directions: FloatArray | None = None) -> Neurons:
    """Return norms, output weights and the directions in a plane.

    The plane is that of the first two of orthonormal ``directions``, (d, k); for None that of the
    two strongest directions of the rows of W.
    """
    norm = np.linalg.norm(W, axis=1)
    if directions is None:
        rows = np.linalg.qr(W, mode="r") if len(W) > W.shape[1] else W
        directions = np.linalg.svd(rows, full_matrices=False)[2].T
    plane = np.zeros((len(norm), 2))
    seen = directions[:, :2]
    plane[:, : seen.shape[1]] = W @ seen / np.where(norm > 0, norm, 1.0)[:, None]
    return Neurons(norm, a, plane)
