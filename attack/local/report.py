"""What the equations leave free at a candidate."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class LocalReport:
    """What the equations leave free at a candidate.

    Attributes:
        columns: Unknowns that are free.
        rank: Rank of J, or None where it cannot be told.
        rank_bounds: Least and largest rank.
        singular_values: (q,), the smallest, ascending, as multiples of the largest.
        errors: (q,): some singular value lies within this of each.
        largest: The largest singular value.
        gap: No singular value lies in this interval (multiples of the largest).
        x_directions: (q, k, d), the motions of x that go with ``singular_values``.
        weight_directions: (q, k), those of lambda; together of norm 1, in the units of x and
            lambda. The first ``null`` of them are null directions.
        null: Null directions found; all there are, where the rank is known.
        pinned: (k,), samples with their multipliers that cannot move.
        moves: (k,), those that move to first order; where both are False it cannot be told.
        motion: (2, k), least and largest norm of the part of the sample in a unit null vector (of
            the balanced J): 1 moves alone, 0 is pinned.
        residual: |target - F| / |target| at the candidate.
        region: (k,) for an exact relu, how far the next kink is (``region_margin``), else None.
        method: How it was found.
        steps: Products with J and J^T, for all start vectors at once.
        reasons: The verdict in sentences.
    """

    columns: int
    rank: int | None
    rank_bounds: tuple[int, int]
    singular_values: Tensor
    errors: Tensor
    largest: float
    gap: tuple[float, float]
    x_directions: Tensor
    weight_directions: Tensor
    null: int
    pinned: Tensor
    moves: Tensor
    motion: Tensor
    residual: float
    region: Tensor | None
    method: str
    steps: int
    reasons: list[str]
