"""From a spectrum to a verdict on each sample, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

PINNED, MOVES = 1e-3, 1e-2
"""A sample is pinned if no unit null vector moves it by more, and moves if one does by more."""

APART = 100.0
"""Singular values differ from 0 if they are this multiple of what counts as 0."""


@dataclass(frozen=True, slots=True, eq=False)
class LocalFindings:
    """What the verdict rests on; singular values are multiples of the largest.

    Attributes:
        columns: Free unknowns.
        rank: Least and largest rank.
        gap: Interval without singular values.
        motion: (2, k), least and largest.
        residual: Of the equations, relative to the target.
        region: Distance to the next kink, (k,), or None.
        zero: What counts as 0.
        formed: Whether J was formed.
    """

    columns: int
    rank: tuple[int, int]
    gap: tuple[float, float]
    motion: Tensor
    residual: float
    region: Tensor | None
    zero: float
    formed: bool

    @property
    def near(self) -> bool:
        """Whether the residual is too small to hide a solution that is not the candidate."""
        # by Newton and Kantorovich with second derivatives of size 1 in the balanced unknowns:
        # a rule of scale, not a bound
        return self.gap[1] ** 2 >= self.residual


@dataclass(frozen=True, slots=True, eq=False)
class LocalVerdict:
    """Which samples, (k,) each, are pinned and which move, with the reasons in sentences."""

    pinned: Tensor
    moves: Tensor
    reasons: list[str]


def judge_samples(f: LocalFindings) -> LocalVerdict:
    """Say which samples are pinned and which move; on weak evidence neither."""
    least, most = f.motion
    trusted = f.near and f.gap[1] >= APART * f.zero
    pinned, moves = (most <= PINNED) & trusted, least >= MOVES
    return LocalVerdict(pinned, moves, [*_of_the_rank(f), *_of_the_samples(f, pinned, moves)])


def _of_the_rank(f: LocalFindings) -> Iterator[str]:
    n, (low, high) = f.columns, f.rank
    if low == high == n:
        yield f"J has full rank {n}: no motion of the {n} unknowns is free."
    elif low == high:
        yield f"J has rank {low} of {n}: {n - low} directions are free to first order."
    elif high < n:
        free = f"At least {n - high} and at most {n - low} of {n} directions"
        yield f"{free} are free to first order."
    else:
        yield f"The rank cannot be told: between {low} and {n}."
    between = (
        f"there is none between {f.gap[0]:.1e} and {f.gap[1]:.1e} of it."
        if f.gap[1] > f.gap[0]
        else "no gap above that was found."
    )
    yield f"Singular values up to {f.zero:.1e} of the largest count as 0; {between}"
    if not f.formed:
        yield (
            "J was applied, not formed: what is said of singular values not found is wrong with "
            "probability at most 1e-9 over the start vectors."
        )


def _of_the_samples(f: LocalFindings, pinned: Tensor, moves: Tensor) -> Iterator[str]:
    if not f.near:
        yield (
            f"The equations are left by {f.residual:.1e} of the target, too much for a smallest "
            f"singular value of {f.gap[1]:.1e}: no sample is called pinned."
        )
    for word, which in (("pinned", pinned), ("free to move", moves)):
        if bool(which.any()):
            yield f"{int(which.sum())} of {len(which)} samples are {word}{_few(which)}."
    open_ = ~pinned & ~moves
    if bool(open_.any()):
        yield f"For {int(open_.sum())} samples it cannot be told{_few(open_)}."
    if f.region is not None:
        yield (
            "Relu is exact: this holds inside the activation region, whose nearest kink is at "
            f"{float(f.region.min()):.1e} of a unit's reach."
        )


def _few(which: Tensor) -> str:
    found = torch.nonzero(which)[:, 0].tolist()
    return f" ({', '.join(map(str, found))})" if len(found) <= 8 else ""
