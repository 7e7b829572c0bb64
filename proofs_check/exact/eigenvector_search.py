"""The real eigenvectors f(w) = mu w of T, found by Newton's method and then proved to exist.

Letters and scaling as in ``eigenvector_count``: Gram matrix C, z_i = x_i.w, f(w) = eps w. The
search starts at random and follows nothing from orthonormal samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from flint import arb, arb_mat

from proofs_check.exact.arrays import Floats
from proofs_check.exact.enclosure import enclose_zero
from proofs_check.exact.formulas import dot

BATCH = 300
"""Random starts at a time."""
PATIENCE = 3
"""The search ends after so many batches in a row that found nothing new."""
STEPS = 20
"""Newton steps from each start."""


def search_directions(C: Floats, b: Floats, alpha: int, seed: int) -> Floats:
    """Find real eigenvectors by Newton's method, one row z (K, r) per direction found."""
    rng, x = np.random.default_rng(seed), np.linalg.cholesky(C).astype(np.float64)
    found, quiet = np.zeros((0, len(b))), 0
    while quiet < PATIENCE:
        u = np.linalg.solve(x, rng.standard_normal((len(b), BATCH))).T  # all x_i.u of one size
        f = (b * (u @ x.T) ** (alpha - 1)) @ x
        u /= (np.linalg.norm(f, axis=1) / np.linalg.norm(u, axis=1))[:, None] ** (1 / (alpha - 2))
        eps = np.where(np.einsum("kd,kd->k", u, f) > 0, 1.0, -1.0)
        if alpha % 2:
            u, eps = eps[:, None] * u, np.ones(BATCH)
        before = len(found)
        found = distinct(np.concatenate([found, _newton(x, b, alpha, u, eps)]))
        quiet = quiet + 1 if len(found) == before else 0
    return found @ x.T


def _newton(x: Floats, b: Floats, alpha: int, w: Floats, eps: Floats) -> Floats:
    """Solve f(w) = eps w from many starts; rows that do not converge are left out."""
    unit = np.eye(x.shape[1])
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            z = w @ x.T
            residual = (b * z ** (alpha - 1)) @ x - eps[:, None] * w
            slices = (x.T * ((alpha - 1) * b * z ** (alpha - 2))[:, None, :]) @ x
            w = (
                w
                - np.linalg.solve(slices - eps[:, None, None] * unit, residual[:, :, None])[:, :, 0]
            )
        residual = (b * (w @ x.T) ** (alpha - 1)) @ x - eps[:, None] * w
        size = np.linalg.norm(w, axis=1)
        return w[(np.linalg.norm(residual, axis=1) < 1e-11 * size) & (size > 1e-3)]


def distinct(w: Floats) -> Floats:
    """One row of each direction, the first."""
    unit, rows = w / np.linalg.norm(w, axis=1)[:, None], []
    rest = np.arange(len(w))
    while len(rest):
        rows.append(rest[0])
        rest = rest[np.abs(unit[rest] @ unit[rest[0]]) < 1 - 1e-10]
    return w[rows]


def enclosed_directions(
    C: arb_mat, b: Sequence[arb], alpha: int, z: Floats, *, digits: int = 40
) -> list[list[arb]]:
    """Enclose an eigenvector to 10^-digits near each row of z (K, r), or raise ArithmeticError."""
    inverse, r = C.inv().tolist(), len(b)
    results = []
    for start in z:
        eps = int(np.sign(sum(float(b_i) * t**alpha for b_i, t in zip(b, start, strict=True))))

        def F(u: Sequence[arb], eps: int = eps) -> list[arb]:
            return [b[i] * u[i] ** (alpha - 1) - eps * dot(inverse[i], u) for i in range(r)]

        def J(u: Sequence[arb], eps: int = eps) -> list[list[arb]]:
            slices = [(alpha - 1) * b[i] * u[i] ** (alpha - 2) for i in range(r)]
            return [
                [(slices[i] if i == k else 0) - eps * inverse[i][k] for k in range(r)]
                for i in range(r)
            ]

        box = enclose_zero(F, J, start, digits=digits)
        if box is None:
            raise ArithmeticError("z: found a row with no eigenvector near it")
        results.append(box)
    return results
