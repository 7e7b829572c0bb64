"""Real eigenvectors of T = sum_i b_i x_i^{⊗alpha} with the margins they produce, to first order.

Every non-zero neuron of a KKT point of Phi(x) = sum_j a_j c (W_j.x)^alpha is an eigenvector of T
(paper, eq. 4.1: alpha c a_j f(W_j) = W_j, where f(w) = sum_i b_i (x_i.w)^{alpha-1} x_i).

=========  ==============================================================================
``C``      Gram matrix of the samples scaled to unit norm, (n, n); independent samples
``z``      z_i = x_i.w, the eigenvector in sample coordinates; w = eps X^T (b z^{alpha-1})
``eps``    sign of the eigenvalue: f(w) = eps w fixes the norm of w (alpha >= 3)
``R``      |w|^2 = eps sum_i b_i z_i^alpha
``q``      how many neurons lie on each direction
``kappa``  Phi(x_i) = sum_k q_k eps_k kappa R_k^{-1/(alpha-1)} z_ki^alpha (see ``synthesis``)
=========  ==============================================================================

In these letters f(w) = eps w reads E(z) = C (b z^{alpha-1}) - eps z = 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import BoolArray, FloatArray, IntArray

DISTINCT = 1e-6
"""Eigenvectors closer than this, in units in which they are sign patterns for C = 1, are one."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Eigenvectors of one tensor with their multiplicities, and the margins they produce.

    Attributes:
        z: (K, n), row k is the k-th eigenvector in the coordinates of the samples.
        b: (n,) signed weights of the unit samples.
        eps: (K,) sign of each eigenvalue.
        q: (K,) multiplicities, positive.
        index: (K,) position of each row in the list of patterns it started from.
        alpha: Degree, at least 3.
        kappa: Constant of the margins, see above.
    """

    z: FloatArray
    b: FloatArray
    eps: FloatArray
    q: FloatArray
    index: IntArray
    alpha: int
    kappa: float

    @property
    def squared_norms(self) -> FloatArray:
        """R (K,), the squared norms of the eigenvectors w."""
        return self.eps * (self.z**self.alpha @ self.b)

    def outputs(self) -> FloatArray:
        """Return Phi at the unit samples, (n,)."""
        weights = self.kappa * self.q * self.eps * self.squared_norms ** (-1 / (self.alpha - 1))
        return weights @ self.z**self.alpha

    def defect(self, C: FloatArray) -> FloatArray:
        """Return E (K, n), zero at eigenvectors."""
        return (self.b * self.z ** (self.alpha - 1)) @ C - self.eps[:, None] * self.z

    def jacobian(self, C: FloatArray) -> FloatArray:
        """Return dE/dz (K, n, n)."""
        slices = C * (self.b * self.z ** (self.alpha - 2))[:, None, :]
        return (self.alpha - 1) * slices - self.eps[:, None, None] * np.eye(len(C))

    def distinct(self) -> bool:
        """Return whether no two rows are the same eigenvector."""
        from scipy.spatial import KDTree

        scaled = self.z * np.abs(self.b) ** (1 / (self.alpha - 2))
        # alpha odd: -w belongs to the eigenvalue of the other sign; alpha even: w and -w are one
        near = KDTree(scaled).query_pairs(DISTINCT, p=np.inf)
        if self.alpha % 2 == 0 and not near:
            found = KDTree(-scaled).query(scaled, p=np.inf)[0]
            return bool(found.min() > DISTINCT)
        return not near

    def keep(self, rows: BoolArray) -> Bundle:
        """Return the bundle of the chosen rows only."""
        parts = {name: getattr(self, name)[rows] for name in ("z", "eps", "q", "index")}
        return replace(self, **parts)

    def solve(self, C: FloatArray, e: FloatArray, g: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return dz (K, n) and db (n,) with d(defect) = -e, (K, n), and d(outputs) = -g, (n,).

        Raises ``numpy.linalg.LinAlgError`` where the system is singular.
        """
        alpha, z, eps, R = self.alpha, self.z, self.eps, self.squared_norms
        gamma = 1 / (alpha - 1)
        powers = z ** (alpha - 1)
        # dE = 0: dz_k = first_k + response_k db
        right = np.concatenate([e[:, :, None], C * powers[:, None, :]], axis=2)
        solved = -np.linalg.solve(self.jacobian(C), right)
        first, response = solved[:, :, 0], solved[:, :, 1:]
        # outputs_i = sum_k weight_k z_ki^alpha, weight_k ~ R_k^-gamma, slope = eps dweight/dR
        weight = self.kappa * self.q * eps * R**-gamma
        slope = -gamma * weight * eps / R
        by_z = alpha * self.b * powers  # eps dR/dz
        direct = (alpha * weight)[:, None] * powers
        along = slope * np.einsum("kj,kj->k", by_z, first)
        # d(outputs) = constant + linear db
        constant = along @ z**alpha + np.einsum("ki,ki->i", direct, first)
        dR = z**alpha + np.einsum("kj,kjl->kl", by_z, response)
        linear = (slope[:, None] * z**alpha).T @ dR + np.einsum("ki,kil->il", direct, response)
        db = np.linalg.solve(linear, -g - constant)
        return first + response @ db, db

    def moved(self, dz: FloatArray, db: FloatArray) -> Bundle:
        """Return the bundle at z + dz, b + db."""
        return replace(self, z=self.z + dz, b=self.b + db)
