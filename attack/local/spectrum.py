"""The smallest singular values of a Jacobian with their vectors, and bounds of its nullity."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from attack.local.filter import Filtered, Operator, chi_square, filtered
from attack.local.krylov import KRYLOV, largest_value, polish, ritz, without

ROUNDS = 4
"""Null directions found are taken out and the rest is examined again, at most so often."""


@dataclass(frozen=True, slots=True)
class SmallSpectrum:
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


def dense(m: Operator, basis: Tensor, limits: Limits) -> SmallSpectrum:
    """Form J on an orthonormal basis (columns, k, d + 1) of the free unknowns, and decompose it."""
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
    return SmallSpectrum(
        s[:shown], errors, vectors[:shown], largest, null, (null, doubtful), gap, moved, 0
    )


def iterative(m: Operator, like: Tensor, limits: Limits) -> SmallSpectrum:
    """The same without forming J, for unknowns ``like`` (k, d + 1), with probability 1 - RISK."""
    generator = torch.Generator().manual_seed(limits.seed)

    def start() -> Tensor:
        shape = (limits.directions, *like.shape)
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(like)

    scale, taken = largest_value(m, start()[:1]), 2 * KRYLOV
    null, block = like.new_zeros(0, *like.shape), like.new_zeros(0, *like.shape)
    rest, first, last, known = m, None, None, 0
    for _ in range(ROUNDS):
        known, rest = len(null), without(m, null)
        last = filtered(rest, start(), scale, limits.zero, limits.steps)
        first, taken = first or last, taken + last.steps
        values, _, block = ritz(rest, last.q)
        found = int((values <= limits.zero * scale).sum())
        null, block = torch.cat([null, block[:found]]), block[found:]
        if found == 0 or (found == limits.directions and last.mean() > ROUNDS * found):
            break
    assert first is not None
    assert last is not None
    least, most = len(null), min(known + last.most(limits.sure * scale), m.columns)
    block, extra = polish(without(m, null), block, scale, limits.polish)
    values, errors, vectors = ritz(m, torch.cat([null, block]))
    least = max(least, known + last.fewest()) if least == known + limits.directions else least
    low, high = last.gap()
    low = max([low, *values[:least].tolist()])
    moved = motion(null)
    bound = moved if most <= least else motion_bound(first, high)
    bounds = torch.stack([moved, torch.maximum(moved, bound)])
    most = max(least, most)
    gap = (low, max(low, high))
    return SmallSpectrum(
        values, errors, vectors, scale, len(null), (least, most), gap, bounds, taken + extra
    )


def motion(null: Tensor) -> Tensor:
    """Largest norm of each sample's part of a unit vector in the span of (q, k, d + 1), (k,)."""
    if not len(null):
        return null.new_zeros(null.shape[1])
    return torch.linalg.matrix_norm(null.transpose(0, 1), ord=2)


def motion_bound(f: Filtered, high: float) -> Tensor:
    """Bound the motion of each sample, (k,), by what a filter without deflation left of it."""
    # a sample that moves by m in some unit null vector shows in every start with at least m times
    # a normal variable; what is left above the gap, at most |M q| / high, may hide that much of it
    parts = f.q.norm(dim=2)  # (starts, k)
    if high <= 0:
        return torch.ones_like(parts[0])
    total = (parts + f.seen[:, None] / high).square().sum(0)
    return (total / chi_square(len(f.q))).sqrt().clamp(max=1.0)
