"""Which stated hypothesis the truth of an instance violates, where no method could have seen it."""

from __future__ import annotations

from typing import Any

import numpy as np

from identify.arrays import FloatArray

from .instances import Case, plain
from .matching import (
    NEAR,
    in_scale,
    independence,
    neighbours,
    residual,
    shares,
    signs,
    stored_rounding,
    table,
)

EXACT = 1e-12
"""Relative residual below which no set is told from the truth by its fit."""

ALONE = 0.01
"""Distance from the span of the others, relative to that of the nearest sample, below which the
others must have a part in it.
"""


def outside_hypotheses(case: Case, report: Any) -> str:
    """Say how the truth violates the stated hypotheses in a way that no method can see, or "".

    The truth must violate one, and what was recovered must fit the weights as well as the truth
    does (to ``EXACT``, rounding, or a hundred times the truth's own residual) while keeping them. A
    violation that shows in the fit excuses nothing; nor do near-duplicates, which are one cluster.
    """
    assumed = getattr(report, "assumed", None)
    if assumed is None or case.x is None or report.recovery is None:
        return ""
    violated = violations(case, assumed, report.recovery)
    if not violated:
        return ""
    recovery = report.recovery
    fit = residual(case, recovery.x, recovery.b, values=False)
    true = 0.0 if case.b is None else residual(case, case.x, case.b, values=False)
    if not fit <= max(EXACT, 20 * stored_rounding(case), 100 * true):
        return ""
    if independence(recovery.x).min() < assumed.independence:
        return ""
    return violated


def violations(case: Case, assumed: Any, recovery: Any) -> str:
    """Return the hypothesis that the truth violates, in words with numbers, or "".

    A sample that is near the span of the others only because another is near it violates nothing:
    near-duplicates have to be covered by the bounds, unless one is too faint for them.
    """
    away, beside = independence(_seen(case)), neighbours(case)
    dependent = (away < assumed.independence) & ((beside > NEAR) | (away < ALONE * beside))
    if dependent.any():
        least = away[dependent].min()
        return (
            f"a sample is {least:.2g} from the span of others, assumed {assumed.independence:.2g}"
        )
    share = shares(case)
    if share.min() < assumed.faintest:
        return f"a sample contributes {share.min():.2g}, assumed {assumed.faintest:.2g}"
    return _faint_neighbour(case, getattr(assumed, "contrast", np.inf), recovery)


def _seen(case: Case) -> FloatArray:
    """Return the samples as the neurons see them: of a KKT point, in the span of its neurons."""
    if case.setting != "kkt":
        return case.x
    values, right = np.linalg.svd(plain(case.W), full_matrices=False)[1:]
    kept = right[values > EXACT * values[0]]
    return case.x @ kept.T @ kept


def _faint_neighbour(case: Case, contrast: float, recovery: Any) -> str:
    """Say which sample, fainter than another by a factor c > contrast, is too near to it.

    The hypothesis sets it farther than sqrt(c / contrast) times the bound of the brighter one.
    """
    x, y, bound = in_scale(case, recovery)
    known = signs(case, recovery)
    home = table(x, y, known).argmin(axis=0)
    share, apart = shares(case), table(x, x, known)
    c = share[:, None] / share[None]  # bright over faint
    with np.errstate(invalid="ignore"):
        least = np.sqrt(c / contrast) * np.where(np.isfinite(bound), bound, 0.0)[home][:, None]
    near = (c > contrast) & (apart < least)
    if not near.any():
        return ""
    i, k = np.argwhere(near)[0]
    return (
        f"sample {k}, fainter than {i} by a factor {c[i, k]:.2g}, is {apart[i, k]:.2g} from it, "
        f"assumed {least[i, k]:.2g}"
    )
