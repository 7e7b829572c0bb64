"""The last fit: all neurons whose flow is mild, as many residual functions as pay, and the lag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import IntArray
from identify.recovery.flow.descent import Descent, descend
from identify.recovery.flow.ends import Ends
from identify.recovery.flow.flow import Drive, Flow

_SIZE = 1e-8
"""Weight of the prior on the residual functions, which only fixes what nothing else does."""

_MOST, _PAYS = 6, 0.8
"""Residual functions are added up to so many, while one lowers the miss to this share."""

_RESOLVED = 6
"""Runge-Kutta steps."""

_PER_UNKNOWN = 12
"""Equations per unknown on which the number of functions is decided."""

_STEPS = 40


@dataclass(frozen=True, slots=True)
class LastFit:
    """Samples whose flow ends nearest to the weights.

    Attributes:
        drive: Samples, residual functions and lag.
        used: The neurons that were fitted.
        flow: Their flow.
        miss: Weighted distance of its end from the weights, relative to the movement.
    """

    drive: Drive
    used: IntArray
    flow: Flow
    miss: float


def last_fit(ends: Ends, drive: Drive, *, noise: float) -> LastFit:
    """Fit from a drive that is near a solution."""
    used = np.sort(ends.mild())
    mild = ends.chosen(used)
    n, r = drive.z.shape
    few = mild.least_moved(_PER_UNKNOWN * n * (r + _MOST) // (r + 1))
    best = None
    for K in range(max(2, drive.c.shape[1]), _MOST + 1):
        functions = np.zeros((n, K))
        functions[:, : drive.c.shape[1]] = drive.c[:, :K]
        start = Drive(drive.z, functions, drive.lag)
        found = _settled(Flow(few, K, _RESOLVED), start, noise)
        if best is not None and found.miss > _PAYS * best.miss:
            break
        best, drive = found, found.drive
    assert best is not None
    flow = Flow(mild, best.drive.c.shape[1], _RESOLVED)
    if len(used) > len(few.a):
        best = _settled(flow, best.drive, noise)
    return LastFit(best.drive, used, flow, best.miss)


def _settled(flow: Flow, drive: Drive, noise: float) -> Descent:
    return descend(
        flow,
        drive,
        size=_SIZE,
        noise=noise,
        lagged=True,
        whole=True,
        damping=1e-4,
        max_steps=_STEPS,
    )
