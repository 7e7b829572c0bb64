"""Singular values of an operator that is only applied, by Krylov spaces and Ritz pairs."""

from __future__ import annotations

from math import ceil, inf

import torch
from torch import Tensor

from attack.local.filter import Operator

KRYLOV = 50
"""Dimension of the Krylov space for the largest singular value."""


def without(m: Operator, null: Tensor) -> Operator:
    """M on what is orthogonal to null vectors (q, ...) already found."""
    flat = null.flatten(1)

    def free(z: Tensor) -> Tensor:
        z = m.free(z)
        return z - ((z.flatten(1) @ flat.T) @ flat).reshape(z.shape)

    return Operator(m.push, m.pull, free, m.columns - len(null))


def largest_value(m: Operator, z: Tensor) -> float:
    """The largest Ritz value of a Krylov space, orthogonalised twice."""
    z = m.free(z)
    basis = z.new_zeros(0, z[0].numel())
    for _ in range(min(KRYLOV, m.columns)):
        new = z.flatten()
        size = new.norm()
        for _ in range(2):
            new = new - (basis @ new) @ basis
        if not new.norm() > 1e-8 * size:
            break
        basis = torch.cat([basis, (new / new.norm())[None]])
        z = m.back(m.forth(basis[-1].reshape(z.shape)))
    if not len(basis):
        return 0.0
    image = torch.cat([m.forth(v.reshape(z.shape)) for v in basis])
    return float(torch.linalg.matrix_norm(torch.linalg.qr(image.T)[1], ord=2))


def ritz(m: Operator, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Singular values of M on a span, smallest first, their errors, and orthonormal vectors."""
    if not len(q):
        return q.new_zeros(0), q.new_zeros(0), q
    size = q.flatten(1).norm(dim=1)
    q = q / torch.where(size > 0, size, 1.0)[:, None, None]
    for _ in range(2):  # the second time for vectors that were nearly dependent
        q = m.free(torch.linalg.qr(q.flatten(1).T)[0].T.reshape(q.shape))
        q = q[q.flatten(1).norm(dim=1) > 0.5]
    image = m.forth(q)
    _, s, vt = torch.linalg.svd(torch.linalg.qr(image.T)[1])
    s, vt = s.flip(0), vt.flip(0)
    q = (vt @ q.flatten(1)).reshape(q.shape)
    # M^T M q - s^2 q, divided by s + s' >= s for the nearest singular value s'
    off = (m.back(m.forth(q)) - s[:, None, None].square() * q).flatten(1).norm(dim=1)
    near = torch.minimum(off / torch.where(s > 0, s, inf), off.sqrt())
    return s, torch.minimum(near, s), q  # by min-max there is one from 0 to s


def polish(m: Operator, q: Tensor, scale: float, steps: int) -> tuple[Tensor, int]:
    """Chebyshev-filtered subspace iteration for the smallest singular values."""
    taken, tiny = 0, 1e3 * torch.finfo(q.dtype).eps * scale
    while taken < steps and len(q):
        values, errors, q = ritz(m, q)
        cut = max(float(values[-1]), 1e-3 * scale)
        if float(errors[: max(1, len(q) // 2)].max()) <= tiny or cut >= 0.9 * scale:
            break
        degree = min(ceil(4 * scale / cut), steps - taken)
        q = _chebyshev(m, q, cut**2, (1.05 * scale) ** 2, degree)
        taken += degree
    return q, taken


def _chebyshev(m: Operator, q: Tensor, low: float, high: float, degree: int) -> Tensor:
    """The Chebyshev polynomial of [low, high] in M^T M, which grows below that interval."""
    centre, half = (high + low) / 2, (high - low) / 2

    def apply(z: Tensor) -> Tensor:
        return (m.back(m.forth(z)) - centre * z) / half

    before, now = q, apply(q)
    for _ in range(degree - 1):
        before, now = now, 2 * apply(now) - before
    return now
