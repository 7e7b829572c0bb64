"""Degrees 3 and above where T does not give the samples: what may still be said of them.

T may be open while the samples are not: n samples have n r unknowns, T has C(r+alpha-1, alpha).
Sets of samples are fitted to the equations from random starts, and the solutions near them are
looked at (paper, section 3: local identifiability is the rank of the Jacobian on the constraint
set). A second set that satisfies the equations to rounding, reached by walking along the null space
or from another start, proves that the samples are not identifiable. Isolated solutions are evidence
of local identifiability only: others are not excluded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from identify.ambiguity import SampleSet, set_distance
from identify.deficient.candidates import Candidate
from identify.deficient.compressed import MAX_ENTRIES, forms_size
from identify.deficient.search import CLEAR, DIFFERENT, STARTS, Search, new_search
from identify.deficient.walking import LocalView, local_view
from identify.interpolation import Interpolation
from identify.norms import sign_equivalence
from identify.options import Options
from identify.problem import Problem
from identify.report import Partial, Recovery, Verdict, Witness

FloatArray = NDArray[np.float64]

NULL = 1e-10
"""Singular value, relative to the largest, up to which a direction changes nothing."""

STILL = 1e-6
"""Rate at which a null direction may turn a sample that counts as pinned."""

OPEN = 0.1
"""Movement of the samples that an error of the equations must allow for a direction to be open."""

POOR = 0.05
"""Relative residual of the best fit above which not even part of the tensor is vouched for."""

NO_NUMBER = (
    "They have as many unknowns as there are equations, so almost any weights would be fitted: "
    "their number cannot be inferred. Pass n_samples if it is known."
)

SAME = 1e-8
"""Error of the equations up to which a second solution of them is a second data set."""


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


def explain_deficient(
    problem: Problem, interpolation: Interpolation, options: Options
) -> Explained:
    """Decide what the equations say of the samples where no decomposition of T tells.

    Args:
        problem: The equations, of degree at least 3.
        interpolation: Their interpolation.
        options: What the caller knows.

    Returns:
        Verdict, reasons, and sets that satisfy the equations.
    """
    linear = interpolation.carried_by or interpolation.symmetric
    if linear is None or forms_size(problem, wider=True) > MAX_ENTRIES:
        reason = (
            "No samples were fitted to the equations: the linear system has more than "
            f"{MAX_ENTRIES:.0e} entries."
        )
        return Explained(Verdict.UNDECIDED, (reason,))
    columns = interpolation.symmetric_dimension
    rank = columns if linear.determined else linear.rank
    partial = Partial(rank, columns, 0, np.zeros(0, dtype=bool), np.zeros(0))
    known = f"{rank} of the {columns} independent linear functions of the tensor are determined."
    search = new_search(problem, options)
    floor = max(np.nan_to_num(linear.residual), search.system.forms.outside)
    closest: Candidate | None = None
    isolated: Explained | None = None
    futile = 0
    for n in search.sizes(floor):
        found = search.first(n)
        if found is not None and search.exact(found.X, found.b):
            explained = _decide(search, found, partial, known)
            rigid = explained.partial is not None and not explained.partial.free
            if options.n_samples is not None or not rigid or _spare(search, n) > 0:
                return explained
            if explained.witness is not None:
                return explained
            isolated = isolated or explained
        elif isolated is None:
            if found is None or (closest and found.residual > 0.3 * closest.residual):
                futile += 1
            else:
                closest = found
            if futile == 2:
                break
    if isolated is not None:
        return replace(
            isolated,
            verdict=Verdict.UNDECIDED,
            sentences=(*isolated.sentences, NO_NUMBER),
        )
    if closest is not None:
        return _approximate(search, closest, partial, known)
    reason = "No set of samples was fitted: there are too many unknowns, or no fit ended."
    verdict = Verdict.UNDECIDED if linear.determined else Verdict.PARTIALLY_IDENTIFIABLE
    return Explained(verdict, (known, reason), None, None, partial)


def _spare(search: Search, n: int) -> int:
    """Return how many independent equations there are beyond the unknowns of n samples."""
    width = search.system.dimension + search.system.free_b
    constraints = n * ((search.system.margin is not None) + search.system.unit)
    return len(search.system.forms.target) + constraints - n * width


def _decide(search: Search, found: Candidate, partial: Partial, known: str) -> Explained:
    """Look at the solutions near an exact one, and for others."""
    system, n = search.system, len(found.X)
    view = local_view(system, found.X, found.b, search.work)
    tolerance = NULL * float(view.values[0])
    null, smallest = view.null(tolerance), float(view.values[-1])
    others = search.others(found, view)
    partial = _with_samples(search, partial, found, view, tolerance, others)
    size = "the number stated" if search.options.n_samples is not None else "none fewer was found"
    sentences = [known, f"A set of {n} samples ({size}) satisfies the equations to rounding."]
    if not found.consistent:
        sentences.append("Its margins have the wrong signs for a max-margin problem, though.")
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
    explained = Explained(
        Verdict.UNDECIDED, tuple(sentences), _recovery(search, found), None, partial
    )
    level = search.level(_spare(search, n))
    if level > SAME:
        explained = replace(explained, sentences=(*sentences, _own_error(search, level)))
    if others:
        return _witnessed(search, explained, found, others, level)
    if not len(null) and smallest >= CLEAR:
        return _isolated(explained, view.bounds(found.X, tolerance, level), level)
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


def _isolated(explained: Explained, bounds: FloatArray, level: float) -> Explained:
    """Conclude from an isolated solution, as far as the error of the equations allows."""
    worst = float(bounds.max())
    more = ["No other set was found from random starts, and none is excluded."]
    if level > SAME:
        more.append(f"An error of that size turns the samples by up to {worst:.2g}.")
    verdict = Verdict.LOCALLY_IDENTIFIABLE if worst < OPEN else Verdict.UNDECIDED
    partial = explained.partial
    if verdict is Verdict.UNDECIDED and partial is not None:
        partial = replace(partial, pinned=partial.pinned & (bounds < OPEN))
        if partial.determined_functionals < partial.functionals and np.isfinite(level):
            verdict = Verdict.PARTIALLY_IDENTIFIABLE
    sentences = (*explained.sentences, *more)
    return replace(explained, verdict=verdict, sentences=sentences, partial=partial)


def _witnessed(
    search: Search, explained: Explained, found: Candidate, others: list[SampleSet], level: float
) -> Explained:
    """Conclude from a second set; some samples may be the same in all of them."""
    origin = search.system.samples(found.X, found.b)[0]
    x, b = max(others, key=lambda other: set_distance(origin, other[0]))
    residual, distance = search.residual(x, b), set_distance(origin, x)
    witness = Witness(x, b * float(np.exp(search.problem.log_b)), residual, distance)
    second = (
        f"A second set of {len(x)}, {distance:.2g} apart (norms scaled to 1), satisfies them to "
        f"{residual:.1e}."
    )
    sentences = [*explained.sentences, second]
    partial = explained.partial
    verdict = Verdict.NOT_IDENTIFIABLE if level <= SAME else Verdict.PARTIALLY_IDENTIFIABLE
    if partial is not None and partial.pinned.any():
        verdict = Verdict.PARTIALLY_IDENTIFIABLE
        sentences.append(
            f"{int(partial.pinned.sum())} of the samples occur in each of the {len(others)} other "
            f"sets found and stay where they are in all {partial.free} free directions."
        )
    return replace(explained, verdict=verdict, sentences=tuple(sentences), witness=witness)


def _with_samples(
    search: Search,
    partial: Partial,
    found: Candidate,
    view: LocalView,
    tolerance: float,
    others: list[SampleSet],
) -> Partial:
    motion = view.motion(found.X, tolerance)
    pinned = motion <= STILL
    pinned &= view.bounds(found.X, tolerance, search.rounding) <= DIFFERENT
    x = search.system.samples(found.X, found.b)[0]
    for other, _ in others:
        pinned &= _nearest(x, other) <= DIFFERENT**2
    if others and len(others) <= STARTS:  # too few to tell what all sets share
        pinned[:] = False
    return replace(partial, free=len(view.null(tolerance)), pinned=pinned, motion=motion)


def _nearest(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return for each x the distance to the nearest y, modulo sign, all scaled to norm 1."""
    return np.array([_one(row, y) for row in x])


