"""When can rank(K) = N hold? Both ranks over degree, number of samples, classes and coherence.

    uv run python benchmarks/satisfiability.py            # minutes; writes the JSON and the page
    uv run python benchmarks/satisfiability.py --table    # the page from the recorded JSON

Every row is one KKT point with all margins 1 on seeded samples. Its eigenvectors are followed from
orthonormal samples (route 1), searched for from random starts (route 2), and counted by Hermite's
trace form in ball arithmetic where that is small enough. Recorded in
``benchmarks/results/satisfiability.json`` and shown in ``docs/satisfiability.md``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from proofs_check.claims.section_4.coherent_cells import Cell, coherent_table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "satisfiability.json"
PAGE = ROOT / "docs" / "satisfiability.md"
SIZES = {alpha: range(2, 7) for alpha in (3, 4, 5, 6)}
SEED = 0

HEAD = """# When Theorem 4.1's hypothesis can hold

## In short

"""
COUNTED = "Of the KKT points below, the samples are determined by"
TAKEAWAY = """
So the theorem as it stands is one for degree 3, and for degree 4 within one class, on samples that
are nearly orthogonal; coherence ends it, and width never helps (six nearly orthogonal samples of
one class at degree 6 are an exception, with a K that is nearly singular). Read as values of a
gradient, the same equations determine T at most points of every degree, but seldom with two
classes and an even degree, where too few eigenvectors exist. For orthonormal samples this is a
theorem: `uv run proofs-check --only satisfiability-orthonormal --only symmetric-reaches-further`.
"""
TABLE = """
## The table

Written by `uv run python benchmarks/satisfiability.py`. At a KKT point every neuron is a real
eigenvector of T, so rank(K) is bounded by its value for one neuron on each of them, at any width.
The rows are KKT points with all margins 1 on r unit samples with random cosines, the largest of
them ± the coherence (seed 0). "followed" counts the eigenvectors that continuation from orthonormal
samples keeps, "searched" those that Newton's method finds from random starts, and "counted" is the
true number, by Hermite's trace form in ball arithmetic (- where (α-1)^r is too large for it). The
ranks are those of all eigenvectors found either way. "gram" is condition (4.2); where "symmetric"
is full, the values f(W_j) still determine T. For odd α the classes make no difference.
"""
COLUMNS = (
    "α",
    "r",
    "labels",
    "coherence",
    "orthonormal",
    "followed",
    "searched",
    "counted",
    "gram rank / N",
    "symmetric rank / full",
)


def takeaway(rows: list[dict[str, Any]]) -> str:
    """How often either condition holds, by degree and classes, and what follows."""
    points = [one for one in rows if "N" in one]
    groups = sorted({(one["alpha"], len(set(one["labels"]))) for one in points})
    lines = [f"| {COUNTED} | (4.2) | f as a gradient |", "| --- | --- | --- |"]
    for alpha, classes in groups:
        own = [p for p in points if (p["alpha"], len(set(p["labels"]))) == (alpha, classes)]
        gram = sum(p["gram_rank"] == p["N"] for p in own)
        symmetric = sum(p["symmetric_rank"] == p["symmetric_full"] for p in own)
        which = "" if alpha % 2 else (", one class" if classes == 1 else ", two classes")
        lines.append(f"| α = {alpha}{which} | {gram} of {len(own)} | {symmetric} of {len(own)} |")
    return "\n".join(lines) + "\n" + TAKEAWAY


def row(cell: Cell) -> dict[str, Any]:
    """What is recorded of a cell."""
    return {
        "alpha": cell.alpha,
        "labels": list(cell.labels),
        "coherence": cell.coherence,
        "seed": cell.seed,
        "expected": cell.expected,
        "followed": cell.followed,
        "searched": cell.found,
        "counted": cell.counted,
        "gram_rank": cell.gram_rank,
        "N": cell.gram_full,
        "symmetric_rank": cell.symmetric_rank,
        "symmetric_full": cell.symmetric_full,
    }


def page(rows: list[dict[str, Any]]) -> str:
    """The table as Markdown; full ranks are bold."""
    lines = []
    for one in rows:
        signs = "".join("+" if t > 0 else "-" for t in one["labels"])
        start = f"| {one['alpha']} | {len(signs)} | {signs} | {one['coherence']} |"
        if "N" not in one:
            lines.append(f"{start} no KKT point found | | | | | |")
            continue
        counted = "-" if one["counted"] is None else one["counted"]
        gram = ratio(one["gram_rank"], one["N"])
        symmetric = ratio(one["symmetric_rank"], one["symmetric_full"])
        lines.append(
            f"{start} {one['expected']} | {one['followed']} | {one['searched']} | {counted} | "
            f"{gram} | {symmetric} |"
        )
    head = [f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
    text = HEAD + takeaway(rows) + TABLE
    return "\n".join([text, *head, *lines]) + "\n"


def ratio(rank: int, full: int) -> str:
    """The rank over the full rank, bold where it is reached."""
    return f"**{rank} / {full}**" if rank == full else f"{rank} / {full}"


def main() -> None:
    """Compute and record the table, or print the recorded one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", action="store_true", help="print the page of the recorded table")
    if parser.parse_args().table:
        print(page(json.loads(RESULTS.read_text())), end="")
        return
    rows = []
    for (alpha, labels, coherence), cell in coherent_table(SIZES, SEED):
        missing = {"alpha": alpha, "labels": list(labels), "coherence": coherence, "seed": SEED}
        rows.append(row(cell) if cell else missing)
        print(rows[-1], flush=True)
    RESULTS.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
    PAGE.write_text(page(rows))


if __name__ == "__main__":
    main()
