"""Degrees 3 and above where T does not give the samples: what may still be said of them.

T may be open while the samples are not: n samples have n r unknowns, T has C(r+alpha-1, alpha).
Sets of samples are fitted to the equations from random starts, and the solutions near them are
looked at (paper, section 3: local identifiability is the rank of the Jacobian on the constraint
set); what follows from them is in ``exact_sets``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from identify.equations.pose import Problem
from identify.findings import Partial, Verdict
from identify.options import Options
from identify.tensor.interpolation import Interpolation
from identify.undetermined.candidates import Candidate
from identify.undetermined.compressed import MAX_ENTRIES, forms_size
from identify.undetermined.exact_sets import OPEN, Explained, decide, spare
from identify.undetermined.local import local_view
from identify.undetermined.others import fewest
from identify.undetermined.search import SAME, Search, new_search

POOR = 0.05
"""Relative residual of the best fit above which not even part of the tensor is vouched for."""

NO_NUMBER = (
    "They have as many unknowns as there are equations, so almost any weights would be fitted: "
    "their number cannot be inferred. Pass n_samples if it is known."
)


def explain_deficient(
    problem: Problem, interpolation: Interpolation, options: Options
) -> Explained:
    """Return what the equations, of degree 3 or more, say of the samples where T does not tell."""
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
    sizes = search.sizes(max(np.nan_to_num(linear.residual), search.system.forms.outside))
    shown = interpolation.carried_by is None  # T itself is open: sets of any size are rivals
    explained, closest = _from_fits(search, sizes, partial, known, rivals=shown)
    if explained is not None:
        return _settled(explained)
    if closest is not None:
        return _approximate(search, closest, partial, known)
    reason = "No set of samples was fitted: there are too many unknowns, or no fit ended."
    verdict = Verdict.UNDECIDED if linear.determined else Verdict.PARTIALLY_IDENTIFIABLE
    return Explained(verdict, (known, reason), None, None, partial)


def _from_fits(
    search: Search, sizes: list[int], partial: Partial, known: str, *, rivals: bool
) -> tuple[Explained | None, Candidate | None]:
    """Return what follows from the first exact sets, or None, and the closest fit of the others."""
    stated = search.options.n_samples is not None
    closest: Candidate | None = None
    isolated: Explained | None = None
    futile = 0
    for n in sizes:
        found = search.first(n)
        if found is not None and not stated and isolated is None and search.exact(found.X, found.b):
            found = fewest(search, found, sizes[0])
        if found is not None and search.exact(found.X, found.b):
            least = stated or len(found.X) == sizes[0] or rivals
            explained = decide(search, found, partial, known, least=least)
            rigid = explained.partial is not None and not explained.partial.free
            settled = stated or spare(search, len(found.X)) > 0
            if settled or not rigid or explained.witness is not None:
                return explained, closest
            isolated = isolated or explained
        elif isolated is None:
            if found is None or (closest and found.residual > 0.3 * closest.residual):
                futile += 1
            else:
                closest = found
                if search.missed(closest) <= SAME:  # more samples would only fit what it misses
                    break
            if futile == 2:
                break
    if isolated is None:
        return None, closest
    sentences = (*isolated.sentences, NO_NUMBER)
    return replace(isolated, verdict=Verdict.UNDECIDED, sentences=sentences), closest


def _settled(explained: Explained) -> Explained:
    """Call no sample pinned where nothing is decided."""
    partial = explained.partial
    if explained.verdict is not Verdict.UNDECIDED or partial is None:
        return explained
    return replace(explained, partial=replace(partial, pinned=np.zeros_like(partial.pinned)))


def _approximate(search: Search, found: Candidate, partial: Partial, known: str) -> Explained:
    """Say what the best fit tells where no set satisfies the equations to rounding."""
    n = len(found.X)
    residual = search.missed(found)
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
