"""Membership on plain torch trainings: no false answer, every member found, open where it must be.

Run ``uv run python benchmarks/membership.py [SEEDS]``. Each configuration is trained in float32 and
judged with its own members, unrelated records, members changed by 10, 1 and .1 %, and mixtures of a
member with a record that is none. A line a configuration; ``benchmarks/results/membership.json``
holds all figures. Mixtures of members lie in the span by construction and are no candidates here.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from training_runs import Recipe, Run, tokens_seen, train

from identify.arrays import BoolArray, FloatArray
from identify.checkpoints.changes import read_changes
from identify.checkpoints.judging import CANNOT_TELL, MEMBER, NOT_A_MEMBER
from identify.checkpoints.membership import membership

DIGITS = [
    Recipe(),
    Recipe(bias=False),
    Recipe(activation="gelu"),
    Recipe(activation="tanh"),
    Recipe(activation="cubic", rate=0.02),
    Recipe(depth=3, n=40),
    Recipe(depth=4, activation="tanh", rate=0.02),
    Recipe(loss="entropy", outputs=10, batch=1, rate=0.02, steps=2000),
    Recipe(loss="entropy", outputs=10, batch=8, rate=0.1, n=40),
    Recipe(momentum=0.9, rate=0.01),
    Recipe(momentum=0.9, rate=0.01, decay=0.001, n=30),
    Recipe(decay=0.01, steps=1500, width=500),
    Recipe(loss="entropy", outputs=10, depth=3, batch=8, momentum=0.9, decay=1e-3, rate=0.02),
    Recipe(n=45, steps=1000),
    Recipe(steps=1),
]
ENTROPY = Recipe(loss="entropy", outputs=10, batch=8, rate=0.1)
PICTURES = [
    Recipe(data="patches", n=20, steps=1000),
    Recipe(data="patches", n=30, activation="gelu", loss="entropy", outputs=10, rate=0.2, batch=8),
    replace(ENTROPY, data="patches", n=30, depth=4, activation="tanh", momentum=0.9),
    Recipe(data="patches", n=20, steps=1000, decay=0.01, width=500),
    Recipe(data="photographs", n=20, width=500, steps=1000),
    Recipe(data="photographs", n=20, depth=3, loss="entropy", outputs=10, batch=5, rate=0.1),
    replace(ENTROPY, data="photographs", activation="gelu", momentum=0.9),
]
FAINT = [replace(ENTROPY, data="patches", activation="cubic", rate=0.02)]
OPEN = [
    Recipe(optimiser="adam", rate=1e-3),
    Recipe(optimiser="adamw", rate=1e-3, decay=0.01),
    Recipe(n=80),
    Recipe(n=300, decay=0.01),
    Recipe(n=80, loss="entropy", outputs=10, batch=8, rate=0.1),
]


def candidates(run: Run, seed: int) -> tuple[FloatArray, BoolArray]:
    """Return records, near-duplicates and mixtures (k, d), and whether each is a member (k,)."""
    rng, members = np.random.default_rng(1000 + seed), run.records[run.members]
    others = run.records[~run.members]
    parts = [run.records]
    sizes = np.linalg.norm(members, axis=1, keepdims=True)
    for change in (0.1, 0.01, 0.001):
        z = rng.standard_normal(members.shape) * (run.records.std(axis=0) > 0)
        parts.append(members + change * sizes * z / np.linalg.norm(z, axis=1, keepdims=True))
    drawn = rng.choice(len(others), len(members))
    parts.append((members + others[drawn]) / 2)
    x = np.vstack(parts)
    return x, np.arange(len(x)) < len(members)


def judge(recipe: Recipe, wrong_start: bool = False) -> dict[str, Any]:
    """Train, judge and count."""
    run = train(recipe)
    x, used = candidates(run, recipe.seed)
    initial = train(replace(recipe, seed=recipe.seed + 500, steps=0)).initial
    start = time.perf_counter()
    found = membership(x, run.trained, initial if wrong_start else run.initial)
    seconds = time.perf_counter() - start
    answers = np.array(found.answers)
    figures: dict[str, Any] = {"recipe": asdict(recipe), "wrong_start": wrong_start}
    figures |= {
        "candidates": len(x),
        "members": int(used.sum()),
        "found": int(np.sum(used & (answers == MEMBER))),
        "false_member": int(np.sum(~used & (answers == MEMBER))),
        "false_not": int(np.sum(used & (answers == NOT_A_MEMBER))),
        "open_members": int(np.sum(used & (answers == CANNOT_TELL))),
        "excluded": int(np.sum(~used & (answers == NOT_A_MEMBER))),
        "rank": found.change.rank,
        "gap": found.change.gap,
        "decay": found.change.decay,
        "seconds": round(seconds, 3),
    }
    if recipe.momentum == 0 and recipe.optimiser == "sgd" and found.change.decay is not None:
        exact = (1 - recipe.rate * recipe.decay) ** recipe.steps
        figures["decay_error"] = abs(found.change.decay - exact)
    return figures


def tokens(optimiser: str, decay: float, seed: int) -> dict[str, Any]:
    """Train a small transformer and compare the tokens never seen with the rows never moved."""
    trained, initial, seen = tokens_seen(optimiser, decay, seed)
    table = next(c for c in read_changes(trained, initial) if c.kind == "embedding")
    unseen = np.setdiff1d(np.arange(table.shape[0]), seen)
    exact = bool(np.array_equal(unseen, table.untouched_rows))
    return {"optimiser": optimiser, "decay": decay, "seed": seed, "exact": exact}


def main(seeds: int = 3) -> None:
    """Run all configurations and write the figures."""
    results: list[dict[str, Any]] = []
    kinds = {"decided": DIGITS + PICTURES, "faint": FAINT, "open": OPEN, "start": [Recipe()]}
    for kind, recipes in kinds.items():
        for recipe in recipes:
            for seed in range(seeds):
                figures = judge(replace(recipe, seed=seed), wrong_start=kind == "start")
                results.append({"kind": kind} | figures)
                print(line(results[-1]), flush=True)
    tables = [
        tokens(optimiser, decay, seed)
        for optimiser, decay in (("sgd", 0.0), ("sgd", 0.01), ("adamw", 0.1), ("adam", 0.0))
        for seed in range(seeds)
    ]
    for table in tables:
        print(table, flush=True)
    target = Path(__file__).parent / "results" / "membership.json"
    target.write_text(json.dumps({"records": results, "tokens": tables}, indent=1) + "\n")


def line(figures: dict[str, Any]) -> str:
    """Say what differs from the plain recipe and what came out."""
    plain = asdict(Recipe())
    own = {k: v for k, v in figures["recipe"].items() if v != plain[k]}
    keys = ("rank", "found", "members", "false_member", "false_not", "excluded", "candidates")
    return f"{figures['kind']} {own}: " + ", ".join(f"{key} {figures[key]}" for key in keys)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
