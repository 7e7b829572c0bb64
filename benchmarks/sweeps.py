"""Sweeps whose workers and client are killed, against the same sweeps undisturbed.

    uv run python benchmarks/sweeps.py cells [--repeats 25]    # 400 points: 10,000 cells
    uv run python benchmarks/sweeps.py audit    # 100 checkpoint pairs

Each is run twice: on two joblib processes that nobody disturbs, and on a Dask scheduler with two
workers on 127.0.0.1, of which some are killed with signal 9. What is compared are the bytes of
table.csv. ``--disturbed`` and ``--undisturbed`` run one half alone and compare it with the recorded
other. A disturbed half that was stopped goes on from its rows, and kills what is left to be killed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from identify.sweep.cells import PhaseCell
from identify.sweep.phase import plant

RESULTS = Path(__file__).parent / "results" / "sweeps.json"
SEED = 0
NETWORKS = 100
PROGRAMS = {"scheduler": "dask_scheduler", "worker": "dask_worker"}
GRID = (
    "--n 2 3 --m 12 14 16 18 20 24 28 32 40 50 --d 5 6 8 10 12 --noise 0 1e-10 --target 1 "
    f"--precision float64 float32 --seed {SEED} --repeats"
).split()
POINTS = 400


def sweep(out: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start ``identify sweep``."""
    command = [sys.executable, "-m", "identify", "sweep", str(out), *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def rows_in(out: Path) -> int:
    """Lines of the log so far."""
    log = out / "rows.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Run a scheduler and two workers on 127.0.0.1."""
    address = folder / "scheduler.json"
    address.unlink(missing_ok=True)
    local = ["--host", "127.0.0.1", "--no-dashboard"]
    started = [
        dask("scheduler", *local, "--port", "0", "--scheduler-file", str(address)),
        dask("worker", *local, "--scheduler-file", str(address), "--nworkers", "2", "--nthreads",
             "1", "--local-directory", str(folder)),
    ]  # fmt: skip
    try:
        while not address.exists():
            time.sleep(0.1)
        yield json.loads(address.read_text())["address"]
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def dask(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a program of Dask."""
    module = f"distributed.cli.{PROGRAMS[program]}"
    return subprocess.Popen([sys.executable, "-m", module, *arguments], stderr=subprocess.DEVNULL)


def kill_worker(address: str) -> int:
    """Kill a worker with signal 9, and return its number of process."""
    from distributed import Client

    with Client(address, timeout="60s") as client:
        pids: Any = {}
        while not pids:  # one that was killed before may not have been replaced yet
            client.wait_for_workers(1, timeout=60)
            pids = client.run(os.getpid, on_error="ignore")
        pid = min(pids.values())
    os.kill(pid, signal.SIGKILL)
    return pid


def disturbed(
    out: Path, arguments: list[str], at: list[int], client_at: int | None
) -> dict[str, Any]:
    """Run a sweep on two Dask workers; kill one at each of the counts of rows, then the client.

    What was killed is noted beside the rows, so that a benchmark that is stopped goes on.
    """
    notes = out.parent / f"{out.name}.json"
    if not notes.exists():
        shutil.rmtree(out, ignore_errors=True)
    found: dict[str, Any] = {"workers_killed_at": [], "client_killed_at": None, "seconds": 0.0}
    found |= json.loads(notes.read_text()) if notes.exists() else {}
    start, before = time.perf_counter(), found["seconds"]

    def note() -> None:
        found["seconds"] = round(before + time.perf_counter() - start, 1)
        notes.write_text(json.dumps(found))

    with cluster(out.parent) as address:
        command = [*arguments, "--cluster", address]
        process = sweep(out, command)
        for count in at[len(found["workers_killed_at"]) :]:
            wait(lambda count=count: rows_in(out) >= count, process, note)
            kill_worker(address)
            found["workers_killed_at"].append(rows_in(out))
        if client_at is not None and found["client_killed_at"] is None:
            wait(lambda: rows_in(out) >= client_at, process, note)
            process.kill()
            process.wait()
            found["client_killed_at"] = rows_in(out)
            process = sweep(out, command)
        while process.poll() is None:
            note()
            time.sleep(0.5)
        if process.returncode:
            raise SystemExit(f"the sweep ended with status {process.returncode}")
    note()
    notes.unlink()
    return found | log_of(out)


def undisturbed(out: Path, arguments: list[str]) -> dict[str, Any]:
    """Run a sweep on two processes of joblib."""
    start = time.perf_counter()
    if sweep(out, [*arguments, "--jobs", "2"]).wait():
        raise SystemExit("the sweep failed")
    return {"seconds": round(time.perf_counter() - start, 1)} | log_of(out)


def wait(
    done: Callable[[], bool], process: subprocess.Popen[bytes], note: Callable[[], None]
) -> None:
    """Wait until something is so, while a process runs and its time is noted."""
    while not done():
        if process.poll() is not None:
            raise SystemExit("the sweep ended before it could be disturbed")
        note()
        time.sleep(0.1)


def log_of(out: Path) -> dict[str, Any]:
    """Count what the log holds, and hash the table."""
    rows = []
    for line in (out / "rows.jsonl").read_bytes().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            rows.append({"key": None, "seconds": 0.0})
    keys = [row["key"] for row in rows if row["key"]]
    return {
        "lines": len(rows),
        "torn_lines": len(rows) - len(keys),
        "cells": len({*keys}),
        "rows_written_twice": len(keys) - len({*keys}),
        "seconds_of_all_cells": round(sum(row["seconds"] for row in rows), 1),
        "refused": sum(row.get("state") == "refused" for row in rows),
        "table": sha256((out / "table.csv").read_bytes()).hexdigest(),
    }


def make_pairs(folder: Path) -> None:
    """Train and store 100 networks, most of them whole."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    optimisers = ("step", "descent", "batches", "momentum", "adam")
    recipes = product(optimisers, ("float64", "float32"), range(10))
    for k, (optimiser, precision, repeat) in enumerate(recipes):
        cell = PhaseCell(4, 60, 20, optimiser=optimiser, precision=precision, repeat=repeat)
        network = plant(cell)
        for state, (a, W) in {"before": network.before, "after": network.after}.items():
            tensors = {"0.weight": torch.as_tensor(W), "2.weight": torch.as_tensor(a)[None]}
            torch.save(tensors, folder / f"net-{k:03}.{state}.pt")
    (folder / "net-007.after.pt").write_bytes(b"no checkpoint")
    (folder / "net-013.before.pt").unlink()
    rng = np.random.default_rng(SEED)
    np.save(folder / "candidates.npy", rng.standard_normal((200, 20)))


def machine() -> dict[str, Any]:
    """What it ran on."""
    names = ("numpy", "scipy", "joblib", "distributed")
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "processor": cpu[1] if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def main() -> None:
    """Run what was asked for, and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["cells", "audit"])
    parser.add_argument("--folder", type=Path, default=Path("sweeps"))
    parser.add_argument("--repeats", type=int, default=25, help="cells at each of 400 points")
    parser.add_argument("--disturbed", action="store_true")
    parser.add_argument("--undisturbed", action="store_true")
    options = parser.parse_args()
    base: Path = options.folder.resolve()
    base.mkdir(parents=True, exist_ok=True)
    cells = POINTS * options.repeats
    arguments = [*GRID, str(options.repeats)]
    at, client_at = [cells // 4, cells // 2], 3 * cells // 4
    if options.what == "audit":
        pairs = base / "pairs"
        if not pairs.exists():
            make_pairs(pairs)
        arguments = ["--pairs", str(pairs), "--activation", "3", "--candidates",
                     str(pairs / "candidates.npy")]  # fmt: skip
        at, client_at = [NETWORKS // 3], None
    both = options.disturbed == options.undisturbed
    if both or options.undisturbed:
        out = base / f"{options.what}-undisturbed"
        shutil.rmtree(out, ignore_errors=True)
        record(options.what, "undisturbed", undisturbed(out, arguments))
    if both or options.disturbed:
        out = base / f"{options.what}-disturbed"
        record(options.what, "disturbed", disturbed(out, arguments, at, client_at))


def record(what: str, half: str, figures: dict[str, Any]) -> None:
    """Write a half down, and whether both have the same table."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found = kept[what] = kept.get(what, {}) | {half: figures | {"machine": machine()}}
    halves = [found[name]["table"] for name in ("undisturbed", "disturbed") if name in found]
    found |= {"seed": SEED, "same_table": len(halves) == 2 and halves[0] == halves[1]}
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
