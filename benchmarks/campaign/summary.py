"""From rows to the summary that is recorded: counts per family, totals, failing numbers."""

from __future__ import annotations

import platform
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy

from .families import FAMILIES
from .runner import Row

COVERAGE = 0.99
"""Share of claimed bounds that must hold with noise; without noise all must."""

RULES = (
    "bound", "phantom", "merged", "claim of nothing", "false GLOBALLY", "false NOT", "malformed",
    "refused", "traceback",
)  # fmt: skip


def machine() -> dict[str, Any]:
    """Return what the campaign ran on."""
    return {
        "processor": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }


def summarise(rows: Iterable[Row]) -> dict[str, Any]:
    """Summarise rows, each instance once.

    Args:
        rows: The rows.

    Returns:
        Figures per family and in total, and the numbers of all failing instances by family.
    """
    unique = {row["k"]: row for row in rows}
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in unique.values():
        groups[row["family"]].append(row)
    by_family = {name: figures(groups[name]) for name in FAMILIES if name in groups}
    everything = list(unique.values())
    failing = {
        name: sorted(row["k"] for row in groups[name] if "failures" in row)
        for name in by_family
        if any("failures" in row for row in groups[name])
    }
    return {
        "totals": figures(everything) | {"families": len(by_family)},
        "families": by_family,
        "below_coverage": [
            name for name, f in by_family.items() if f["held_with_noise"] is not None
            and f["held_with_noise"] < COVERAGE
        ],
        "failing": failing,
        "slow": sorted(row["k"] for row in everything if "slow" in row),
    }  # fmt: skip


def figures(rows: list[Row]) -> dict[str, Any]:
    """Return the figures of some rows."""
    seconds = np.array([row["seconds"] for row in rows])
    noisy = [row for row in rows if row["noisy"] and not row.get("outside")]
    claims = sum(row.get("claims", 0) for row in noisy)
    exceeded = sum(row.get("exceeded", 0) for row in noisy)
    clear = [row for row in rows if row["clear"]]
    verdicts = Counter(row["verdict"] for row in rows if "verdict" in row)
    faults = Counter(rule for row in rows for rule in {rule for rule, _ in row.get("failures", ())})
    return {
        "instances": len(rows),
        "failing": sum("failures" in row for row in rows),
        **{f"{rule}": faults[rule] for rule in RULES if faults[rule]},
        "verdicts": dict(verdicts.most_common()),
        "undecided_share": _rounded(verdicts["UNDECIDED"] / len(rows)),
        "claims": sum(row.get("claims", 0) for row in rows),
        "bounds_exceeded": sum(row.get("exceeded", 0) for row in rows),
        "claims_with_noise": claims,
        "held_with_noise": None if not claims else _rounded(1 - exceeded / claims, 6),
        "outside_hypotheses": sum("outside" in row for row in rows),
        "adjusted_truth": sum(row["adjusted"] for row in rows),
        "refused_inputs": sum("refused" in row for row in rows),
        "slow": sum("slow" in row for row in rows),
        "bound_over_error_n_given": _spread(rows, told=True),
        "bound_over_error_n_unknown": _spread(rows, told=False),
        "clear_cut": len(clear),
        "clear_cut_undecided_share": (
            _rounded(sum(row.get("verdict") == "UNDECIDED" for row in clear) / len(clear))
            if clear
            else None
        ),
        "seconds_median": _rounded(float(np.median(seconds)), 4),
        "seconds_mean": _rounded(float(seconds.mean()), 4),
        "seconds_max": _rounded(float(seconds.max()), 2),
    }


def _spread(rows: list[Row], *, told: bool) -> dict[str, float] | None:
    """Return median and 90th percentile of bound over error of the claimed samples."""
    ratios = [
        ratio
        for row in rows
        if row["told"] == told and not row.get("outside")
        for ratio in row.get("ratios", ())
    ]
    if not ratios:
        return None
    median, high = np.percentile(ratios, [50, 90])
    return {"median": float(f"{median:.3g}"), "p90": float(f"{high:.3g}"), "claims": len(ratios)}


def _rounded(value: float, digits: int = 4) -> float:
    return round(float(value), digits)


def table(summary: dict[str, Any]) -> str:
    """Return a line a family for the terminal."""
    lines = [f"{'family':38} {'n':>6} {'fail':>5} {'undec':>5} {'claims':>6} {'ms':>6}  faults"]
    rows = [*summary["families"].items(), ("all", summary["totals"])]
    for name, f in rows:
        faults = ", ".join(f"{rule} {f[rule]}" for rule in RULES if rule in f)
        outside = f"; outside {f['outside_hypotheses']}" if f["outside_hypotheses"] else ""
        lines.append(
            f"{name:38} {f['instances']:6} {f['failing']:5} {f['undecided_share']:5.2f} "
            f"{f['claims']:6} {1000 * f['seconds_mean']:6.0f}  {faults}{outside}"
        )
    return "\n".join(lines)
