"""Sample sets with a given moment: what degrees 1 and 2 do not tell apart.

Linear: only v = sum_i b_i x_i enters (paper, section 4.1). Quadratic: only M = sum_i b_i x_i x_i^T
enters (section 4.2); with z_i = |b_i|^{1/2} x_i and S = diag(sign b), any Q with Q^T S Q = S gives
a second set Q z with the same M = z^T S z.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import FloatArray
from identify.sample_sets import SampleSet


def linear_set(v: FloatArray, n: int, rng: np.random.Generator) -> SampleSet | None:
    """Return n unit samples with sum_i b_i x_i = v, b_i > 0, tilted away from v all around.

    None where a set of that size is determined.
    """
    d, size = len(v), float(np.linalg.norm(v))
    if n < 2 or d < 2 or size == 0:
        return None
    along = v / size
    tilts = rng.standard_normal((n, d))
    tilts -= np.outer(tilts @ along, along)
    tilts -= tilts.mean(axis=0)
    tilts *= rng.uniform(0.5, 1.5) / np.sqrt(np.mean(np.sum(tilts**2, axis=1)))
    x = along + tilts  # the tilts cancel, so the sum is n along
    norms = np.linalg.norm(x, axis=1)
    return x / norms[:, None], size / n * norms


def quadratic_set(matrix: FloatArray, n: int | None, rng: np.random.Generator) -> SampleSet | None:
    """Return n unit samples with sum_i b_i x_i x_i^T = M, (d, d); n = None: as few as possible.

    None where a set of that size is determined or impossible.
    """
    values, vectors = np.linalg.eigh(matrix)
    kept = np.abs(values) > 1e-10 * np.abs(values).max()
    z = (vectors[:, kept] * np.sqrt(np.abs(values[kept]))).T
    signs = np.sign(values[kept])
    if len(z) == 1:
        z, signs = _three_in_a_plane(z[0], float(signs[0]), rng)
    n = len(z) if n is None else n
    if not 2 <= len(z) <= n:
        return None
    while len(z) < n:  # two samples of half the weight in place of one: the same M
        z = np.concatenate([z[:1] / np.sqrt(2), z[:1] / np.sqrt(2), z[1:]])
        signs = np.concatenate([signs[:1], signs])
    z = _mixed(z, signs, rng)
    norms = np.linalg.norm(z, axis=1)
    return z / norms[:, None], signs * norms**2


def _three_in_a_plane(
    z: FloatArray, sign: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Write z z^T with three samples of a plane through z: three squares span the plane's forms."""
    size, d = float(np.linalg.norm(z)), len(z)
    if d < 2:
        return z[None], np.array([sign])
    u, t = z / size, rng.standard_normal(d)
    t -= (t @ u) * u
    t /= np.linalg.norm(t)
    angles = np.array([0.0, 1.0, 2.0]) + rng.uniform(0.2, 0.8, 3)
    cos, sin = np.cos(angles), np.sin(angles)
    weights = np.linalg.solve(np.array([cos**2, cos * sin, sin**2]), [sign * size**2, 0.0, 0.0])
    x = np.outer(cos, u) + np.outer(sin, t)
    return x * np.sqrt(np.abs(weights))[:, None], np.sign(weights)


def _mixed(z: FloatArray, signs: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Apply a random Q with Q^T S Q = S: rotations within each sign, a hyperbolic one across."""
    mixed = z.copy()
    for sign in (-1.0, 1.0):
        members = np.flatnonzero(signs == sign)
        if len(members) > 1:
            rotation = np.linalg.qr(rng.standard_normal((len(members), len(members))))[0]
            mixed[members] = rotation @ z[members]
    positive, negative = np.flatnonzero(signs > 0), np.flatnonzero(signs < 0)
    if len(positive) and len(negative):
        i, k, angle = positive[0], negative[0], 0.6 * 10 ** -rng.uniform(0, 1.5)
        first, second = mixed[i].copy(), mixed[k].copy()
        mixed[i] = np.cosh(angle) * first + np.sinh(angle) * second
        mixed[k] = np.sinh(angle) * first + np.cosh(angle) * second
    return mixed
