"""The tables of certificates and of malformed files: heads and rows from their records."""

from __future__ import annotations

from typing import Any

Figures = dict[str, Any]
Table = tuple[list[str], list[list[Any]]]


def certificates(record: Figures) -> Table:
    """One row a network: what was proved, and how long it took."""
    rows = []
    for name, row in record["rows"].items():
        times = (f"{row['certify_s']:.2g}", f"{row['check_s']:.2g}")
        if "rank" in row:
            rows.append([name, f"rank {row['rank'][0]} to {row['rank'][1]}", "", *times])
            continue
        rows.append([
            name,
            f"{row['balls']} balls of radius {row['largest_radius']:.0e} of a length",
            "everywhere" if row["everywhere"] else "near the samples",
            *times,
        ])
    return ["case", "proved", "other sets are excluded", "seconds", "checked in"], rows


def hostile_files(record: Figures) -> Table:
    """One row a format: the malformed files, and what became of them."""
    rows = []
    for suffix in dict.fromkeys(name.split(" ")[-1] for name in record["kinds"]):
        kinds = [kind for name, kind in record["kinds"].items() if name.endswith(f" {suffix}")]
        guided = [g for name, g in record["atheris"].items() if name.split(",")[0] == suffix]
        wrong = sum(len(kind["wrong"]) for kind in kinds) + sum(len(g["finds"]) for g in guided)
        rows.append([
            suffix,
            " + ".join(str(kind["files"]) for kind in kinds),
            f"{sum(g['inputs'] for g in guided):,}",
            wrong,
            f"{max(kind['slowest_cpu_s'] for kind in kinds):.2g}",
        ])
    heads = ["format", "cut, drawn, built", "drawn by atheris", "not answered so", "slowest, s"]
    return heads, rows


def hostile_processes(record: Figures) -> Table:
    """One row: malformed files given to processes of their own."""
    found = record["as_processes"]
    again = found["beside_help_cpu_s"]
    row = [
        found["processes"],
        found["exit_codes"].get("2", 0),
        found["lines"].get("1", 0),
        f"{found['start_up_wall_s']:.2f}",
        f"{found['most_wall_s']:.2f}, {found['most_wall_s_beyond_start_up']:.2f}",
        len(found["above_a_second_beyond_start_up"]),
        f"{sum(s > 1 for s in again.values())} of {len(again)}",
        f"{found['most_memory_mb']:.0f}",
        len(found["above_500_mb"]),
    ]
    heads = ["processes", "exit code 2", "one line", "start-up, s", "slowest, s, beyond start-up"]
    return [*heads, "beyond by over 1 s", "again, beside it", "most memory, MB", "over 500 MB"], [
        row
    ]
