"""The tables of README.md and docs/, written from the recorded results alone.

    uv run python benchmarks/tables.py           # write them into the pages again
    uv run python benchmarks/tables.py --check   # name those that are stale, and fail

A page marks a table by ``<!-- table: NAME -->`` ahead of it and ``<!-- end of table -->`` after it.
A function here turns a JSON file of ``results`` into the lines between; nothing is measured.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean
from typing import Any

import relu_tables
import tables_of_speed as speed
from certificate_tables import certificates, hostile_files, hostile_processes
from markdown_table import table

from identify.files import write_atomic

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
MARKED = re.compile(r"(<!-- table: ([\w-]+) -->\n)(.*?)(\n<!-- end of table -->)", re.DOTALL)
Figures = dict[str, Any]

METHODS = {
    "loo": "Loo et al. 2024, n = 20",
    "haim": "Haim et al. 2022, n = 20",
    "buzaglo": "Buzaglo et al. 2023, ten classes, n = 30",
}


def recorded(name: str) -> Any:
    """The results of a benchmark."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def membership() -> str:
    """One row for each kind of training: who was named, who excluded, what stays open."""
    records = recorded("membership")["records"]
    sgd = [r for r in records if r["kind"] == "decided"]
    recipes = {json.dumps(r["recipe"] | {"seed": None}, sort_keys=True) for r in sgd}
    kinds = {
        f"SGD, fewer records than dimensions, {len(recipes)} configurations": "decided",
        "cubic with cross-entropy, records that sink into rounding": "faint",
        "Adam, AdamW, more records than dimensions": "open",
        "wrong initial weights": "start",
    }
    rows = []
    for name, kind in kinds.items():
        mine = [r for r in records if r["kind"] == kind]
        count = {k: sum(r[k] for r in mine) for k in ("candidates", "members", "found", "excluded")}
        false = sum(r["false_member"] + r["false_not"] for r in mine)
        others = count["candidates"] - count["members"]
        rest = count["candidates"] - count["found"] - count["excluded"] - false
        decided = count["found"] + count["excluded"] > 0
        rows.append([
            name,
            f"{count['candidates']:,}",
            f"{count['found']:,} of {count['members']:,}",
            f"{count['excluded']:,} of {others:,}" if decided else f"{count['excluded']}",
            false,
            f"{rest:,} near-duplicates and mixtures" if decided else "all",
        ])
    return table(
        ["trainings", "candidates", "members named", "others excluded", "false", "open"], rows
    )


def recovery() -> str:
    """One row a case."""
    rows = []
    for name, case in recorded("recovery")["cases"].items():
        bound = case["worst_claimed_bound"]
        rows.append([
            name,
            f"{case['above_0.99']} of {case['n']}",
            f"{case['one_minus_worst_cosine']:.0e}",
            case["claimed"],
            "-" if bound is None else f"{bound:.0e}",
            f"{case['seconds']:.1f}",
            f"`{case['verdict']}`",
        ])
    heads = ["case", "recovered", "worst 1 - cosine", "claimed", "worst bound", "seconds"]
    return table([*heads, "verdict"], rows)


def ordinary_training() -> str:
    """One row for each recipe, over all seeds."""
    record = recorded("ordinary_training")
    rows = []
    for name in record["cases"]:
        mine = [row for row in record["rows"] if row["case"] == name]
        if mine:
            rows.append([name, *_of_networks(mine)])
    heads = ["training", "networks with all samples", "fewest found", "claimed, outside bound"]
    return table([*heads, "movement", "verdicts", "seconds"], rows)


def growth() -> str:
    """One row for each front door and each parameter that grows."""
    rows = []
    for name, sweeps in recorded("scaling")["doors"].items():
        for letter, row in sweeps.items():
            first, last = row["runs"][0], row["runs"][-1]
            rows.append([
                name,
                letter,
                f"{first['size']} to {last['size']}",
                f"{first['seconds']:.3g} to {last['seconds']:.3g}",
                f"{letter}^{row['time_exponent']:.1f}",
                row["time_expected"],
                f"{first['peak_mb']:.3g} to {last['peak_mb']:.3g}",
                f"{letter}^{row['memory_exponent']:.1f}",
                row["memory_expected"],
            ])
    heads = ["door", "grows", "sizes", "seconds", "time ~", "expected", "MB", "memory ~"]
    return table([*heads, "expected"], rows)


def _of_networks(rows: list[Figures]) -> list[str]:
    verdicts = [row["verdict"] for row in rows]
    counts = [f"{verdicts.count(v)} {v.split('_')[0]}" for v in sorted({*verdicts})]
    moved, seconds = ([row[name] for row in rows] for name in ("movement", "seconds"))
    claimed, outside = (sum(row[name] for row in rows) for name in ("claimed", "outside"))
    return [
        f"{sum(row['found'] == row['n'] for row in rows)} of {len(rows)}",
        f"{min(row['found'] for row in rows)} of {rows[0]['n']}",
        f"{claimed}, {outside}",
        f"{min(moved):.1%} to {max(moved):.1%}",
        ", ".join(counts),
        f"{sorted(seconds)[len(seconds) // 2]:.0f}, at most {max(seconds):.0f}",
    ]


