"""Hold a report against the truth: what is claimed falsely, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from .hypotheses import outside_hypotheses
from .instances import AMBIGUOUS, CLOSE, IDENTIFIABLE, NO_KKT, Case, plain
from .matching import (
    clusters,
    in_scale,
    residual,
    set_distance,
    signs,
    stored_rounding,
    table,
)

CLAIM = 0.1
"""Bound, relative to the norm, below which a sample is claimed."""

APART = 1e-3
"""Distance from which two sample sets count as different."""

WITNESSED = 1e-8
"""Relative residual up to which a witness satisfies the equations, but for rounding."""

BEYOND = 600
"""Binary exponent of the largest entry from which weights leave b no number in float64."""

GLOBALLY, NOT = "GLOBALLY_IDENTIFIABLE", "NOT_IDENTIFIABLE"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        rule: "bound", "phantom", "merged", "claim of nothing", "false GLOBALLY", "false NOT" or
            "malformed".
        text: What, with numbers.
    """

    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judge found in one report.

    Attributes:
        findings: Everything wrong.
        claims: Claimed samples.
        exceeded: Claimed samples whose distance to the truth exceeds their bound.
        ratios: Bound over true distance, of every claimed sample.
        outside: How the truth lies outside the stated hypotheses though it fits no better than what
            was recovered, or "".
    """

    findings: tuple[Finding, ...]
    claims: int
    exceeded: int
    ratios: tuple[float, ...]
    outside: str

    def failures(self, case: Case) -> tuple[Finding, ...]:
        """Return the findings that no rule excuses.

        Outside the hypotheses claims are void, but not witnesses. With noise, bounds of samples
        found one by one may be exceeded now and then; their share is judged over a family.
        """
        kept = self.findings
        if self.outside:
            kept = tuple(f for f in kept if f.rule in {"false NOT", "malformed"})
        if case.noise > 0:
            kept = tuple(f for f in kept if f.rule != "bound")
        return kept


def may_refuse(case: Case, refusal: str) -> bool:
    """Return whether a ValueError in these words is a right answer."""
    if case.refusable:
        return True
    exponents = [int(np.frexp(np.abs(plain(v)).max())[1]) for v in (case.a, case.W)]
    beyond = max(abs(e) for e in exponents) > BEYOND
    return beyond and "leave the range of float64" in refusal


def judge(case: Case, report: Any) -> Judgement:
    """Return everything wrong with a report.

    Args:
        case: The instance.
        report: What ``verify_identifiability`` said of it.

    Returns:
        The findings, and the tallies of claims and bounds.
    """
    findings, ratios, exceeded, claims = [], (), 0, 0
    recovery = report.recovery
    if recovery is not None and _malformed(recovery):
        return Judgement((Finding("malformed", _malformed(recovery)),), 0, 0, (), "")
    if recovery is not None:
        norms = np.linalg.norm(recovery.x, axis=1)
        claims = int(np.sum(recovery.error_bound < CLAIM * norms))
        if case.x is None and claims:
            findings.append(Finding("claim of nothing", f"{claims} samples claimed of {case.kind}"))
        if case.x is not None:
            wrong, ratios, exceeded = _claims(case, recovery)
            findings += wrong
    if report.verdict == GLOBALLY:
        findings += _globally(case, report)
    if report.verdict == NOT:
        findings += _not(case, report)
    outside = outside_hypotheses(case, report) if findings else ""
    return Judgement(tuple(findings), claims, exceeded, ratios, outside)


def _malformed(recovery: Any) -> str:
    x, bound = recovery.x, recovery.error_bound
    if not (np.isfinite(x).all() and np.isfinite(recovery.b).all()):
        return "samples or weights that are not finite"
    if np.isnan(bound).any() or (bound < 0).any() or len(bound) != len(x):
        return f"bounds {bound}"
    return ""


def _claims(case: Case, recovery: Any) -> tuple[list[Finding], tuple[float, ...], int]:
    """Compare each claimed sample with the nearest true one, and with all of its cluster."""
    x, y, bound = in_scale(case, recovery)
    apart = table(x, y, signs(case, recovery))
    norms = np.linalg.norm(y, axis=1)
    claimed = bound < CLAIM * norms
    findings, ratios, exceeded = [], [], 0
    for i in np.flatnonzero(claimed):
        nearest = float(apart[i].min())
        ratios.append(float(bound[i] / max(nearest, np.finfo(float).eps * norms[i])))
        if nearest > bound[i]:
            exceeded += 1
            text = f"sample {i} is {nearest:.2g} from the nearest true one, bound {bound[i]:.2g}"
            gross = nearest > CLAIM * norms[i]  # nowhere near a true sample: no matter of coverage
            findings.append(Finding("phantom" if gross else "bound", text))
    groups = clusters(case)
    home = apart.argmin(axis=1)
    for group in groups:
        inside = [i for i in range(len(y)) if home[i] in group]
        if len(inside) >= len(group) or not claimed[inside].any():
            continue
        for k in group:
            reach = [apart[i, k] - bound[i] for i in inside]
            if min(reach) > 0:
                i = inside[int(np.argmin(reach))]
                text = f"true sample {k} is merged into {i}, {apart[i, k]:.2g} away"
                findings.append(Finding("merged", f"{text}, bound {bound[i]:.2g}"))
    return findings, tuple(ratios), exceeded


def _globally(case: Case, report: Any) -> list[Finding]:
    """Check that every true sample, and nothing else, is within a bound."""
    if case.kind in {AMBIGUOUS, NO_KKT, CLOSE} or case.x is None:
        return [Finding("false GLOBALLY", f"of an instance that is {case.kind}")]
    if report.recovery is None:
        return [Finding("malformed", "GLOBALLY without samples")]
    x, y, bound = in_scale(case, report.recovery)
    apart = table(x, y, signs(case, report.recovery))
    if len(y) > len(x):
        return [Finding("false GLOBALLY", f"{len(y)} samples, truly {len(x)}")]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(apart / bound[:, None], nan=0.0, posinf=1e300)
    lost = np.flatnonzero(ratio.min(axis=0) > 1)
    rows, columns = linear_sum_assignment(apart)
    close = apart[rows, columns] <= CLAIM * np.linalg.norm(y[rows], axis=1)
    if case.noise > 0 and len(y) == len(x) and close.all():
        return []  # found one by one: a matter of coverage, counted with the claims
    if len(lost):
        text = f"{len(y)} samples, truly {len(x)}; true {lost.tolist()} are within no bound"
        return [Finding("false GLOBALLY", text)]
    return []


def _not(case: Case, report: Any) -> list[Finding]:
    """Check that the witness is another set that satisfies equations and statements."""
    if report.witness is None or report.recovery is None:
        return [Finding("malformed", "NOT_IDENTIFIABLE without two sets")]
    findings = []
    if case.kind == IDENTIFIABLE:
        findings.append(Finding("false NOT", "the samples are independent and determined"))
    for name, found in (("recovery", report.recovery), ("witness", report.witness)):
        miss, allowed = _missed(case, found)
        if not miss <= allowed:
            text = f"the {name} misses the equations by {miss:.2g}, allowed {allowed:.2g}"
            findings.append(Finding("false NOT", text))
        findings += [Finding("false NOT", f"the {name} {t}") for t in _contradicted(case, found)]
    apart = set_distance(report.recovery.x, report.witness.x)
    if apart <= APART:
        findings.append(Finding("false NOT", f"the two sets are {apart:.2g} apart"))
    return findings


def _missed(case: Case, found: Any) -> tuple[float, float]:
    """Return by how much a set misses the equations, and how much is allowed.

    Noise may leave the first layer's equations exact and not those of the output layer, which then
    show nothing: there a set may miss twice what the truth misses.
    """
    allowed = min(1e-6, max(WITNESSED, 20 * stored_rounding(case)))
    miss, full = (residual(case, found.x, found.b, values=seen) for seen in (False, True))
    if miss <= allowed and case.b is not None:
        return full, max(allowed, 2 * residual(case, case.x, case.b))
    return full, allowed


def _contradicted(case: Case, found: Any) -> list[str]:
    """Return what the caller stated and a set that is shown does not satisfy."""
    said, broken = case.options, []
    if said.get("n_samples") not in {None, len(found.x)}:
        broken.append(f"has {len(found.x)} samples, stated {said['n_samples']}")
    if said.get("unit_norm") and np.abs(np.linalg.norm(found.x, axis=1) - 1).max() > 1e-6:
        broken.append("has norms other than the stated 1")
    if said.get("margin") and case.setting == "kkt":
        top = len(case.coefficients) - 1
        outputs = case.coefficients[-1] * (found.x @ np.asarray(case.W).T) ** top @ case.a
        off = np.abs(np.sign(found.b) * outputs / said["margin"] - 1).max()
        if off > 1e-6:
            broken.append(f"misses the stated margin by {off:.2g}")
    return broken
