"""Real images that come with scikit-learn: handwritten digits and patches of two photographs."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits, load_sample_images

from identify.arrays import FloatArray


def digits(n: int, seed: int = 0) -> FloatArray:
    """Return n <= 1797 digits of 8 x 8 pixels, (n, 64), the mean subtracted, scaled to norm 1."""
    images = np.asarray(load_digits(return_X_y=True)[0], dtype=np.float64)
    chosen = np.random.default_rng(seed).choice(len(images), n, replace=False)
    return _normalised(images - images.mean(axis=0))[chosen]


def photographs(n: int, size: int = 16, seed: int = 0) -> FloatArray:
    """Return n <= 2000 colour patches, (n, 3 size^2), the mean subtracted, scaled to norm 1."""
    pictures = [picture / 255.0 for picture in load_sample_images().images]
    rng = np.random.default_rng(seed)
    patches = []
    for _ in range(2000):  # the mean is that of a pool, so that the n patches stay independent
        picture = pictures[rng.integers(len(pictures))]
        row = rng.integers(picture.shape[0] - size)
        column = rng.integers(picture.shape[1] - size)
        patches.append(picture[row : row + size, column : column + size].ravel())
    pool = np.array(patches)
    return _normalised(pool - pool.mean(axis=0))[:n]


def _normalised(x: FloatArray) -> FloatArray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)
