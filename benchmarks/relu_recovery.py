"""Samples recovered exactly from ReLU networks: how many, how long, and where it ends.

Run: python benchmarks/relu_recovery.py [seeds] [part of a row's name]
Writes benchmarks/results/relu_recovery.json after each network, and goes on where it was stopped.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch
from relu_victims import ReluRecipe, recovered, train_relu

from identify.files import draft_of

TARGET = Path(__file__).parent / "results" / "relu_recovery.json"
FULL = ReluRecipe()
BATCHES = ReluRecipe(
    data="raw digits", dtype="float32", loss="entropy", bias=True, batch=8, rate=0.05, steps=400
)
MOMENTUM = replace(BATCHES, momentum=0.9, rate=0.01)
PHOTOS = ReluRecipe(data="photographs", rate=0.02, steps=1500, fit=1e-4)
CROPS = replace(PHOTOS, data="crops", steps=300)

ROWS: dict[str, ReluRecipe] = {
    "digits 20, full batch": FULL,
    "digits 40, full batch": replace(FULL, n=40),
    "digits 50, 500 neurons": replace(FULL, n=50, width=500),
    "gaussian 100, d = 256": replace(FULL, data="gaussian", n=100),
    **{
        f"digits {n}, batches, depth {depth}, {name}": replace(recipe, n=n, depth=depth)
        for name, recipe in (
            ("plain", BATCHES),
            ("momentum", MOMENTUM),
            ("decay", replace(BATCHES, decay=5e-4)),
            ("momentum and decay", replace(MOMENTUM, decay=5e-4)),
        )
        for depth in (2, 3)
        for n in (20, 40, 50)
    },
    "photographs 20": PHOTOS,
    "photographs 20, float32": replace(PHOTOS, dtype="float32"),
    "photographs 50": replace(PHOTOS, n=50),
    "photographs 50, float32": replace(PHOTOS, n=50, dtype="float32"),
    "crops 20": CROPS,
    "crops 50": replace(CROPS, n=50),
    "patches 100, 2000 neurons": replace(PHOTOS, data="patches", n=100, width=2000, steps=500),
    "digits 40, 5 neurons a sample": replace(FULL, n=40, width=200),
}


def main() -> None:
    """Run what is missing, and print a line for each network."""
    torch.set_num_threads(1)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    rows = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    for seed in range(100, 100 + seeds):
        for name, recipe in ROWS.items():
            runs = rows.setdefault(name, {"recipe": asdict(recipe), "runs": {}})["runs"]
            if part not in name or str(seed) in runs:
                continue
            runs[str(seed)] = recovered(train_relu(replace(recipe, seed=seed)), seed)
            with draft_of(TARGET) as draft:
                draft.write_text(json.dumps(rows, indent=1))
            print(name, seed, runs[str(seed)], flush=True)


if __name__ == "__main__":
    main()
