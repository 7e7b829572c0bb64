"""Known initial weights at size: one exact gradient step and a training, time and peak memory.

    uv run python benchmarks/at_size.py [CASE ...]

Random unit samples in 3,072 dimensions, activation t^3, weights drawn from a standard normal. Each
case is trained in one process and verified in another, whose peak resident memory is measured: that
of the interpreter, the four arrays of weights and all that the verifier holds. Seconds are a
clock's, with one thread of BLAS for each of the cores given. ``benchmarks/results/at_size.json``
keeps every case as it was last measured.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from recovery import compare, labels

from identify import verify_identifiability
from identify.demo.training import train
from identify.files import draft_of

RESULTS = Path(__file__).parent / "results" / "at_size.json"
SEED = 0
CASES: dict[str, dict[str, Any]] = {
    "one step, n = 50": {"n": 50, "m": 5000, "d": 3072, "steps": 1, "target": 1.0},
    "one step, n = 100": {"n": 100, "m": 20_000, "d": 3072, "steps": 1, "target": 1.0},
    "training, n = 50": {"n": 50, "m": 5000, "d": 3072, "steps": 100, "target": 1.0},
    "training, n = 100": {"n": 100, "m": 20_000, "d": 3072, "steps": 100, "target": 1.0},
    "training, targets 1e5, n = 100": {
        "n": 100,
        "m": 20_000,
        "d": 3072,
        "steps": 100,
        "target": 1e5,
    },
    "one step, n = 200": {"n": 200, "m": 40_000, "d": 3072, "steps": 1, "target": 1.0},
}


def store(folder: Path, case: dict[str, Any]) -> None:
    """Train a network and write samples and weights, one file an array."""
    x = np.random.default_rng(SEED).standard_normal((case["n"], case["d"]))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = case["target"] * labels(case["n"])
    net = train(x, y, case["m"], 3, max_steps=case["steps"], centred=True, seed=SEED)
    for name, array in {"x": x, "a": net.a, "W": net.W, "a0": net.a0, "W0": net.W0}.items():
        np.save(folder / f"{name}.npy", array)
    moved = np.linalg.norm(net.W - net.W0) / np.linalg.norm(net.W0)
    told = {"movement": float(moved), "fit": net.fit}
    (folder / "trained.json").write_text(json.dumps(told))


def verify(folder: Path) -> dict[str, Any]:
    """Verify what was stored, and compare with the truth."""
    x, a, W, a0, W0 = (np.load(folder / f"{name}.npy") for name in ("x", "a", "W", "a0", "W0"))
    start, used = time.perf_counter(), time.process_time()
    report = verify_identifiability(a, W, init=(a0, W0), seed=SEED)
    seconds = time.perf_counter() - start
    figures = compare(report, x, seconds) | {
        "processor_seconds": round(time.process_time() - used, 1),
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }
    return figures | json.loads((folder / "trained.json").read_text())


def measured(name: str, cores: int) -> dict[str, Any]:
    """Run a case, each half in a process of its own."""
    own = {key: str(cores) for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    with tempfile.TemporaryDirectory() as folder:
        for half in ("store", "verify"):
            command = [sys.executable, __file__, name, "--half", half, "--folder", folder]
            subprocess.run(command, check=True, env=os.environ | own)
        figures = json.loads((Path(folder) / "figures.json").read_text())
    return CASES[name] | figures | {"cores": cores}


def main() -> None:
    """Measure the cases named, or all, and keep the others' figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--half", choices=["store", "verify"])
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.half == "store":
        return store(options.folder, CASES[options.names[0]])
    if options.half == "verify":
        figures = verify(options.folder)
        (options.folder / "figures.json").write_text(json.dumps(figures))
        return None
    for name in options.names or CASES:
        record: dict[str, Any] = {"cases": {}}
        if RESULTS.exists():
            record = json.loads(RESULTS.read_text())
        figures = measured(name, options.cores)
        print(name, json.dumps(figures, indent=1), flush=True)
        load = round(os.getloadavg()[0], 2)
        where = {"numpy": np.__version__, "load_average": load, "seed": SEED}
        record["cases"][name] = figures | where
        with draft_of(RESULTS) as draft:
            draft.write_text(json.dumps(record, indent=1) + "\n")
    return None


if __name__ == "__main__":
    main()
