"""Further sets beside an exact one: with fewer samples, along the null space, from other starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.sample_sets import DIFFERENT, SampleSet, clear_distance
from identify.undetermined.candidates import Candidate
from identify.undetermined.local import LocalView
from identify.undetermined.search import SAME, STARTS, Search
from identify.undetermined.solving import solve_for_samples
from identify.undetermined.walking import null_directions, walk

CLEAR = 1e-6
"""Singular value of the Jacobian, equations and samples scaled to 1, that is clear of rounding."""

FAR = 0.5
"""Distance at which a walk has gone far enough."""


@dataclass(frozen=True, slots=True)
class Others:
    """Exact sets besides a first one.

    Attributes:
        sets: Those that are clearly different from it, as shown, the one walked to first.
        reached: Number of random starts that led to an exact set, the first one or another.
    """

    sets: list[SampleSet]
    reached: int


def other_sets(search: Search, found: Candidate, view: LocalView) -> Others:
    """Look for further exact sets: by walking along the null space, then from other starts."""
    system, setting = search.system, search.problem.setting

    def allowed(X: FloatArray, b: FloatArray) -> bool:
        keeps_signs = not found.consistent or system.consistent(setting, X, b)
        return keeps_signs and search.exact(X, b)

    sets: list[SampleSet] = []
    directions = null_directions(system, view, found.X, found.b, search.rng, loose=CLEAR)
    if len(directions):
        X, b, distance = walk(
            system, (found.X, found.b), directions, goal=FAR, allowed=allowed, work=search.work
        )
        search.options.report("walk", distance)
        if distance >= DIFFERENT:
            sets.append((X, b))
    origin, reached = system.samples(found.X, found.b), 0
    for fit in search.fits(len(found.X), 2 * STARTS):
        if not allowed(fit.X, fit.b):
            continue
        reached += 1
        other = system.samples(fit.X, fit.b)
        if clear_distance(origin, other, system.activation.degree) >= DIFFERENT:
            sets.append((fit.X, fit.b))
            if not len(directions):
                break
    shown = [shown for X, b in sets if (shown := search.shown(X, b)) is not None]
    return Others(shown, reached)


def fewest(search: Search, found: Candidate, least: int) -> Candidate:
    """Return the smallest set reached from an exact one by leaving out samples one at a time.

    It has at least ``least`` samples, and is exact or within ``SAME`` of the equations.
    """
    close: Candidate | None = None
    for i in range(len(found.X) if len(found.X) > least else 0):
        kept = np.arange(len(found.X)) != i
        X, b, residual = solve_for_samples(search.system, found.X[kept], found.b[kept], search.work)
        if not search.system.alive(X, b):
            continue
        agree = search.system.consistent(search.problem.setting, X, b)
        smaller = Candidate(X, b, residual, agree)
        if search.exact(X, b):
            return fewest(search, smaller, least)
        if search.missed(smaller) <= SAME:
            close = close or smaller
    return close or found
