"""Samples from starts that share nothing: two families have to agree.

Where half of the neurons determine the polynomial that moves them (``tensor_flow``), every family
has a half of its own, and first descends from the decomposition of what it finds there; else they
share the neurons, and one of them, or both, know random starts alone. A start ends at a solution,
or with most samples right: then moves (``split_and_merge``) mend it. The families only meet in the
comparison, so that what both end at does not rest on one start.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import BoolArray, Float64, FloatArray
from identify.recovery.flow.descent import Descent, descend, first_functions
from identify.recovery.flow.ends import Ends
from identify.recovery.flow.flow import Drive, Flow
from identify.recovery.flow.moves import split_and_merge
from identify.recovery.flow.tensor_fit import fit_tensor
from identify.recovery.flow.tensor_flow import TensorFlow
from identify.recovery.flow.tensor_start import first_drive

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

_DETERMINED, _AMPLE = 1.2, 4.0
"""So many equations per coefficient determine the polynomial; more than that are not used."""

_LARGEST = 40_000
"""Most coefficients of a polynomial that is fitted."""

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
        halved: Whether each family had neurons of its own.
    """

    drive: Drive
    miss: float
    confirmed: BoolArray
    starts: int
    halved: bool


class _Family:
    """Descents of one random stream: a start, moves while they help, then the next start."""

    def __init__(
        self, ends: Ends, guided: Ends | None, noise: float, lag: float, rng: np.random.Generator
    ) -> None:
        self.n, self.lag = ends.U.shape[1], lag
        unknowns = self.n * (self.n + _FUNCTIONS)
        few = ends.least_moved(-(-_FEWEST * unknowns // (self.n + 1)))
        self.flow, self.noise, self.rng = Flow(few, _FUNCTIONS, _STEPS), noise, rng
        self.guided = guided
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
            self.current, self.guided, self.idle = self._started(), None, 0
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
        if self.guided is not None:
            fit = fit_tensor(TensorFlow.of(self.guided), noise=self.noise)
            if fit.miss < _HOPE:
                drive = replace(first_drive(fit, _FUNCTIONS, self.rng), lag=self.lag)
                return self._descent(drive, _SIZES[2:], 1e-2)
        z = self.rng.standard_normal((self.n, self.flow.ends.U.shape[1]))
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        return self._descent(Drive(z, first_functions(self.flow, z), self.lag), _SIZES, 1.0)

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
    *,
    noise: float,
    seed: int,
    lag: float = 0.0,
    progress: Callable[[float], None] | None = None,
) -> Found:
    """Search as many samples as there are coordinates, whose flow ends at the given weights.

    Args:
        ends: The neurons.
        noise: Root mean square error of a stored weight.
        seed: Draws the starts.
        lag: Lag of the weights behind the gradients to start from, where it is known.
        progress: Called with the smallest miss so far.

    Returns:
        The best, and what of it both families have found.
    """
    n = ends.U.shape[1]
    shares = _shares(ends)
    families = [
        _Family(own, guided, noise, lag, np.random.default_rng((seed, k)))
        for k, (own, guided) in enumerate(shares)
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
    halved = all(own is not ends for own, _ in shares)
    return Found(ahead.drive, ahead.miss, confirmed, starts, halved)


def _shares(ends: Ends) -> list[tuple[Ends, Ends | None]]:
    """Return the neurons of both families, and those whose polynomial starts each, or None."""
    unknowns, q = TensorFlow.of(ends).unknowns, ends.U.shape[1] + 1
    mild = ends.mild()
    needed, most = (int(np.ceil(ratio * unknowns / q)) for ratio in (_DETERMINED, _AMPLE))
    if unknowns > _LARGEST or len(mild) < needed:
        return [(ends, None), (ends, None)]
    if len(mild) < 2 * needed:
        return [(ends, ends.chosen(mild[:most])), (ends, None)]
    halves = [ends.chosen(mild[k::2]) for k in range(2)]
    return [(half, half.chosen(np.arange(min(most, len(half.a))))) for half in halves]


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
