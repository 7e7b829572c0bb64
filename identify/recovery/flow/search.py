"""Samples from random starts: two families that share nothing have to agree.

A start ends at a solution, or with most samples right: then moves (``split_and_merge``) mend it. The
families only meet in the comparison, so that what both end at does not rest on one start.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from identify.arrays import BoolArray, Float64, FloatArray
from identify.recovery.flow.descent import Descent, descend, first_functions
from identify.recovery.flow.ends import Ends
from identify.recovery.flow.flow import Drive, Flow
from identify.recovery.flow.moves import split_and_merge

SAME = 0.99
"""Cosine from which two families have found the same sample."""

_SIZES = (1e-2, 1e-3, 1e-4, 1e-5)
"""The prior on the size of the residual functions, annealed."""

_NEAR, _LAST = 0.03, 1e-7
"""A start that misses by less is near a solution: it goes on with the lag and next to no prior."""

_FEWEST = 10
"""So many equations per unknown are used at least: more neurons cost time, fewer mislead."""

_IDLE, _HELPS = 4, 0.97
"""So many moves in a row that do not lower the miss to this share end a start."""

_ROUNDS = 30
_FUNCTIONS, _STEPS = 3, 4


@dataclass(frozen=True, slots=True)
class Found:
    """What a search ended with.

    Attributes:
        drive: The best samples and residual functions.
        miss: Relative distance of the flow's end from the weights, of the neurons used.
        confirmed: Which samples the other family has found as well, (n,).
        starts: Number of descents.
    """

    drive: Drive
    miss: float
    confirmed: BoolArray
    starts: int


class _Family:
    """Descents of one random stream: a start, moves while they help, then the next start."""

    def __init__(self, flow: Flow, n: int, noise: float, rng: np.random.Generator) -> None:
        self.flow, self.n, self.noise, self.rng = flow, n, noise, rng
        self.best: Descent | None = None
        self.current: Descent | None = None
        self.idle, self.count = 0, 0

    def grow(self) -> None:
        """Descend once more: from a move of the current solution, or from a new start."""
        self.count += 1
        if self.current is None or self.idle == _IDLE or self.current.miss < _NEAR:
            z = self.rng.standard_normal((self.n, self.flow.ends.U.shape[1]))
            z /= np.linalg.norm(z, axis=1, keepdims=True)
            self.current = self._descent(Drive(z, first_functions(self.flow, z)), _SIZES, 1.0)
            self.idle = 0
        else:
            weights = self.flow.ends.weights(self.noise)
            moved = split_and_merge(self.flow, self.current.drive, weights, self.rng)
            trial = self._descent(moved, _SIZES[1:], 1e-1)
            self.idle = 0 if trial.miss < _HELPS * self.current.miss else self.idle + 1
            self.current = min(trial, self.current, key=lambda option: option.miss)
        if self.best is None or self.current.miss < self.best.miss:
            self.best = self.current

    def _descent(self, drive: Drive, sizes: tuple[float, ...], damping: float) -> Descent:
        """Descend with the prior annealed, and with the lag where that ends near a solution."""
        for size in sizes:
            found = descend(self.flow, drive, size=size, noise=self.noise, damping=damping)
            drive, damping = found.drive, 1e-2
        if found.miss < _NEAR:
            found = descend(
                self.flow, drive, size=_LAST, noise=self.noise, lagged=True, whole=True
            )
        return found


def search(
    ends: Ends,
    n: int,
    *,
    noise: float,
    seed: int,
    progress: Callable[[float], None] | None = None,
) -> Found:
    """Search n samples whose flow ends at the given weights; ``noise`` as for ``Ends.weights``."""
    unknowns = n * (ends.U.shape[1] + _FUNCTIONS)
    few = ends.least_moved(-(-_FEWEST * unknowns // (ends.U.shape[1] + 1)))
    flow = Flow(few, _FUNCTIONS, _STEPS)
    families = [_Family(flow, n, noise, np.random.default_rng((seed, k))) for k in range(2)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for _ in range(_ROUNDS):
            list(pool.map(_Family.grow, families))
            first, second = sorted((family.best for family in families), key=lambda d: d.miss)
            if progress is not None:
                progress(first.miss)
            confirmed = same_samples(first.drive.z, second.drive.z)
            if confirmed.all():
                break
    starts = sum(family.count for family in families)
    return Found(first.drive, first.miss, confirmed, starts)


def same_samples(first: Float64[FloatArray, "n r"], second: Float64[FloatArray, "k r"]) -> BoolArray:
    """Return which of the first samples are among the second, each used once, modulo sign."""
    a = first / np.linalg.norm(first, axis=1, keepdims=True)
    b = second / np.linalg.norm(second, axis=1, keepdims=True)
    cosine = np.abs(a @ b.T)
    nearest = cosine.argmax(axis=1)
    mutual = cosine.argmax(axis=0)[nearest] == np.arange(len(a))
    return mutual & (cosine.max(axis=1) > SAME)
