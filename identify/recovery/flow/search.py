"""Samples from starts that share nothing: two families have to agree, one of random starts alone.

A start ends at a solution, or with most samples right: then moves (``split_and_merge``) mend it.
The families only meet in the comparison, so that what both end at does not rest on one start.
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

_GAIN = 5e-3
"""A descent goes on while the squared miss falls by this share a step."""

_FEWEST = 7
"""So many equations per unknown are used at least: more neurons cost time, fewer mislead."""

_IDLE, _HELPS = 4, 0.97
"""So many moves in a row that do not lower the miss to this share end a start."""

_ROUNDS, _MORE = 16, 6
"""Rounds at the most, and after one family has ended near a solution."""

_HOPE = 0.3
"""First descents of ordinary trainings miss by .01 to .15: where both miss by more than this, no
flow leads to the weights."""

_FUNCTIONS, _STEPS = 3, 2


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

    def __init__(
        self, flow: Flow, n: int, noise: float, rng: np.random.Generator, first: Drive | None
    ) -> None:
        self.flow, self.n, self.noise, self.rng, self.first = flow, n, noise, rng, first
        self.best: Descent | None = None
        self.current: Descent | None = None
        self.idle, self.count = 0, 0

    def grow(self) -> Descent:
        """Descend once more, from a move or a new start, and return the best so far."""
        with np.errstate(all="ignore"):  # a thread has its own
            return self._grown()

    def _grown(self) -> Descent:
        self.count += 1
        current = self.current
        stuck = current is None or self.idle == _IDLE or not _NEAR <= current.miss < np.inf
        if current is None or stuck:
            self.current, self.first, self.idle = self._started(), None, 0
        else:
            weights = self.flow.ends.weights(self.noise)
            moved = split_and_merge(self.flow, current.drive, weights, self.rng)
            trial = self._descent(moved, _SIZES[1:], 1e-1)
            self.idle = 0 if trial.miss < _HELPS * current.miss else self.idle + 1
            self.current = min(trial, current, key=lambda option: option.miss)
        if self.best is None or self.current.miss < self.best.miss:
            self.best = self.current
        return self.best

    def _started(self) -> Descent:
        if self.first is not None:
            c = np.pad(self.first.c, ((0, 0), (0, _FUNCTIONS - self.first.c.shape[1])))
            return self._descent(Drive(self.first.z, c), _SIZES[2:], 1e-2)
        z = self.rng.standard_normal((self.n, self.flow.ends.U.shape[1]))
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        return self._descent(Drive(z, first_functions(self.flow, z)), _SIZES, 1.0)

    def _descent(self, drive: Drive, sizes: tuple[float, ...], damping: float) -> Descent:
        """Descend with the prior annealed, and with the lag where that ends near a solution."""
        found = Descent(drive, np.inf, 0)
        for size in sizes:
            found = descend(
                self.flow,
                found.drive,
                size=size,
                noise=self.noise,
                damping=damping,
                least_gain=_GAIN,
            )
            damping = 1e-2
        if found.miss < _NEAR:
            drive = found.drive
            found = descend(self.flow, drive, size=_LAST, noise=self.noise, lagged=True, whole=True)
        return found


def search(
    ends: Ends,
    n: int,
    *,
    noise: float,
    seed: int,
    first: Drive | None = None,
    progress: Callable[[float], None] | None = None,
) -> Found:
    """Search n samples whose flow ends at the given weights.

    Args:
        ends: The neurons.
        n: Number of samples.
        noise: Root mean square error of a stored weight.
        seed: Draws the starts.
        first: A guess with constant residual functions, where one family starts.
        progress: Called with the smallest miss so far.

    Returns:
        The best, and what of it both families have found.
    """
    unknowns = n * (ends.U.shape[1] + _FUNCTIONS)
    few = ends.least_moved(-(-_FEWEST * unknowns // (ends.U.shape[1] + 1)))
    flow = Flow(few, _FUNCTIONS, _STEPS)
    families = [
        _Family(flow, n, noise, np.random.default_rng((seed, k)), guess)
        for k, guess in enumerate((first, None))
    ]
    left, ahead = _ROUNDS, None
    confirmed = np.zeros(n, bool)
    with ThreadPoolExecutor(max_workers=2) as pool:
        while left > 0:
            bests = list(pool.map(_Family.grow, families))
            ahead, behind = sorted(bests, key=lambda descent: descent.miss)
            if progress is not None:
                progress(ahead.miss)
            confirmed = same_samples(ahead.drive.z, behind.drive.z)
            near = ahead.miss < _NEAR
            if (near and confirmed.all()) or (left == _ROUNDS and ahead.miss > _HOPE):
                break
            left = min(left - 1, _MORE) if near else left - 1
    assert ahead is not None
    starts = sum(family.count for family in families)
    return Found(ahead.drive, ahead.miss, confirmed, starts)


def same_samples(
    first: Float64[FloatArray, "n r"], second: Float64[FloatArray, "k r"]
) -> BoolArray:
    """Return which of the first samples are among the second, each used once, modulo sign."""
    a = first / np.linalg.norm(first, axis=1, keepdims=True)
    b = second / np.linalg.norm(second, axis=1, keepdims=True)
    cosine = np.abs(a @ b.T)
    nearest = cosine.argmax(axis=1)
    mutual = cosine.argmax(axis=0)[nearest] == np.arange(len(a))
    return mutual & (cosine.max(axis=1) > SAME)
