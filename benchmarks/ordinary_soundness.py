"""Ordinary training where the verifier must not be fooled: false samples, spans and bounds.

Run ``uv run python benchmarks/ordinary_soundness.py [FAMILY ...] [--limit SECONDS]``. Every family
trains networks with torch, states what an auditor would (truly or not), verifies, and holds each
claim against the truth. A row a network goes to ``benchmarks/results/ordinary_soundness.json`` as
it is finished; rows that are there already are not run again. ``--table`` prints the sums.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import torch
from ordinary_families import FAMILIES, Family, Victim, build
from ordinary_judge import judged
from ordinary_rows import RESULTS, read_rows, write_rows

from identify import verify_identifiability

OUT = RESULTS / "ordinary_soundness.json"
FIRST_SEED = 700

Figures = dict[str, Any]


def run(name: str, family: Family, seed: int) -> Figures:
    """Train, verify and judge one network."""
    victim: Victim = build(family, seed)
    start = time.perf_counter()
    report = verify_identifiability(
        victim.a,
        victim.W,
        init=(victim.a0, victim.W0),
        activation=family.recipe.activation,
        seed=seed,
        **victim.stated,
    )
    seconds = round(time.perf_counter() - start, 1)
    row = {"family": name, "seed": seed, "seconds": seconds, "verdict": str(report.verdict)}
    return row | judged(victim, family, report)


def table(rows: list[Figures]) -> str:
    """Return the sums over each family in Markdown."""
    lines = [
        (
            "| training | networks | claimed | found | span right | false | outside | seconds "
            "| verdicts |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in FAMILIES:
        mine = [row for row in rows if row["family"] == name]
        if not mine:
            continue
        seen = sorted({row["verdict"] for row in mine})
        verdicts = ", ".join(
            f"{sum(row['verdict'] == verdict for row in mine)} {verdict.split('_')[0]}"
            for verdict in seen
        )
        seconds = sorted(row["seconds"] for row in mine)
        lines.append(
            f"| {name} | {len(mine)} | {sum(row['claimed'] for row in mine)} "
            f"| {sum(row['found'] for row in mine)} of {sum(row['n'] for row in mine)} "
            f"| {sum(row['span'] == row['rank'] for row in mine)} "
            f"| {sum(len(row['false']) for row in mine)} "
            f"| {sum(len(row['outside']) for row in mine)} "
            f"| {seconds[len(seconds) // 2]:.0f}, at most {seconds[-1]:.0f} | {verdicts} |"
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the families whose names start with one of the given words, or all.

    Returns:
        1 where a claim is false, else 0.
    """
    torch.set_num_threads(1)
    rows = read_rows(OUT)
    if arguments == ["--table"]:
        print(table(rows))
        return 0
    limit = np.inf
    if "--limit" in arguments:
        at = arguments.index("--limit")
        limit = float(arguments[at + 1])
        del arguments[at : at + 2]
    end = time.perf_counter() + limit
    done = {(row["family"], row["seed"]) for row in rows}
    wanted = [
        (name, FIRST_SEED + k)
        for k in range(max(family.count for family in FAMILIES.values()))
        for name, family in FAMILIES.items()
        if k < family.count
        and (name, FIRST_SEED + k) not in done
        and (not arguments or any(name.startswith(word) for word in arguments))
    ]
    for k, (name, seed) in enumerate(wanted):
        if time.perf_counter() > end:
            print(f"{len(wanted) - k} of {len(wanted)} left", flush=True)
            break
        rows.append(run(name, FAMILIES[name], seed))
        print(f"{k + 1}/{len(wanted)}", json.dumps(rows[-1]), flush=True)
        write_rows(OUT, rows, list(FAMILIES))
    return int(any(row["false"] for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
