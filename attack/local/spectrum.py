"""The smallest singular values of a Jacobian with their vectors, and bounds of its nullity."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf

import torch
from scipy.stats import chi2
from torch import Tensor

from attack.local.filter import RISK, Filtered, Operator, filtered

ROUNDS = 4
"""Null directions found are taken out and the rest is examined again, at most so often."""

KRYLOV = 50
"""Dimension of the Krylov space for the largest singular value."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """What is known of the singular values, smallest first.

    Attributes:
        values: (q,), smallest found.
        errors: (q,): some singular value lies within this of each value.
        vectors: (q, k, d + 1), orthonormal.
        largest: The largest singular value, or a lower bound that is attained.
        null: How many of the vectors belong to singular values that count as 0.
        nullity: Least and largest number of singular values that count as 0.
        gap: Interval without singular values between those and the rest; (s, s) if there is none.
        motion: Least and largest norm of each sample's part of a unit null vector, (2, k).
        steps: Products with J and J^T; 0 where J was formed.
    """

    values: Tensor
    errors: Tensor
    vectors: Tensor
    largest: float
    null: int
    nullity: tuple[int, int]
    gap: tuple[float, float]
    motion: Tensor
    steps: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as 0, and how much is done to tell.

    Attributes:
        zero: Singular values up to this multiple of the largest count as 0.
        sure: From this multiple on they differ from 0.
        directions: Singular vectors to find; also the number of start vectors.
        steps: Products with J and J^T, for all vectors at once, in each filter at most.
        polish: The same, to separate small singular values from each other.
        seed: Seed of the start vectors.
    """

    zero: float
    sure: float
    directions: int
    steps: int
    polish: int
    seed: int


def dense(m: Operator, basis: Tensor, limits: Limits) -> Spectrum:
    """Form J on a basis of the free unknowns, and decompose it.

    Args:
        m: J.
        basis: (columns, k, d + 1), orthonormal.
        limits: What counts as 0; all null vectors are returned.

    Returns:
        The spectrum.
    """
    J = torch.cat([m.forth(part) for part in basis.split(64)])
    R = torch.linalg.qr(J.T)[1]
    _, s, vt = torch.linalg.svd(R, full_matrices=True)
    s = torch.cat([s, s.new_zeros(len(vt) - len(s))]).flip(0)
    vt = vt.flip(0)
    largest = float(s[-1])
    null, doubtful = int((s <= limits.zero * largest).sum()), int((s < limits.sure * largest).sum())
    doubtful = max(null, doubtful)
    shown = max(null, min(limits.directions, len(s)))
    vectors = (vt[: max(shown, doubtful)] @ basis.flatten(1)).reshape(-1, *basis.shape[1:])
    gap = (float(s[null - 1]) if null else 0.0, float(s[null]) if null < len(s) else inf)
    moved = torch.stack([motion(vectors[:null]), motion(vectors[:doubtful])])
    errors = s.new_full((shown,), largest * torch.finfo(s.dtype).eps * len(s))
    return Spectrum(
        s[:shown], errors, vectors[:shown], largest, null, (null, doubtful), gap, moved, 0
    )


def iterative(m: Operator, like: Tensor, limits: Limits) -> Spectrum:
    """The same without forming J.

    Args:
        m: J.
        like: (k, d + 1), for type and shape.
        limits: What counts as 0, and how much is done.

    Returns:
        The spectrum; what is said of singular values not found holds with probability 1 - RISK.
    """
    generator = torch.Generator().manual_seed(limits.seed)

    def start() -> Tensor:
        shape = (limits.directions, *like.shape)
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(like)

    scale, taken = _largest(m, start()[:1]), 2 * KRYLOV
    null, block = like.new_zeros(0, *like.shape), like.new_zeros(0, *like.shape)
    rest, first, last, known = m, None, None, 0
    for _ in range(ROUNDS):
        known, rest = len(null), _without(m, null)
        last = filtered(rest, start(), scale, limits.zero, limits.steps)
        first, taken = first or last, taken + last.steps
        values, _, block = _ritz(rest, last.q)
        found = int((values <= limits.zero * scale).sum())
        null, block = torch.cat([null, block[:found]]), block[found:]
        if found == 0 or (found == limits.directions and last.mean() > ROUNDS * found):
            break
    assert first is not None
    assert last is not None
    least, most = len(null), min(known + last.most(limits.sure * scale), m.columns)
    block, extra = _polish(_without(m, null), block, scale, limits.polish)
    values, errors, vectors = _ritz(m, torch.cat([null, block]))
    least = max(least, known + last.fewest()) if least == known + limits.directions else least
    low, high = last.gap()
    low = max([low, *values[:least].tolist()])
    moved = motion(null)
    bound = moved if most <= least else motion_bound(first, high)
    bounds = torch.stack([moved, torch.maximum(moved, bound)])
    most = max(least, most)
    gap = (low, max(low, high))
    return Spectrum(
        values, errors, vectors, scale, len(null), (least, most), gap, bounds, taken + extra
    )


def motion(null: Tensor) -> Tensor:
    """Largest norm of each sample's part of a unit vector in the span of (q, k, d + 1), (k,)."""
    if not len(null):
        return null.new_zeros(null.shape[1])
    return torch.linalg.matrix_norm(null.transpose(0, 1), ord=2)


def motion_bound(f: Filtered, high: float) -> Tensor:
    """Bound the motion of each sample by what the filter left of it.

    A sample that moves by m in some unit null vector shows in every start with at least m times a
    normal variable. What is left above the gap, at most |M q| / high, may hide that much of it.

    Args:
        f: A filter without deflation.
        high: Upper end of the gap; 0 if there is none.

    Returns:
        (k,), not above 1.
    """
    parts = f.q.norm(dim=2)  # (starts, k)
    if high <= 0:
        return torch.ones_like(parts[0])
    total = (parts + f.seen[:, None] / high).square().sum(0)
    return (total / float(chi2.ppf(RISK, len(f.q)))).sqrt().clamp(max=1.0)


def _without(m: Operator, null: Tensor) -> Operator:
    flat = null.flatten(1)

    def free(z: Tensor) -> Tensor:
        z = m.free(z)
        return z - ((z.flatten(1) @ flat.T) @ flat).reshape(z.shape)

    return Operator(m.push, m.pull, free, m.columns - len(null))


def _largest(m: Operator, z: Tensor) -> float:
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


def _ritz(m: Operator, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
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


def _polish(m: Operator, q: Tensor, scale: float, steps: int) -> tuple[Tensor, int]:
    """Chebyshev-filtered subspace iteration for the smallest singular values."""
    taken, tiny = 0, 1e3 * torch.finfo(q.dtype).eps * scale
    while taken < steps and len(q):
        values, errors, q = _ritz(m, q)
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
