"""Which candidate stands for which true sample, and how many samples were found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from torch import Tensor

from attack.metrics.vectors import Metric, Symmetry, cosine, scores
from identify.arrays import FloatArray, IntArray
from identify.sample_sets import one_to_one

Matching: TypeAlias = Literal["nearest", "greedy", "one-to-one"]
"""Nearest candidate, used again if need be (Haim et al. 2022); the closest pair first, each once
(Loo et al. 2024); the best total, each once (Hungarian; Iurada et al. 2025)."""

FOUND = 0.99
"""A sample counts as found when a candidate of its own has this cosine with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """One set of candidates against the true samples.

    Attributes:
        values: (n,) metric of each true sample and its partner, NaN where it has none.
        partner: (n,) index of the candidate, -1 where there is none.
        k: Number of candidates.
        found: True samples with a candidate of their own at a cosine of 0.99 or more.
    """

    values: FloatArray
    partner: IntArray
    k: int
    found: int


def match(values: Tensor, *, higher: bool, matching: Matching = "nearest") -> IntArray:
    """Return the candidate of each true sample, (n,) indices, -1 for one that gets none.

    Candidates whose ``values`` (n, k) are not finite everywhere get nobody.

    Raises:
        ValueError: If the matching is none of the three.
    """
    if matching not in get_args(Matching):
        raise ValueError(f"matching: found {matching!r}; pass one of {get_args(Matching)}")
    cost = values.detach().cpu().double().numpy() * (-1 if higher else 1)
    usable = np.flatnonzero(np.isfinite(cost).all(0))
    cost, partner = cost[:, usable], np.full(len(cost), -1)
    if not usable.size:
        return partner
    if matching == "nearest":
        return usable[cost.argmin(1)]
    rows, columns = one_to_one(cost) if matching == "one-to-one" else _greedy(cost)
    partner[rows] = usable[columns]
    return partner


def match_and_measure(
    truth: Tensor,
    found: Tensor,
    metric: Metric,
    *,
    matching: Matching = "nearest",
    symmetry: Symmetry = "none",
    select: Metric | None = None,
) -> Matched:
    """Match candidates (k, d), k = 0 allowed, to the true samples (n, d) and measure them."""
    # Haim et al. 2022 select by NCC and report SSIM
    values = scores(metric, truth, found, symmetry)
    chooser = select or metric
    table = values if select is None else scores(select, truth, found, symmetry)
    partner = match(table, higher=chooser.higher, matching=matching)
    paired = partner >= 0
    reached = np.full(len(truth), np.nan)
    reached[paired] = values.cpu().numpy()[paired, partner[paired]]
    return Matched(reached, partner, len(found), found_count(truth, found, symmetry=symmetry))


def found_count(
    truth: Tensor, found: Tensor, *, symmetry: Symmetry = "none", threshold: float = FOUND
) -> int:
    """Count the true samples (n, d) with a candidate (k, d) of their own at this cosine."""
    # a largest one-to-one matching of such pairs: no candidate is counted twice
    near = (scores(cosine(), truth, found, symmetry) >= threshold).cpu().numpy()
    rows, columns = one_to_one(-near.astype(float))
    return int(near[rows, columns].sum())


def _greedy(cost: FloatArray) -> tuple[list[int], list[int]]:
    cost = cost.copy()
    rows, columns = [], []
    for _ in range(min(cost.shape)):
        i, j = np.unravel_index(cost.argmin(), cost.shape)
        rows.append(int(i))
        columns.append(int(j))
        cost[i], cost[:, j] = np.inf, np.inf
    return rows, columns
