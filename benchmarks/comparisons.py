"""The README's tables of ``attack compare``, from the recorded results.

    uv run attack compare --preset undersized --seeds 10 --json OUT     (results/undersized.json)
    uv run attack compare --preset loo --json OUT                       (results/compare_loo.json)
    uv run python benchmarks/comparisons.py

and so for haim and buzaglo.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from typing import Any

RESULTS = Path(__file__).parent / "results"
METHODS = {
    "loo": "Loo et al. 2024, n = 20",
    "haim": "Haim et al. 2022, n = 20",
    "buzaglo": "Buzaglo et al. 2023, ten classes, n = 30",
}


def undersized() -> list[str]:
    """One row for each network and number of samples, over all seeds."""
    runs = json.loads((RESULTS / "undersized.json").read_text())["runs"]
    lines = _header(
        "network",
        "n",
        "seeds",
        "candidates at the start",
        "found without",
        "loss without",
        "found with",
        "candidates at the end",
        "loss with",
    )
    for name, n in sorted({(run["map"], run["n"]) for run in runs}):
        rows = [run for run in runs if (run["map"], run["n"]) == (name, n)]
        side, alone = [run["with"] for run in rows], [run["without"] for run in rows]
        ends = sorted({one["k_final"] for one in side})
        lines.append(
            f"| {name.removeprefix('ntk, ')} | {n} | {len(rows)} | {rows[0]['k_start']} "
            f"| {_range(one['found'] for one in alone)} "
            f"| {_spread(one['loss_ratio'] for one in alone)} "
            f"| {_range(one['found'] for one in side)} | {_range(ends)} "
            f"| {_spread(one['loss_ratio'] for one in side)} |"
        )
    return lines


def networks() -> list[str]:
    """One row for each of the paper's comparisons, over all seeds."""
    lines = _header(
        "attack",
        "seeds",
        "samples improved",
        "made worse",
        "mean metric without, with",
        "candidates without, with",
        "loss without, with, of the truth",
    )
    for preset, name in METHODS.items():
        record = json.loads((RESULTS / f"compare_{preset}.json").read_text())
        runs = record["runs"]
        total = sum(run["n"] for run in runs)
        metric = "L2" if record["metric"].startswith("L2") else "NCC"
        lines.append(
            f"| {name} | {len(runs)} | {sum(run['wins'] for run in runs)} of {total} "
            f"| {sum(run['losses'] for run in runs)} "
            f"| {metric} {_mean(runs, 'without', 'mean'):.3f}, {_mean(runs, 'with', 'mean'):.3f} "
            f"| {_mean(runs, 'without', 'k_final'):.0f}, {_mean(runs, 'with', 'k_final'):.0f} "
            f"| {_mean(runs, 'without', 'loss_end'):.2g}, {_mean(runs, 'with', 'loss_end'):.2g}, "
            f"{mean(run['loss_at_truth'] for run in runs):.2g} |"
        )
    return lines


def _header(*names: str) -> list[str]:
    return [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]


def _mean(runs: list[dict[str, Any]], side: str, name: str) -> float:
    return mean(run[side][name] for run in runs)


def _range(values: Any) -> str:
    found = sorted(values)
    return str(found[0]) if found[0] == found[-1] else f"{found[0]} to {found[-1]}"


def _spread(values: Any) -> str:
    found = sorted(values)
    return f"{found[0]:.0e} to {found[-1]:.0e}"


if __name__ == "__main__":
    print("\n".join([*undersized(), "", *networks()]))
