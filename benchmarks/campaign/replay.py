"""One instance in words: how it was built, what was said of it, what the judge found."""

from __future__ import annotations

import time
import traceback

import numpy as np

from . import families
from .instances import Case, plain, unit
from .judge import CLAIM, judge, may_refuse
from .matching import clusters, in_scale, independence, residual, shares, signs, table
from .runner import clear_cut, verified


def described(case: Case) -> list[str]:
    """Return the construction in words."""
    m, d = plain(case.W).shape
    dtype = f"{getattr(case.a, 'dtype', 'list')}, {getattr(case.W, 'dtype', 'list')}"
    said = {k: v for k, v in case.options.items() if k != "init"}
    lines = [
        f"{case.setting}, {m} neurons in {d} dimensions, weights as {dtype}",
        f"stated: {said}",
        f"kind: {case.kind}, noise {case.noise:.2g}, clear-cut: {clear_cut(case)}",
    ]
    if case.words:
        lines.append(case.words)
    if case.adjusted:
        lines.append(f"stated falsely, and absorbed by the truth: {case.adjusted}")
    if case.x is None:
        return [*lines, "there are no true samples"]
    u = unit(case.x)
    angle = table(u, u, (1, -1))[~np.eye(len(u), dtype=bool)]
    lines.append(
        f"{len(u)} samples; smallest angle {angle.min() if len(angle) else np.pi / 2:.2g}, "
        f"condition {np.linalg.cond(u):.2g}, from the span of others {independence(u).min():.2g}, "
        f"clusters {clusters(case)}"
    )
    lines.append(f"norms {np.linalg.norm(case.x, axis=1).round(4)}")
    if case.b is not None:
        lines.append(f"b {np.array2string(np.asarray(case.b), precision=3)}")
        lines.append(f"share of the change {np.array2string(shares(case), precision=2)}")
        lines.append(f"the truth misses the equations by {residual(case, case.x, case.b):.2g}")
    return lines


def replay(number: int, seed: int = families.SEED) -> int:
    """Print one instance, its report and the findings.

    Args:
        number: Its number.
        seed: Seed of the campaign.

    Returns:
        1 where it fails, else 0.
    """
    name, case = families.instance(number, seed)
    print(f"instance {number}, seed {seed}, family: {name}")
    print("\n".join(described(case)), end="\n\n")
    start = time.perf_counter()
    try:
        report = verified(case)
    except ValueError as error:
        print(f"refused: {error}")
        return int(not may_refuse(case, str(error)))
    except Exception:
        traceback.print_exc()
        return 1
    print(f"{report}\n\n{time.perf_counter() - start:.2f} seconds")
    recovery = report.recovery
    if recovery is not None and case.x is not None:
        x, y, bound = in_scale(case, recovery)
        apart = table(x, y, signs(case, recovery))
        print("\nrecovered   bound      distances from the true samples")
        for i, row in enumerate(apart):
            mark = "claimed" if bound[i] < CLAIM * np.linalg.norm(y[i]) else "       "
            print(f"{i:3} {mark} {bound[i]:8.1e}   " + " ".join(f"{v:8.1e}" for v in row))
        print(f"recovered misses the equations by {residual(case, recovery.x, recovery.b):.2g}")
    assumed = getattr(report, "assumed", None)
    if assumed is not None:
        print(f"assumed: {assumed}")
    judged = judge(case, report)
    print("\n" + "\n".join(f"{f.rule}: {f.text}" for f in judged.findings))
    failures = judged.failures(case)
    if judged.outside:
        print(f"outside the hypotheses: {judged.outside}")
    print(f"{len(judged.findings)} findings, {len(failures)} of them failures")
    return int(bool(failures))
