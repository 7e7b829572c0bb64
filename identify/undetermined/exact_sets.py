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
from identify.sample_sets import chords, clear_distance, set_distance
from identify.undetermined.candidates import Candidate
from identify.undetermined.local import LocalView, local_view
from identify.undetermined.search import CLEAR, DIFFERENT, SAME, STARTS, Others, Search

NULL = 1e-10
"""Singular value, relative to the largest, up to which a direction changes nothing."""

STILL = 1e-6
"""Rate at which a null direction may turn a sample that counts as pinned."""

OPEN = 0.1
"""Movement of the samples that an error of the equations must allow for a direction to be open."""

AGREE = 3
"""Random starts that have to lead to exact sets, all with a sample in them, before it is pinned."""


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


ALONE = "No other set was found from random starts, and none is excluded."

LARGER_ALONE = (
    "No other set of that size was found from random starts; none is excluded, nor are sets of "
    "more samples: three of a plane can be read as two, and one fainter than rounding as none."
)

SQUARE = (
    "There are as many unknowns as equations, so several isolated sets are the rule: this one need "
    "not be the true one."
)

WRONG_SIGNS = (
    "Some of their margins have the sign against their weight. No max-margin problem has such "
    "samples, so as far as the weights come from one the two sets prove nothing."
)

LARGER_SETS = (
    "The tensor is determined, and sets of more samples than it needs are never unique: these two "
    "prove nothing unless their number is known. Pass n_samples if it is."
)


def spare(search: Search, n: int) -> int:
    """Return how many independent equations there are beyond the unknowns of n samples.

    Args:
        search: The search.
        n: Number of samples.

    Returns:
        Their number; negative where there are more unknowns.
    """
    width = search.system.dimension + search.system.free_b
    constraints = n * ((search.system.margin is not None) + search.system.unit)
    return len(search.system.forms.target) + constraints - n * width


def decide(
    search: Search, found: Candidate, partial: Partial, known: str, *, least: bool
) -> Explained:
    """Look at the solutions near an exact one, and for others.

    Args:
        search: The search.
        found: An exact fit.
        partial: What is determined of the tensor.
        known: The same in words.
        least: Whether sets of this size may be held against each other: their number is stated, or
            none smaller can be told from them.

    Returns:
        Verdict, reasons, and the sets.
    """
    system, n = search.system, len(found.X)
    view = local_view(system, found.X, found.b, search.work)
    tolerance = NULL * float(view.values[0])
    null, smallest = view.null(tolerance), float(view.values[-1])
    others = search.others(found, view)
    partial = _with_samples(search, partial, found, view, tolerance, others)
    size = "the number stated" if search.options.n_samples is not None else "none fewer was found"
    sentences = [known, f"A set of {n} samples ({size}) satisfies the equations to rounding."]
    if len(null):
        sentences.append(
            f"The Jacobian of the equations there leaves {len(null)} of {view.values.size} "
            "directions free."
        )
    elif smallest >= CLEAR:
        sentences.append(
            f"The Jacobian of the equations there has full column rank {view.values.size} "
            f"(smallest singular value {smallest:.1e}): it is an isolated solution."
        )
    if not found.consistent and not others.sets:
        sentences.append("Its margins have the wrong signs for a max-margin problem, though.")
    explained = Explained(
        Verdict.UNDECIDED, tuple(sentences), _recovery(search, found), None, partial
    )
    assert explained.recovery is not None
    level = max(search.level(spare(search, n)), explained.recovery.residual)
    if level > SAME:
        explained = replace(explained, sentences=(*sentences, _own_error(search, level)))
    if others.sets:
        doubt = None if least else LARGER_SETS
        if not found.consistent:
            doubt = WRONG_SIGNS
        return _witnessed(search, explained, others, level, doubt)
    if not len(null) and smallest >= CLEAR:
        alone = [LARGER_ALONE if search.options.n_samples is None else ALONE]
        if spare(search, n) <= 0:
            alone.append(SQUARE)
        return _isolated(explained, view.bounds(found.X, tolerance, level), level, alone)
    more = (
        f"No clearly different set was reached; the smallest singular value, {smallest:.1e}, does "
        "not decide."
    )
    return replace(explained, sentences=(*sentences, more))


def _own_error(search: Search, level: float) -> str:
    if not np.isfinite(level):
        return "Nothing tests how closely training kept to the equations, as none is spare."
    name = "KKT point" if search.problem.setting == "kkt" else "point of a gradient path"
    return (
        f"The weights are a {name} only to {level:.2g}, whatever the data, so the true samples "
        "satisfy the equations no better."
    )


def _isolated(explained: Explained, bounds: FloatArray, level: float, more: list[str]) -> Explained:
    """Conclude from an isolated solution, as far as the error of the equations allows."""
    worst = float(bounds.max())
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


def _with_samples(
    search: Search,
    partial: Partial,
    found: Candidate,
    view: LocalView,
    tolerance: float,
    others: Others,
) -> Partial:
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
