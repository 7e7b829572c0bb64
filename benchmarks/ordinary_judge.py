"""What is false in a report on an ordinary training whose samples are known.

Claims are "outside" instead where the samples are dependent and the report says that it takes them
for independent.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from campaign.matching import independence, table
from ordinary_families import Family, Victim

from identify.rendering.words import claimed

FOUND = 0.999
"""A sample is found at this cosine."""

_SPAN = re.compile(r"span of the training samples is determined: (\d+) of")
_SAYS = ("not trained as stated", "samples cannot:", "samples stated only", "contradict")


def judged(victim: Victim, family: Family, report: Any) -> dict[str, Any]:
    """Return what was found and claimed, and every false claim in words."""
    said = " ".join(report.reasons)
    at = _SPAN.search(said)
    span = None if at is None else int(at[1])
    if span is None and report.rank is not None and family.linear:
        span = report.rank.row_space
    rank = int(np.linalg.matrix_rank(victim.x))
    false = _samples(victim, report)
    if at is not None and int(at[1]) > rank:
        false.append(f"a span of {at[1]} dimensions, of {rank}")
    if at is not None and not family.linear:
        false.append("a span, where none can be told")
    named = any(words in said for words in _SAYS)
    if family.contradicted is not None and named != family.contradicted:
        false.append("a statement is contradicted" if named else "a false statement goes unnamed")
    outside = list[str]()
    assumed = 0.0 if report.assumed is None else report.assumed.independence
    if false and independence(victim.x).min() < assumed:
        outside, false = false, outside
    return {
        "n": len(victim.x),
        "rank": rank,
        "span": span,
        "miss": None if report.course is None else round(report.course.miss, 7),
        **_found(victim, report),
        "false": false,
        "outside": outside,
    }


def _found(victim: Victim, report: Any) -> dict[str, Any]:
    if report.recovery is None:
        return {"claimed": 0, "found": 0}
    cosine = _unit(victim.x) @ _unit(report.recovery.x).T
    return {
        "claimed": int(claimed(report.recovery).sum()),
        "found": int(np.sum(np.abs(cosine).max(axis=1) >= FOUND)),
    }


def _samples(victim: Victim, report: Any) -> list[str]:
    recovery, false = report.recovery, list[str]()
    if recovery is None:
        return []
    x, y, bound = victim.x, recovery.x, recovery.error_bound
    if not recovery.norm_known:
        bound = bound / np.linalg.norm(y, axis=1)
        x, y = _unit(x), _unit(y)
    apart, sure = table(x, y, (1, -1)), claimed(recovery)
    false += [
        f"sample {i} is {apart[i].min():.2g} away, bound {bound[i]:.2g}"
        for i in np.flatnonzero(sure & (apart.min(axis=1) > bound))
    ]
    whole = str(report.verdict) in {"GLOBALLY_IDENTIFIABLE", "LOCALLY_IDENTIFIABLE"}
    if whole or sure.all():
        lost = (apart > bound[:, None]).all(axis=0)
        false += [f"true sample {k} is within no bound" for k in np.flatnonzero(lost)]
    if str(report.verdict) == "NOT_IDENTIFIABLE" and len(x) == np.linalg.matrix_rank(x):
        false.append("a second set of samples")
    return false


def _unit(x: Any) -> Any:
    return x / np.linalg.norm(x, axis=1, keepdims=True)
