"""The change of a first layer in the coordinates of its row space.

    D = W_T - rho W_0 = C X + E        (with a bias: [D, d] = C [X, 1] + E)

B (d, n) is an orthonormal basis of the row space, M = D B, and a sample is x = B z. Its dual v has
z.v != 0 and is orthogonal to every other sample, so that M v is proportional to its column of C:
the coefficients that tell which neurons it was ever on.

Rows are weighted so that neurons that moved much do not outweigh the others (Tyler 1987):
diag(s) M = F R with orthonormal F, and q = R v.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray

FLOOR = 2e-14
"""Rounding of M v in float64, as a share of the root mean square row of M: about 100 eps."""

_FAINT_ROW = 0.2
"""Rows below this share of the median row are weighted as if they had it: they are noise."""

_ROUNDS = 2
"""Fixed-point steps of the row weights; further steps change no row by more than a few percent."""


@dataclass(frozen=True, slots=True, eq=False)
class FirstLayer:
    """A first layer's change and its gates, with h neurons and n samples.

    Attributes:
        M: D B.
        gates: W_0 B and W_T B: rows whose signs at z are the gates at the start and at the end.
        basis: B; the last row belongs to the constant input 1 where there is a bias.
        F: Orthonormal columns of the weighted M.
        R: Upper triangle, diag(s) M = F R.
        scale: s.
        noise: Root mean square of the noise of an entry of M, with the rounding of M v in float64.
        has_bias: Whether samples are [x, 1].
    """

    M: Float64[FloatArray, "h n"]
    gates: tuple[Float64[FloatArray, "h n"], Float64[FloatArray, "h n"]]
    basis: Float64[FloatArray, "d n"]
    F: Float64[FloatArray, "h n"]
    R: Float64[FloatArray, "n n"]
    scale: Float64[FloatArray, " h"]
    noise: float
    has_bias: bool

    @property
    def n(self) -> int:
        """Number of linearly independent samples."""
        return self.M.shape[1]

    def dual(self, q: FloatArray) -> FloatArray:
        """Return v = R^-1 q with norm 1."""
        v = np.linalg.solve(self.R, q)
        return v / np.linalg.norm(v)


def pose_first_layer(
    trained: FloatArray,
    initial: FloatArray,
    rho: float,
    basis: FloatArray,
    noise: float,
    *,
    has_bias: bool,
) -> FirstLayer:
    """Project both weight matrices (h, d) on the row space (d, n) of their change."""
    M = (trained - rho * initial) @ basis
    F, R, s = M, np.eye(M.shape[1]), np.ones(len(M))
    for _ in range(_ROUNDS):
        norms = np.linalg.norm(F, axis=1)
        s = s / np.maximum(norms, _FAINT_ROW * np.median(norms))
        s = s / np.median(s)
        F, R = np.linalg.qr(s[:, None] * M)
    rounding = FLOOR / 6 * np.sqrt(np.mean(np.sum(M**2, axis=1)))
    gates = (initial @ basis, trained @ basis)
    return FirstLayer(M, gates, basis, F, R, s, float(np.hypot(noise, rounding)), has_bias)
