"""How time and memory of every front door grow: exponents fitted to measured sizes.

    uv run python benchmarks/scaling.py [DOOR ...]

Each parameter is varied alone, the others stay. Time is the processor's, of this process, the
median of some runs; memory is the peak of what NumPy and Python allocate during a run
(``tracemalloc``; what torch holds is not seen). The exponent is the slope of a line through the
logarithms of all sizes but the smallest, where fixed costs hide it. Beside it stands what the
algorithm should cost where that parameter rules. ``benchmarks/results/scaling.json`` holds all
figures; ``benchmarks/tables.py`` writes the table of the page from it.
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from attack_twins import machine
from relu_victims import ReluRecipe, train_relu

from identify import synthesize_kkt, verify_identifiability, verify_network
from identify.checkpoints.changes import read_changes
from identify.checkpoints.membership import membership
from identify.demo.training import train
from identify.files import draft_of

RESULTS = Path(__file__).parent / "results" / "scaling.json"
SEED = 0
Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Sizes of one parameter, and the growth to be expected of time and memory, in words."""

    sizes: tuple[int, ...]
    time: str
    memory: str


@dataclass(frozen=True, slots=True)
class Door:
    """From sizes to a call that is measured, the sizes that stay, and the sweeps."""

    build: Callable[..., Call]
    base: dict[str, int]
    sweeps: dict[str, Sweep]


