"""What follows from a set that satisfies the equations to rounding.

A second set, reached by walking along the null space or from another start, proves that the samples
are not identifiable, if the weights satisfy the equations to rounding: of both layers, and those
that hold whatever the data. An isolated set is evidence of local identifiability only: others are
not excluded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import FloatArray
from identify.equations.own_equations import total_residual
from identify.findings import Partial, Recovery, Verdict, Witness
from identify.recovery.norms import sign_equivalence
from identify.sample_sets import clear_distance, set_distance
from identify.undetermined.candidates import Candidate
from identify.undetermined.local import local_view
from identify.undetermined.others import CLEAR, Others, other_sets
from identify.undetermined.pinned import with_samples
from identify.undetermined.search import SAME, Search
from identify.undetermined.sentences import (
    ALONE,
    LARGER_ALONE,
    LARGER_SETS,
    SQUARE,
    WRONG_SIGNS,
    first_order,
    own_error,
)

NULL = 1e-10
"""Singular value, relative to the largest, up to which a direction changes nothing."""

OPEN = 0.1
"""Movement of the samples that an error of the equations must allow for a direction to be open."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What was found out.

    Attributes:
        verdict: The verdict.
        sentences: The reasons for it.
        recovery: A set that satisfies the equations, of which nothing is claimed, or None.
        witness: A second one, or None.
        partial: What is determined all the same, or None.
    """

    verdict: Verdict
    sentences: tuple[str, ...]
    recovery: Recovery | None = None
    witness: Witness | None = None
    partial: Partial | None = None


def spare(search: Search, n: int) -> int:
    """Return how many independent equations there are beyond the unknowns of n samples.

    It is negative where there are more unknowns.
    """
    width = search.system.dimension + search.system.free_b
    constraints = n * ((search.system.margin is not None) + search.system.unit)
    return len(search.system.forms.target) + constraints - n * width


def decide(
    search: Search, found: Candidate, partial: Partial, known: str, *, least: bool
) -> Explained:
    """Return what follows from an exact set: from the solutions near it, and from others.

    ``partial`` is what is determined of the tensor, ``known`` the same in words. Sets of this size
    may be held against each other (``least``) if their number is stated, or none smaller can be
    told from them.
    """
    view = local_view(search.system, found.X, found.b, search.work)
    tolerance = NULL * float(view.values[0])
    others = other_sets(search, found, view)
    partial = with_samples(search, partial, found, view, tolerance, others)
    recovery = _recovery(search, found)
    level = max(search.level(spare(search, len(found.X))), recovery.residual)
    sentences = [known, *first_order(search, found, view, partial.free)]
    if not found.consistent and not others.sets:
        sentences.append("Its margins have the wrong signs for a max-margin problem, though.")
    if level > SAME:
        sentences.append(own_error(search, level))
    explained = Explained(Verdict.UNDECIDED, tuple(sentences), recovery, None, partial)
    if others.sets:
        doubt = None if least else LARGER_SETS
        return _witnessed(
            search, explained, others, level, doubt if found.consistent else WRONG_SIGNS
        )
    smallest = float(view.values[-1])
    if not partial.free and smallest >= CLEAR:
        return _isolated(search, explained, view.bounds(found.X, tolerance, level), level)
    more = (
        f"No clearly different set was reached; the smallest singular value, {smallest:.1e}, does "
        "not decide."
    )
    return replace(explained, sentences=(*sentences, more))


def _isolated(search: Search, explained: Explained, bounds: FloatArray, level: float) -> Explained:
    """Conclude from an isolated solution, as far as the error of the equations allows."""
    worst = float(bounds.max())
    more = [LARGER_ALONE if search.options.n_samples is None else ALONE]
    if spare(search, len(bounds)) <= 0:
        more.append(SQUARE)
    if level > SAME:
        more.append(f"An error of that size turns the samples of this set by up to {worst:.2g}.")
    verdict = Verdict.LOCALLY_IDENTIFIABLE if worst < OPEN else Verdict.UNDECIDED
    partial = explained.partial
    if verdict is Verdict.UNDECIDED and partial is not None:
        partial = replace(partial, pinned=partial.pinned & (bounds < OPEN))
        if partial.determined_functionals < partial.functionals and np.isfinite(level):
            verdict = Verdict.PARTIALLY_IDENTIFIABLE
    sentences = (*explained.sentences, *more)
    return replace(explained, verdict=verdict, sentences=sentences, partial=partial)


def _witnessed(
    search: Search, explained: Explained, others: Others, level: float, doubt: str | None
) -> Explained:
    """Conclude from a second set; some samples may be the same in all of them."""
    first, degree = explained.recovery, search.system.activation.degree
    assert first is not None
    factor = float(np.exp(search.problem.log_b))
    origin = first.x, first.b
    x, b = max(others.sets, key=lambda other: clear_distance(origin, other, degree))
    residual, distance = total_residual(search.problem.evaluations, x, b), set_distance(first.x, x)
    witness = Witness(x, b * factor, residual, distance)
    second = (
        f"A second set of {len(x)}, {distance:.2g} apart (norms scaled to 1), satisfies them to "
        f"{residual:.1e}."
    )
    sentences = [*explained.sentences, second]
    partial = explained.partial
    proved = max(level, residual) <= SAME
    verdict = Verdict.NOT_IDENTIFIABLE if proved else Verdict.PARTIALLY_IDENTIFIABLE
    if proved and doubt is not None:
        verdict = Verdict.UNDECIDED
        sentences.append(doubt)
    if partial is not None and partial.pinned.any():
        verdict = Verdict.PARTIALLY_IDENTIFIABLE
        sentences.append(
            f"{int(partial.pinned.sum())} of the samples occur in each of the {len(others.sets)} "
            f"other sets found and stay where they are in all {partial.free} free directions."
        )
    return replace(explained, verdict=verdict, sentences=tuple(sentences), witness=witness)


def _recovery(search: Search, found: Candidate) -> Recovery:
    shown = search.shown(found.X, found.b)
    assert shown is not None
    x, b = shown
    sign = sign_equivalence(search.problem.evaluations.activation)
    what = "the set itself: it satisfies the equations, and others may or do as well"
    options = search.options
    known = search.system.free_b or bool(options.unit_norm) or options.margin is not None
    scale = "scale: (x_i, b_i) and (c x_i, c^-alpha b_i) satisfy the same; shown with |x_i| = 1"
    return Recovery(
        x=x,
        b=b * float(np.exp(search.problem.log_b)),
        error_bound=np.full(len(x), np.inf),
        norm_known=known,
        residual=total_residual(search.problem.evaluations, x, b),
        equivalences=(what, *((sign,) if sign else ()), *(() if known else (scale,))),
    )
