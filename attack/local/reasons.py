"""From a spectrum to a verdict on each sample, in sentences."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PINNED, MOVES = 1e-3, 1e-2
"""A sample is pinned if no unit null vector moves it by more, and moves if one does by more."""


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
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


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The verdict.

    Attributes:
        pinned: (k,).
        moves: (k,).
        reasons: Sentences.
    """

    pinned: Tensor
    moves: Tensor
    reasons: list[str]


def judge(f: Findings) -> Verdict:
    """Say which samples are pinned and which move; on weak evidence neither.

    A residual hides the solution that the candidate is near, by Newton and Kantorovich where the
    square of the smallest singular value is below it (second derivatives of size 1 in the balanced
    unknowns): a rule of scale, not a bound. Then no sample counts as pinned.

    Args:
        f: The findings.

    Returns:
        The verdict.
    """
    n, (low, high) = f.columns, f.rank
    least, most = f.motion
    near = f.gap[1] ** 2 >= f.residual
    trusted = near and f.gap[1] >= 100 * f.zero
    pinned = (most <= PINNED) & trusted
    moves = least >= MOVES
    reasons = []
    if low == high == n:
        reasons.append(f"J has full rank {n}: no motion of the {n} unknowns is free.")
    elif low == high:
        reasons.append(f"J has rank {low} of {n}: {n - low} directions are free to first order.")
    elif high < n:
        reasons.append(
            f"At least {n - high} and at most {n - low} of {n} directions are free to first order."
        )
    else:
        reasons.append(f"The rank cannot be told: between {low} and {n}.")
    reasons.append(
        f"Singular values up to {f.zero:.1e} of the largest count as 0; "
        + (
            f"there is none between {f.gap[0]:.1e} and {f.gap[1]:.1e} of it."
            if f.gap[1] > f.gap[0]
            else "no gap above that was found."
        )
    )
    if not f.formed:
        reasons.append(
            "J was applied, not formed: what is said of singular values not found is wrong with "
            "probability at most 1e-9 over the start vectors."
        )
    if not near:
        reasons.append(
            f"The equations are left by {f.residual:.1e} of the target, too much for a smallest "
            f"singular value of {f.gap[1]:.1e}: no sample is called pinned."
        )
    for word, which in (("pinned", pinned), ("free to move", moves)):
        count = int(which.sum())
        if count:
            reasons.append(f"{count} of {len(which)} samples are {word}{_few(which)}.")
    open_ = ~pinned & ~moves
    if bool(open_.any()):
        reasons.append(f"For {int(open_.sum())} samples it cannot be told{_few(open_)}.")
    if f.region is not None:
        reasons.append(
            "Relu is exact: this holds inside the activation region, whose nearest kink is at "
            f"{float(f.region.min()):.1e} of a unit's reach."
        )
    return Verdict(pinned, moves, reasons)


def _few(which: Tensor) -> str:
    found = torch.nonzero(which)[:, 0].tolist()
    return f" ({', '.join(map(str, found))})" if len(found) <= 8 else ""
