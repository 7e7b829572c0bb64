"""How far the noise can have moved each sample.

The dual v_k is the null vector of its silent rows S (of rank n - p in a block of p). With e the
error of M_S v_k, dv_k = - M_S^+ e / (1 - t), t the error of M_S over its last singular value (Wedin
1972). All that is known of a sample z are its products with the duals of others, r_k = -dv_k.z
instead of 0. With zh_k the pseudoinverse of all duals (zh_k.v_l = 1 if k = l, else 0)

    z = a + sum_k r_k zh_k,   a in the space that the others leave;   |r_k| <= E_k(z),

E_k(z) = |M_S^+T z| times the noise, and E_k of the sum is at most sum_l r_l E_k(zh_l). The first
order is linear in the independent noise of the rows, N_j:

    sum_k r_k zh_k = sum_j A_j N_j,   A_j = sum_k (M_S^+T z)_jk zh_k v_k^T,

a random vector of variance sigma^2 sum_j |A_j|_F^2: not all entries conspire.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.relu.recovery.polish import SILENT
from identify.relu.recovery.problem import FirstLayer
from identify.relu.recovery.targets import KnownDuals

NEXT = 5
"""Rows up to so many thresholds are counted to tell how many small entries pass for silent: were
they uniform there would be a quarter as many below the threshold."""

_LARGEST_TURN = 0.5
"""Largest error of a null vector that is bounded: beyond, another direction may be as null."""

_UNEQUAL = 2.0
"""Norms of noise are taken so much larger, as rows that moved more are noisier."""


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """The reach of the noise in all that is known of the duals.

    Attributes:
        inverses: M_S^+ of each dual, (n, h), 0 for other rows.
        hidden: How many small entries may pass for silent, for each dual.
        Z: zh, the pseudoinverse of the duals, (k, n).
        V: The duals as columns, (n, k).
        E: E_k(zh_l), (k, k), inf where the noise may have turned a dual into another one.
        sigma: The noise.
        size: The singular values and right vectors of M, for what lies beyond the row space.
        wide: The factor of sigma in the norm of noise beyond the row space.
    """

    inverses: list[FloatArray]
    hidden: FloatArray
    Z: FloatArray
    V: FloatArray
    E: FloatArray
    sigma: float
    size: tuple[FloatArray, FloatArray]
    wide: float

    def reach(self, z: FloatArray) -> FloatArray:
        """Bound |z.dv_k| for all duals and rows z (m, n), (k, m)."""
        return np.array([self._entries(np.abs(z @ P), k) for k, P in enumerate(self.inverses)])

    def _entries(self, g: FloatArray, k: int) -> FloatArray:
        top = -np.sort(-g, axis=1)[:, : int(self.hidden[k])]
        return SILENT * self.sigma * (np.linalg.norm(g, axis=1) + top.sum(axis=1))

    def error(self, z: FloatArray, axes: FloatArray, half: FloatArray, own: list[int]) -> float:
        """Bound how far a sample lies from the space that the others' duals leave.

        Args:
            z: A point of that space, (n,).
            axes: Directions of that space, (n, k): the sample is near z + axes y.
            half: Bounds of |y|, (k,).
            own: Numbers of its own duals, whose products with it are not 0.

        Returns:
            The bound on the distance.
        """
        others = np.setdiff1d(np.arange(len(self.Z)), own)
        beyond = self._beyond(z, axes, half)
        if not len(others):
            return beyond
        E = self.E[np.ix_(others, others)]
        if not np.all(np.isfinite(E)) or np.abs(np.linalg.eigvals(E)).max() >= 1:
            return np.inf
        first = self.reach(z[None])[others, 0]
        first = first + (self.reach(axes.T)[others] @ half if len(half) else 0.0)
        later = np.linalg.solve(np.eye(len(others)) - E, E @ first)
        sizes = np.linalg.norm(self.Z[others], axis=1)
        coherent = float(sizes @ first)
        spread = self._independent(z, others)
        if len(half):
            spread += sum(
                self._independent(a, others) * t for a, t in zip(axes.T, half, strict=True)
            )
        return min(coherent, spread) + float(sizes @ later) + beyond

    def _independent(self, z: FloatArray, others: np.ndarray) -> float:
        """Bound sum_k r_k zh_k at first order, the noise of rows being independent."""
        g = np.array([z @ self.inverses[k] for k in others])
        Z, V = self.Z[others], self.V[:, others]
        variance = float(np.sum((g @ g.T) * (Z @ Z.T) * (V.T @ V)))
        small = [
            -np.sort(-np.abs(row))[: int(self.hidden[k])].sum()
            for row, k in zip(g, others, strict=True)
        ]
        sizes = np.abs(np.array(small)) * np.linalg.norm(Z, axis=1)
        systematic = min(float(sizes.sum()), _HOEFFDING * float(np.linalg.norm(sizes)))
        return SILENT * self.sigma * (np.sqrt(max(variance, 0.0)) + systematic)

    def _beyond(self, z: FloatArray, axes: FloatArray, half: FloatArray) -> float:
        """Bound the error beyond the row space: the noise of the change moves z by z M^+ N."""
        values, right = self.size
        pull = np.linalg.norm((right @ z) / values)
        if len(half):
            pull = pull + np.linalg.norm((right @ axes) / values[:, None], axis=0) @ half
        return float(self.wide * self.sigma * pull)


_HOEFFDING = 5.0
"""Independent terms of random signs exceed so many times their root sum of squares with 7e-6."""


def noise_of(layer: FirstLayer, known: KnownDuals) -> Noise:
    """Measure the noise's reach in all that is known of the duals.

    Args:
        layer: The change of the first layer.
        known: The duals.

    Returns:
        What bounds the errors of the samples.

    Source: mathematics in the head of this file.
    """
    n, sigma = layer.n, layer.noise
    inverses, hidden, turned = [], [], []
    for v, silent, rank in zip(known.V.T, known.silent, known.ranks, strict=True):
        U, values, right = np.linalg.svd(layer.M[silent], full_matrices=False)
        spread = np.sqrt(len(U)) + np.sqrt(n) + SILENT
        least = values[rank - 1] if rank <= len(values) else 0.0
        turned.append(_UNEQUAL * spread * sigma > _LARGEST_TURN * least)
        P = np.zeros((n, len(layer.M)))
        if not turned[-1]:
            grown = 1 - _UNEQUAL * spread * sigma / least
            P[:, silent] = (right[:rank].T / values[:rank]) @ U[:, :rank].T / grown
        inverses.append(P)
        entries = np.abs(layer.M @ v) / (SILENT * sigma)
        hidden.append(1 + int(np.sum((entries >= 1) & (entries < NEXT))))
    values, right = np.linalg.svd(layer.M, full_matrices=False)[1:]
    Z = np.asarray(np.linalg.pinv(known.V), dtype=np.float64)
    wide = _UNEQUAL * (np.sqrt(len(layer.basis)) + SILENT)
    noise = Noise(
        inverses, np.array(hidden), Z, known.V, np.zeros((0, 0)), sigma, (values, right), wide
    )
    E = noise.reach(Z)
    E[turned] = np.inf
    return Noise(inverses, noise.hidden, Z, known.V, E, sigma, noise.size, wide)
