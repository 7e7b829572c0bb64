"""Tables of how fast it is and of what does not stop it, each from one record."""

from __future__ import annotations

from typing import Any

from markdown_table import table

Figures = dict[str, Any]

SWEEPS = {"cells": "phase diagram", "audit": "audit of checkpoint pairs"}


def sweeps(record: dict[str, Figures]) -> str:
    """Two rows for each sweep: undisturbed and disturbed."""
    rows = []
    for name, words in SWEEPS.items():
        found = record[name]
        same = "the same" if found["same_table"] else "another"
        calm, shaken = found["undisturbed"], found["disturbed"]
        killed = [f"a worker at {count:,} rows" for count in shaken["workers_killed_at"]]
        if shaken["client_killed_at"] is not None:
            killed.append(f"the command at {shaken['client_killed_at']:,}")
        for what, run, end in (
            ("two processes", calm, "-"),
            ("two Dask workers", shaken, same),
        ):
            rows.append([
                words,
                what,
                ", ".join(killed) if run is shaken else "nothing",
                f"{run['cells']:,}",
                run["rows_written_twice"],
                run["torn_lines"],
                run["refused"],
                f"{run['seconds']:.0f}",
                end,
            ])
    heads = ["sweep", "on", "killed", "rows", "rows twice", "torn lines", "refused", "seconds"]
    return table([*heads, "table.csv"], rows)


def pipeline(record: Figures) -> str:
    """One row for each size that the theorem was taken literally at."""
    rows = []
    for name, part in record["parts"].items():
        if not name.startswith("pipeline"):
            continue
        for row in part["figures"]:
            d = row["d"]
            rows.append([
                row["n"],
                d,
                f"{row['m']:,}",
                f"{d * (d + 1) // 2:,}",
                f"{row['seconds']:.2f}",
                f"{row['peer_seconds']:.3g}",
                _ratio(row),
                f"{row['one_minus_cosine']:.0e}, {row['peer_one_minus_cosine']:.0e}",
            ])
    heads = ["n", "d", "m", "monomials", "seconds", "literally", "ratio"]
    return table([*heads, "worst 1 - cosine, both"], rows)


def peers(record: Figures) -> str:
    """One row for each of the others, on its task and size."""
    parts, rows = record["parts"], []
    for row in _figures(parts, "tensors", []):
        out = f"{row['one_minus_cosine']:.0e}, {row['peer_one_minus_cosine']:.0e}"
        size = f"exact tensor, n = d = {row['n']}"
        rows.append([f"TensorLy, {row['peer']}", size, *_times(row), f"worst 1 - cosine {out}"])
    for row in _figures(parts, "dictionaries", []):
        met = [f"{row[key]['samples']} of {row['n']}" for key in ("found", "peer_found")]
        size = f"ReLU layer, n = {row['n']}"
        rows.append([f"scikit-learn, {row['peer']}", size, *_times(row), f"found {', '.join(met)}"])
    row = _figures(parts, "shadows", None)
    if row:
        out = (
            f"{row['found']}, {row['peer_found_without_a_false_one']} of {row['members']} members "
            f"without a false one; false {row['false']}; AUC of LiRA {row['peer_auc']:.2f}"
        )
        size = f"membership, {row['members']} members of 80 records"
        rows.append([f"LiRA, {row['shadows']} shadow models", size, *_times(row), out])
    row = _figures(parts, "haim", None)
    if row:
        share = f"the same gradient; {row['share_of_matmul_rate']:.0%} of the product rate"
        times = row["seconds"]
        for peer in ("lean", "published"):
            both = [f"{times['ours']:.2f}", f"{times[peer]:.2f}", f"{row[f'ratio_{peer}']:.2f}"]
            size = f"{row['samples']} candidates"
            rows.append([f"Haim step by autograd, {peer}", size, *both, share])
    row = _figures(parts, "lanczos", None)
    if row:
        low, high = row["ratio_range"]
        both = [
            f"{row['seconds']:.2f}",
            f"{row['twin_seconds_scaled_to_all_samples']:.3g} (scaled)",
            f"{row['ratio']:.1f} ({low:.1f} to {high:.1f})",
        ]
        same = "the same samples split" if row["same_samples_split"] else "other samples split"
        rows.append(["Lanczos one by one", f"{row['samples']} candidates", *both, same])
    heads = ["peer", "task", "seconds", "peer's", "ratio", "what came out: ours, the peer's"]
    return table(heads, rows)


def kernels(record: Figures) -> str:
    """One row for each dominant kernel."""
    found, rows = record["parts"]["kernels"]["figures"], []
    verify, relu = found["verify, n = 100"], found["relu search, n = 50"]
    single, double = verify["single_gflops"], verify["double_gflops"]
    for name, key, rate in (
        ("normal matrix, single precision", "normal_matrix", single),
        ("products with it, double", "products", double),
    ):
        share = f"{verify[f'{key}_share']:.0%}"
        rows.append([
            f"verify, n = 100: {name}", f"{verify[f'{key}_seconds']:.2f}", f"{rate:.0f}", share
        ])  # fmt: skip
    rows.append([
        "ReLU search, n = 50",
        f"{relu['search_seconds']:.1f} of {relu['seconds']:.1f}",
        f"{relu['double_gflops']:.0f}",
        f"{relu['share']:.0%}",
    ])
    haim = record["parts"]["haim"]["figures"]
    rows.append([
        f"attack's step, {haim['samples']} candidates",
        f"{haim['seconds']['ours']:.2f}",
        f"{haim['matmul_gflops_per_second']:.0f}",
        f"{haim['share_of_matmul_rate']:.0%}",
    ])
    return table(["kernel", "seconds", "products alone, Gflop/s", "share of that rate"], rows)


def at_size(record: Figures) -> str:
    """One row for each case."""
    rows = []
    for name, row in record["cases"].items():
        rows.append([
            name,
            f"{row['m']:,}",
            f"{row['d']:,}",
            f"{row['movement']:.0e}",
            f"{row['above_0.9999']} of {row['n']}",
            f"{row['claimed']}",
            f"{row['seconds']:.0f} on {row['cores']}",
            f"{row['processor_seconds']:.0f}",
            f"{row['peak_gb']:.2f}",
            f"`{row['verdict']}`",
        ])
    heads = ["case", "m", "d", "movement", "cosine > .9999", "claimed", "seconds, cores"]
    return table([*heads, "processor's", "peak GB", "verdict"], rows)


def _figures(parts: Figures, name: str, default: Any) -> Any:
    return parts[name]["figures"] if name in parts else default


def _times(row: Figures) -> list[str]:
    return [f"{row['seconds']:.2f}", f"{row['peer_seconds']:.3g}", _ratio(row)]


def _ratio(row: Figures) -> str:
    low, high = row["ratio_range"]
    spread = f" ({low:.2g} to {high:.2g})" if row["rounds"] > 1 else ", one round"
    return f"{row['ratio']:.3g}{spread}"