def undersized() -> str:
    """One row for each network and number of samples, over all seeds."""
    runs, rows = recorded("undersized")["runs"], []
    for name, n in sorted({(run["map"], run["n"]) for run in runs}):
        mine = [run for run in runs if (run["map"], run["n"]) == (name, n)]
        side, alone = ([run[which] for run in mine] for which in ("with", "without"))
        rows.append([
            name.removeprefix("ntk, "),
            n,
            len(mine),
            mine[0]["k_start"],
            _range(one["found"] for one in alone),
            _spread(one["loss_ratio"] for one in alone),
            _range(one["found"] for one in side),
            _range({one["k_final"] for one in side}),
            _spread(one["loss_ratio"] for one in side),
        ])
    heads = ["network", "n", "seeds", "candidates at the start", "found without", "loss without"]
    return table([*heads, "found with", "candidates at the end", "loss with"], rows)


def comparisons() -> str:
    """One row for each of the paper's comparisons, over all seeds."""
    rows = []
    for preset, name in METHODS.items():
        record = recorded(f"compare_{preset}")
        runs = record["runs"]
        total, wins, losses = (sum(run[k] for run in runs) for k in ("n", "wins", "losses"))
        losses_of = [_mean(runs, side, "loss_end") for side in ("without", "with")]
        losses_of.append(mean(run["loss_at_truth"] for run in runs))
        metric = "L2" if record["metric"].startswith("L2") else "NCC"
        rows.append([
            name,
            len(runs),
            f"{wins} of {total}",
            losses,
            f"{metric} {_mean(runs, 'without', 'mean'):.3f}, {_mean(runs, 'with', 'mean'):.3f}",
            f"{_mean(runs, 'without', 'k_final'):.0f}, {_mean(runs, 'with', 'k_final'):.0f}",
            ", ".join(f"{loss:.2g}" for loss in losses_of),
        ])
    heads = ["attack", "seeds", "samples improved", "made worse", "mean metric without, with"]
    return table([*heads, "candidates without, with", "loss without, with, of the truth"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "membership": membership,
    "recovery": recovery,
    "ordinary-training": ordinary_training,
    "growth": growth,
    "undersized": undersized,
    "comparisons": comparisons,
    "certificates": lambda: table(*certificates(recorded("certificate_times"))),
    "hostile-files": lambda: table(*hostile_files(recorded("hostile_files"))),
    "hostile-processes": lambda: table(*hostile_processes(recorded("hostile_files"))),
    "sweeps": lambda: speed.sweeps(recorded("sweeps")),
    "at-size": lambda: speed.at_size(recorded("at_size")),
    "pipeline": lambda: speed.pipeline(recorded("peers")),
    "peers": lambda: speed.peers(recorded("peers")),
    "kernels": lambda: speed.kernels(recorded("peers")),
    "relu": lambda: table(*relu_tables.recovery(recorded("relu_recovery"))),
    "relu-soundness": lambda: table(*relu_tables.soundness(recorded("relu_soundness"))),
    "relu-finetuning": lambda: table(*relu_tables.finetuning(recorded("relu_finetuning"))),
}


def written_again(text: str) -> str:
    """Return a page with every marked table from the recorded results.

    Raises:
        ValueError: If a marked table has no function here.
    """

    def fresh(found: re.Match[str]) -> str:
        if found[2] not in TABLES:
            raise ValueError(f"found the table {found[2]!r}; pass one of {', '.join(TABLES)}")
        return found[1] + TABLES[found[2]]() + found[4]

    return MARKED.sub(fresh, text)


def stale() -> list[str]:
    """Name the pages whose tables are not those of the recorded results."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if written_again(text) != text:
            found.append(page.relative_to(ROOT).as_posix())
    return found


def _mean(runs: list[Figures], side: str, name: str) -> float:
    return mean(run[side][name] for run in runs)


def _range(values: Iterable[int]) -> str:
    found = sorted(values)
    return str(found[0]) if found[0] == found[-1] else f"{found[0]} to {found[-1]}"


def _spread(values: Iterable[float]) -> str:
    found = sorted(values)
    return f"{found[0]:.0e} to {found[-1]:.0e}"


def main(arguments: list[str]) -> int:
    """Write the tables, or check them."""
    if arguments == ["--check"]:
        found = stale()
        if found:
            print(f"stale: {', '.join(found)}; run: uv run python benchmarks/tables.py")
        return len(found)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if (new := written_again(text)) != text:
            write_atomic(page, new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