def _one(row: FloatArray, y: FloatArray) -> float:
    unit, others = row / np.linalg.norm(row), y / np.linalg.norm(y, axis=1, keepdims=True)
    apart = np.minimum(np.linalg.norm(others - unit, axis=1), np.linalg.norm(others + unit, axis=1))
    return float(apart.min())


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
        residual=search.residual(x, b),
        equivalences=(what, *((sign,) if sign else ()), *(() if known else (scale,))),
    )


def _approximate(search: Search, found: Candidate, partial: Partial, known: str) -> Explained:
    """Say what the best fit tells where no set satisfies the equations to rounding."""
    n = len(found.X)
    residual = float(np.hypot(found.residual, search.system.forms.outside))
    view = local_view(search.system, found.X, found.b, search.work)
    tolerance = residual / OPEN
    free = len(view.null(tolerance))
    best = (
        f"The best fit of {n} samples from random starts misses the equations by {residual:.2g}: "
        "the weights satisfy them no better, the samples are more, or no start led to them. No "
        "second set can be held against such weights, and no single sample is claimed."
    )
    opened = f"At that level {free} of {view.values.size} directions of the samples are open."
    shown = replace(
        partial,
        free=free,
        pinned=np.zeros(n, dtype=bool),
        motion=view.motion(found.X, tolerance),
    )
    vouched = partial.determined_functionals > 0 and residual < POOR
    some = vouched and partial.determined_functionals < partial.functionals
    verdict = Verdict.PARTIALLY_IDENTIFIABLE if some else Verdict.UNDECIDED
    return Explained(verdict, (known, best, opened), None, None, shown)
