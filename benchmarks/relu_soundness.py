"""Recovery from ReLU networks where it must not be fooled: false samples and exceeded bounds.

Run: python benchmarks/relu_soundness.py [networks of each family] [part of a family's name]
Writes benchmarks/results/relu_soundness.json after each network, and goes on where it was stopped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from relu_victims import ReluRecipe, ReluVictim, recovered, samples_of, train_relu

from identify.arrays import FloatArray
from identify.files import draft_of

TARGET = Path(__file__).parent / "results" / "relu_soundness.json"
PLAIN = ReluRecipe(n=10, width=300, depth=2, steps=300)
SINGLE = replace(
    PLAIN, data="raw digits", dtype="float32", loss="entropy", bias=True, batch=5, rate=0.05
)
FROZEN = replace(PLAIN, frozen=True, rate=0.5)


def _near(eps: float) -> Callable[[FloatArray, np.random.Generator], FloatArray]:
    def change(x: FloatArray, rng: np.random.Generator) -> FloatArray:
        x = x.copy()
        for i in (0, 1, 2):  # three pairs
            step = rng.standard_normal(x.shape[1])
            x[9 - i] = x[i] + eps * step * np.linalg.norm(x[i]) / np.linalg.norm(step)
        return x

    return change


def _copied(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    del rng
    return np.vstack([x[:8], x[:2]])


def _antipodal(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    del rng
    return np.vstack([x[:8], -x[:2]])


def _collinear(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    del rng
    return np.vstack([x[:8], 0.5 * x[:1], x[:1] + x[1:2]])


def _shifted(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    del rng
    return np.vstack([x[:9], 1e-3 * x[9:]])


def _sum_of_two(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    del rng
    return np.vstack([x[:9], x[:1] + x[1:2]])


def _cluster(eps: float, size: int) -> Callable[[FloatArray, np.random.Generator], FloatArray]:
    def change(x: FloatArray, rng: np.random.Generator) -> FloatArray:
        x = x.copy()
        for i in range(len(x) - size + 1, len(x)):
            step = rng.standard_normal(x.shape[1])
            x[i] = x[0] + eps * step * np.linalg.norm(x[0]) / np.linalg.norm(step)
        return x

    return change


Change = Callable[[FloatArray, np.random.Generator], FloatArray]
FAMILIES: dict[str, tuple[ReluRecipe, Change | None, str]] = {
    "float64, full batch": (PLAIN, None, ""),
    "float64, depth 3": (replace(PLAIN, depth=3), None, ""),
    "float64, one step": (replace(PLAIN, steps=1), None, ""),
    "float64, momentum": (replace(PLAIN, momentum=0.9, rate=0.03), None, ""),
    "float64, large rate": (replace(PLAIN, rate=1.0, steps=100), None, ""),
    "float64, few neurons": (replace(PLAIN, width=30), None, ""),
    "float32, batches, biases": (SINGLE, None, ""),
    "float32, momentum, decay": (replace(SINGLE, momentum=0.9, rate=0.02, decay=5e-4), None, ""),
    "float32, large rate": (replace(SINGLE, rate=0.5), None, ""),
    "adam": (replace(SINGLE, optimiser="adam", rate=1e-3), None, ""),
    "adam, float64": (replace(PLAIN, optimiser="adam", rate=1e-3), None, ""),
    "wrong initial weights": (SINGLE, None, "other"),
    "initial weights a step later": (PLAIN, None, "later"),
    "stored as bfloat16": (SINGLE, None, "bfloat16"),
    "copied samples": (PLAIN, _copied, ""),
    "antipodal samples": (PLAIN, _antipodal, ""),
    "dependent samples": (PLAIN, _collinear, ""),
    "a sample a thousand times fainter": (PLAIN, _shifted, ""),
    "clusters of four at 0.1": (PLAIN, _cluster(0.1, 4), ""),
    "clusters of four at 0.01": (PLAIN, _cluster(0.01, 4), ""),
    "clusters of eight at 0.3": (PLAIN, _cluster(0.3, 8), ""),
    "clusters of eight at 0.1, 1000 neurons": (replace(PLAIN, width=1000), _cluster(0.1, 8), ""),
    "clusters of eight at 0.1, 1000 neurons, float32": (
        replace(SINGLE, width=1000),
        _cluster(0.1, 8),
        "",
    ),
    "clusters of eight at 0.1, only the first layer trained": (FROZEN, _cluster(0.1, 8), ""),
    "clusters of six at 0.03, 1000 neurons": (replace(PLAIN, width=1000), _cluster(0.03, 6), ""),
    "clusters of six at 0.1, large rate": (
        replace(PLAIN, rate=1.0, steps=100),
        _cluster(0.1, 6),
        "",
    ),
    "near-duplicates 0.1, only the first layer trained": (FROZEN, _near(0.1), ""),
    "near-duplicates 0.01, only the first layer trained": (FROZEN, _near(0.01), ""),
    "near-duplicates 0.1, one step": (replace(PLAIN, steps=1), _near(0.1), ""),
    "near-duplicates 0.1, large rate": (replace(PLAIN, rate=1.0, steps=100), _near(0.1), ""),
    "near-duplicates 0.1, 1000 neurons": (replace(PLAIN, width=1000), _near(0.1), ""),
    "near-duplicates 0.01, 1000 neurons": (replace(PLAIN, width=1000), _near(0.01), ""),
    "near-duplicates 0.01, 1000 neurons, float32": (replace(SINGLE, width=1000), _near(0.01), ""),
    "a dependent sample, 1000 neurons": (replace(PLAIN, width=1000), _sum_of_two, ""),
    "20 raw digits, large rate": (replace(SINGLE, n=20, rate=0.3, width=600), None, ""),
    **{f"near-duplicates {eps:g}": (PLAIN, _near(eps), "") for eps in 10.0 ** -np.arange(1, 7)},
    **{
        f"near-duplicates {eps:g}, float32": (SINGLE, _near(eps), "")
        for eps in 10.0 ** -np.arange(1, 7)
    },
}


FIRST = 1000
"""Seed of the first network of a family."""

COUNTED = ("n", "found", "shown", "claimed", "false", "exceeded", "seconds")


def judged(name: str, seed: int) -> dict[str, Any]:
    """Train, spoil and verify one network of a family."""
    recipe, change, wrong = FAMILIES[name]
    recipe = replace(recipe, seed=seed)
    x = samples_of(recipe)
    if change is not None:
        x = change(x, np.random.default_rng(seed))
    return recovered(spoilt(train_relu(recipe, x), recipe, x, wrong), seed)


def added(sums: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """Return the sums of a family with one network more."""
    verdicts = dict(sums.get("verdicts", {}))
    verdicts[row["verdict"]] = verdicts.get(row["verdict"], 0) + 1
    return {
        "networks": sums.get("networks", 0) + 1,
        **{key: round(sums.get(key, 0) + row[key], 2) for key in COUNTED},
        "verdicts": dict(sorted(verdicts.items())),
        "first_seed": FIRST,
        "machine": row["machine"],
    }


def spoilt(victim: ReluVictim, recipe: ReluRecipe, x: FloatArray, wrong: str) -> ReluVictim:
    """Return what an auditor is given: other initial weights, later ones, or rounded ones."""
    if wrong == "other":
        other = train_relu(replace(recipe, seed=recipe.seed + 1, steps=1), x)
        return replace(victim, initial=other.initial)
    if wrong == "later":
        return replace(victim, initial=train_relu(replace(recipe, steps=5), x).trained)
    if wrong == "bfloat16":
        states = [
            {name: value.to(torch.bfloat16) for name, value in state.items()}
            for state in (victim.initial, victim.trained)
        ]
        return replace(victim, initial=states[0], trained=states[1])
    return victim


def main() -> None:
    """Run what is missing, and print the sums."""
    torch.set_num_threads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 18
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    rows = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    for name in [name for name in FAMILIES if part in name]:
        for seed in range(FIRST + rows.get(name, {}).get("networks", 0), FIRST + count):
            rows[name] = added(rows.get(name, {}), judged(name, seed))
            with draft_of(TARGET) as draft:
                draft.write_text(json.dumps(rows, indent=1))
        print(name, rows.get(name), flush=True)
    for key in ("networks", "claimed", "false", "exceeded"):
        print(key, sum(row[key] for row in rows.values()))


if __name__ == "__main__":
    main()
