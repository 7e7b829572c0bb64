"""Which samples of an exact set occur in all others: pinned, whatever the rest does."""

from __future__ import annotations

from dataclasses import replace

from identify.findings import Partial
from identify.sample_sets import DIFFERENT, chords
from identify.undetermined.candidates import Candidate
from identify.undetermined.local import LocalView
from identify.undetermined.others import Others
from identify.undetermined.search import STARTS, Search

STILL = 1e-6
"""Rate at which a null direction may turn a sample that counts as pinned."""

AGREE = 3
"""Random starts that have to lead to exact sets, all with a sample in them, before it is pinned."""


def with_samples(
    search: Search,
    partial: Partial,
    found: Candidate,
    view: LocalView,
    tolerance: float,
    others: Others,
) -> Partial:
    """Add to what is determined of the tensor what is so of the samples of an exact set."""
    motion = view.motion(found.X, tolerance)
    pinned = motion <= STILL
    pinned &= view.bounds(found.X, tolerance, search.rounding) <= DIFFERENT
    x = search.system.samples(found.X, found.b)[0]
    for other, _ in others.sets:
        pinned &= chords(x, other).min(axis=1) <= DIFFERENT**2
    few = others.reached < AGREE or 0 < len(others.sets) <= STARTS  # to tell what all sets share
    if few or search.options.n_samples is None:  # two of a plane can stand for three of it
        pinned[:] = False
    return replace(partial, free=len(view.null(tolerance)), pinned=pinned, motion=motion)