def unit(n: int, d: int) -> Any:
    """Random unit vectors (n, d)."""
    x = np.random.default_rng(SEED).standard_normal((n, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def labels(n: int) -> Any:
    """-1, 1, -1, ..."""
    return np.where(np.arange(n) % 2, 1.0, -1.0)


def known_init(n: int, m: int, d: int, alpha: int) -> Call:
    """One exact gradient step."""
    net = train(unit(n, d), labels(n), m, alpha, max_steps=1, seed=SEED)
    return lambda: verify_identifiability(
        net.a, net.W, init=(net.a0, net.W0), activation=alpha, seed=SEED
    )


def random_features(n: int, m: int, d: int) -> Call:
    """A frozen first layer, cubic."""
    net = train(unit(n, d), labels(n), m, 3, train_hidden=False, goal=1e-6, seed=SEED)
    return lambda: verify_identifiability(net.a, net.W, init=(net.a0, None), seed=SEED)


def kkt(n: int, d: int, copies: int) -> Call:
    """An exact point of orthonormal samples, neurons on all 2^n - 1 directions."""
    x = np.linalg.qr(np.random.default_rng(SEED).standard_normal((d, n)))[0].T
    point = synthesize_kkt(x, labels(n).astype(int), 3, multiplicities=copies, seed=SEED)
    return lambda: verify_identifiability(point.a, point.W, margin=1.0, seed=SEED)


def relu(n: int, h: int, d: int) -> Call:
    """Full-batch training of a network of depth 2."""
    net = train_relu(ReluRecipe(n=n, width=h, depth=2, steps=300, seed=SEED), unit(n, d))
    return lambda: verify_network(net.trained, net.initial, seed=SEED)


def pair(n: int, h: int, d: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A weight matrix before and after n records, with rounding of float32 beside them."""
    rng = np.random.default_rng(SEED)
    initial = rng.standard_normal((h, d)).astype(np.float32)
    change = rng.standard_normal((h, n)) @ unit(n, d) * 0.05
    changed = torch.tensor((initial + change).astype(np.float32))
    return {"0.weight": changed}, {"0.weight": torch.tensor(initial)}


def spans(n: int, h: int, d: int) -> Call:
    """What a pair of checkpoints spans."""
    trained, initial = pair(n, h, d)
    return lambda: read_changes(trained, initial)


def members(n: int, h: int, d: int, k: int) -> Call:
    """Membership of k candidates."""
    trained, initial = pair(n, h, d)
    candidates = np.concatenate([unit(n, d), np.random.default_rng(1).standard_normal((k - n, d))])
    return lambda: membership(candidates, trained, initial)


N4 = "n^5 while J (m n^3 entries) is factored, then n^4: m N^2"
DOORS = {
    "known-init": Door(
        known_init,
        {"n": 16, "m": 1500, "d": 128, "alpha": 3},
        {
            "n": Sweep((8, 12, 18, 27), N4, "n^3: J up to 3e7 entries, then n^2: m N"),
            "m": Sweep((800, 1600, 3200, 6400), "m", "m"),
            "d": Sweep((128, 256, 512, 1024), "d: m n d, and d^2 below 512", "d"),
        },
    ),
    "known-init, degree": Door(
        known_init,
        {"n": 8, "m": 1500, "d": 32, "alpha": 3},
        {"alpha": Sweep((3, 4, 5, 6), "N^2, N = C(n + alpha - 2, alpha - 1)", "N")},
    ),
    "known-init, large": Door(
        known_init,
        {"n": 60, "m": 4000, "d": 512, "alpha": 3},
        {
            "n": Sweep((56, 64, 72, 80), "n^4 to n^6: m N^2 + N^3 / 3", "n^4: N^2"),
            "m": Sweep((4000, 8000, 16000), "m", "m d: the weights"),
        },
    ),
    "random-features": Door(
        random_features,
        {"n": 5, "m": 1500, "d": 9},
        {
            "d": Sweep((8, 10, 13, 16), "d^6: m N^2 with N = C(d + 2, 3)", "d^3: m N"),
            "m": Sweep((1000, 2000, 4000, 8000), "m", "m"),
        },
    ),
    "kkt": Door(
        kkt,
        {"n": 6, "d": 24, "copies": 2},
        {
            "n": Sweep((5, 6, 7, 8), "2^n: the neurons", "2^n"),
            "d": Sweep((24, 48, 96, 192), "d: the row space is n", "d"),
        },
    ),
    "relu": Door(
        relu,
        {"n": 16, "h": 500, "d": 64},
        {
            "n": Sweep((8, 12, 18, 27), "n^3: n rounds of h n^2 a step", "n^2: h n^2 / 2"),
            "h": Sweep((300, 600, 1200, 2400), "h", "h"),
            "d": Sweep((64, 128, 256, 512), "below d: the span is n", "d"),
        },
    ),
    "read_changes": Door(
        spans,
        {"n": 16, "h": 512, "d": 512},
        {
            "n": Sweep((8, 16, 32, 64), "0", "0"),
            "h": Sweep((512, 1024, 2048, 4096), "h: h d^2", "h"),
            "d": Sweep((128, 256, 512, 1024), "d^2 while d < h", "d"),
        },
    ),
    "membership": Door(
        members,
        {"n": 16, "h": 256, "d": 256, "k": 4000},
        {"k": Sweep((4000, 16000, 64000), "k: k d n", "k")},
    ),
}


def seconds(call: Call) -> float:
    """The processor's seconds, the median of three runs or of those that fit into four seconds."""
    found: list[float] = []
    while len(found) < 3 and sum(found) < 4:
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return median(found)


def peak(call: Call) -> float:
    """Peak of what is allocated during the call, MB."""
    tracemalloc.start()
    call()
    top = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return top


def exponent(sizes: tuple[int, ...], values: list[float]) -> float:
    """Slope of the logarithms, without the smallest size."""
    x, y = np.log(sizes[1:]), np.log(values[1:])
    return float(np.polyfit(x, y, 1)[0])


def measure(door: Door) -> dict[str, Any]:
    """All sweeps of a door."""
    found = {}
    for name, sweep in door.sweeps.items():
        runs = []
        for size in sweep.sizes:
            call = door.build(**door.base | {name: size})
            runs.append({"size": size, "seconds": seconds(call), "peak_mb": peak(call)})
            print(name, runs[-1], flush=True)
        found[name] = {
            "others": {key: value for key, value in door.base.items() if key != name},
            "runs": runs,
            "time_exponent": exponent(sweep.sizes, [run["seconds"] for run in runs]),
            "memory_exponent": exponent(sweep.sizes, [run["peak_mb"] for run in runs]),
            "time_expected": sweep.time,
            "memory_expected": sweep.memory,
        }
    return found


def main(names: list[str]) -> None:
    """Measure the doors named, or all; keep the others' figures."""
    torch.set_num_threads(1)
    for name, door in DOORS.items():
        if names and name not in names:
            continue
        print(name, flush=True)
        found = measure(door)
        record: dict[str, Any] = {"doors": {}}
        if RESULTS.exists():
            record = json.loads(RESULTS.read_text())
        record["machine"], record["seed"] = machine("cpu") | {"numpy": np.__version__}, SEED
        record["doors"][name] = found
        with draft_of(RESULTS) as draft:
            draft.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
