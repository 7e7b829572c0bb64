"""KKT points for activations of degree 1 and 2, where b has a closed or a convex form.

Linear: W_j = c a_j v and a_j = c W_j.v force |v| = 1 / |c|; the margins are c^2 A v.x_i with
A = sum_j a_j^2, so b = G^{-1} y / (c^2 A) with G = X X^T.

Quadratic, q neurons on every eigenvector of M = sum_i b_i x_i x_i^T: with eigenvalue mu,
s = |W| = 1 / (sqrt 2 |c mu|), so Phi(x) = q / (4 c^2) x^T M^{-3} x on the span, and

    y_i = Phi(x_i) = q / (4 c^2) beta_i^2 sum_k (G^{-1}_ik)^2 beta_k,    beta_i = 1 / b_i,

the stationarity of the strictly convex 1/2 beta^T H beta + (4 c^2 / q) sum_i 1 / |beta_i|,
H = G^{-1} o G^{-1}.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import FloatArray, IntArray


def linear(x: FloatArray, y: IntArray, c: float) -> tuple[FloatArray, FloatArray]:
    """Return the one direction, scaled so that its square norm is A, (1, d), and b, (n,).

    Raises:
        ValueError: If a multiplier would be negative.
    """
    dual = np.asarray(np.linalg.solve(x @ x.T, y.astype(float)), dtype=np.float64)
    wrong = np.flatnonzero(dual * y <= 0)
    if len(wrong):
        raise ValueError(
            f"X: sample {wrong[0]} is not active at alpha = 1 (its multiplier would be negative); "
            "leave it out"
        )
    size = float(np.sqrt(dual @ y))  # |sum_i dual_i x_i|, the dual being G^{-1} y
    total = size / abs(c)  # A, by |v| = 1 / |c|
    return (x.T @ dual)[None] * (np.sqrt(total) / size), dual / (c**2 * total)


def quadratic(x: FloatArray, y: IntArray, c: float, q: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the eigenvectors of M, scaled to neurons, W (n, d), and b, (n,).

    Raises:
        ValueError: If the multiplicities ``q`` (n,) differ.
    """
    if (q != q[0]).any():
        raise ValueError(
            f"multiplicities: found {q.tolist()}; at alpha = 2 pass one int, the same for all"
        )
    # x^T = Q R: G^{-1} = R^{-1} R^{-T}, and M has the matrix R diag(b) R^T in the basis Q
    triangular = np.asarray(np.linalg.qr(x.T, mode="r"), dtype=np.float64)
    inverse = np.linalg.inv(triangular)
    H = (inverse @ inverse.T) ** 2
    beta = _minimise(H, y.astype(float), 4 * c**2 / float(q[0]))
    b = 1 / beta
    orthonormal = np.linalg.solve(triangular.T, x)
    mu, u = np.linalg.eigh((triangular * b) @ triangular.T)
    return (u / (np.sqrt(2) * np.abs(c * mu))).T @ orthonormal, b


def _minimise(H: FloatArray, y: FloatArray, tau: float) -> FloatArray:
    """Minimise 1/2 beta^T H beta + tau sum_i 1 / |beta_i| over sign(beta) = y, by damped Newton."""

    def value(beta: FloatArray) -> float:
        return float(beta @ H @ beta / 2 + tau * np.sum(1 / np.abs(beta)))

    beta = y * np.cbrt(tau / np.diag(H))
    for _ in range(200):
        slope = H @ beta - tau * y / beta**2
        step = -np.linalg.solve(H + np.diag(2 * tau / np.abs(beta) ** 3), slope)
        length = 1.0
        while np.any((beta + length * step) * y <= 0):
            length /= 2
        while length > 1e-8 and value(beta + length * step) > value(beta) * (1 + 1e-15):
            length /= 2
        beta = beta + length * step
        if np.max(np.abs(step / beta)) < 1e-15:
            break
    return beta
