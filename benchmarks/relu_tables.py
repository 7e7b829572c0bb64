"""Rows of the tables on ReLU networks, from the recorded results: heads and cells, no Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

Rows = dict[str, dict[str, Any]]
Table = tuple[list[str], list[list[object]]]


def recovery(cases: Rows) -> Table:
    """One row a kind of training, over its seeds."""
    heads = ["training", "seeds", "found", "claimed", "false, exceeded", "flips", "seconds"]
    rows: list[list[object]] = []
    for name, case in cases.items():
        runs = list(case["runs"].values())
        if not runs:
            continue
        seconds = [run["process_seconds"] for run in runs]
        rows.append([
            *_outcome(name, runs),
            f"{max(run['flips'] for run in runs):.1%}",
            f"{median(seconds):.1f}" + (f", at most {max(seconds):.1f}" if len(runs) > 1 else ""),
        ])
    return heads, rows


def soundness(families: Rows) -> Table:
    """One row a family of awkward networks, and their sum."""
    heads = ["family", "networks", "samples", "found", "claimed", "false", "bounds exceeded"]
    keys = ("networks", "n", "found", "claimed", "false", "exceeded")
    rows: list[list[object]] = [
        [name, *(family[key] for key in keys)] for name, family in families.items()
    ]
    sums = [sum(family[key] for family in families.values()) for key in keys]
    return heads, [*rows, ["**all**", *(f"{value:,}" for value in sums)]]


def finetuning(networks: Rows) -> Table:
    """One row a way to fine-tune, over its seeds."""
    heads = ["public network", "seeds", "found", "claimed", "false, exceeded", "moved, in eps"]
    names = {key.rsplit(", seed", 1)[0]: None for key in networks}
    rows: list[list[object]] = []
    for name in names:
        runs = [run for key, run in networks.items() if key.rsplit(", seed", 1)[0] == name]
        rows.append([
            *_outcome(name, runs),
            f"{min(run['moved_in_eps'] for run in runs):,.0f}",
        ])
    return heads, rows


def _outcome(name: str, runs: list[dict[str, Any]]) -> list[object]:
    """Return the cells from the name to what was false."""
    return [
        name,
        len(runs),
        f"{_counts(run['found'] for run in runs)} of {runs[0]['n']}",
        _counts(run["claimed"] for run in runs),
        f"{sum(run['false'] for run in runs)}, {sum(run['exceeded'] for run in runs)}",
    ]


def _counts(values: Iterable[int]) -> str:
    """Return counts of the seeds in the order of their size, a common one once."""
    found = sorted(values, reverse=True)
    return str(found[0]) if found[0] == found[-1] else ", ".join(map(str, found))
