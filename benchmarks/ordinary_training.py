"""Samples back from ordinary training: torch SGD on digits, the recipe unknown to the verifier.

Run ``uv run python benchmarks/ordinary_training.py [CASE ...] [--jobs K]``. Every case trains
networks of the kind 64-500-1 (``nn.Linear`` initialisation, mean squared loss, digits less their
mean) on several seeds, verifies weights and initial weights alone and compares with the truth. A
row a network, with seconds of processor time, goes to
``benchmarks/results/ordinary_training.json`` as it is finished; rows that are there already are not
run again.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.datasets import load_digits

from identify import verify_identifiability
from identify.arrays import FloatArray
from identify.files import write_atomic
from identify.rendering.words import claimed

OUT = Path(__file__).parent / "results" / "ordinary_training.json"
FOUND = 0.999
"""A sample is found at this cosine."""

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Setup:
    """How a network is trained, and whether the verifier is told n.

    ``batch`` 0 stands for the full batch; the targets are +-``target``.
    """

    rate: float = 1e-3
    momentum: float = 0.0
    decay: float = 0.0
    steps: int = 3000
    dtype: str = "float64"
    n: int = 20
    m: int = 500
    activation: tuple[float, ...] = (0.0, 0.0, 0.0, 1.0)
    batch: int = 0
    bias: bool = False
    uneven: bool = False
    optimiser: str = "sgd"
    counted: bool = False
    target: float = 1.0


PLAIN = Setup()
MOMENTUM = Setup(rate=3e-4, momentum=0.9)
DECAY = Setup(decay=0.01)


def _both(name: str, **fields: Any) -> dict[str, tuple[Setup, int]]:
    return {
        f"{name}, {dtype}": (Setup(**fields, dtype=dtype), 10) for dtype in ("float64", "float32")
    }


CASES: dict[str, tuple[Setup, int]] = {
    **_both("rate 1e-3"),
    **_both("rate 3e-4, momentum .9", rate=3e-4, momentum=0.9),
    **_both("rate 1e-3, decay .01", decay=0.01),
    "rate 1e-3, n told": (Setup(dtype="float32", counted=True), 4),
    "rate 3e-4, momentum .9, n told": (
        Setup(rate=3e-4, momentum=0.9, dtype="float32", counted=True),
        4,
    ),
    "rate 1e-3, decay .01, n told": (Setup(decay=0.01, dtype="float32", counted=True), 4),
    "300 steps": (Setup(steps=300), 3),
    "30,000 steps": (Setup(steps=30_000), 3),
    "3 times the rate": (Setup(rate=3e-3), 3),
    "10 times the rate": (Setup(rate=1e-2), 3),
    "10 times the rate, targets 3": (Setup(rate=1e-2, target=3.0), 2),
    "10 times the rate, targets 6": (Setup(rate=1e-2, target=6.0), 2),
    "10 times the rate, targets 10": (Setup(rate=1e-2, target=10.0), 2),
    "n = 40, m = 2000": (Setup(n=40, m=2000), 10),
    "degree 4, n = 8": (Setup(n=8, activation=(0.0, 0.0, 0.0, 0.0, 1.0)), 10),
    "[0, .5, .7, 1], n = 8": (Setup(n=8, activation=(0.0, 0.5, 0.7, 1.0)), 10),
    "norms 1 to 3": (Setup(uneven=True), 8),
    "first-layer bias": (Setup(bias=True), 3),
    "mini-batches of 5": (Setup(batch=5), 10),
    "mini-batches of 5, float32": (Setup(batch=5, dtype="float32"), 10),
    "Adam": (Setup(optimiser="adam"), 10),
}
"""By name: how the networks are trained, and how many of them."""

FIRST_SEED = 300


def digits(n: int, seed: int, *, uneven: bool) -> FloatArray:
    """Return n digits less the mean of all, (n, 64); ``uneven`` scales their norms to 1 ... 3."""
    x = np.asarray(load_digits(return_X_y=True)[0], dtype=float)
    rng = np.random.default_rng(seed)
    x = (x - x.mean(axis=0))[rng.choice(len(x), n, replace=False)] / 16
    if uneven:
        x *= (rng.uniform(1, 3, n) / np.linalg.norm(x, axis=1))[:, None]
    return x


def trained(setup: Setup, seed: int) -> tuple[FloatArray, dict[str, FloatArray], float]:
    """Train a network; return its samples, the weights before and after, and the last loss."""
    torch.manual_seed(seed)
    x = digits(setup.n, seed, uneven=setup.uneven)
    y = setup.target * np.where(np.arange(setup.n) % 2, 1.0, -1.0)
    dtype = getattr(torch, setup.dtype)
    first = torch.nn.Linear(x.shape[1], setup.m, bias=setup.bias).to(dtype)
    last = torch.nn.Linear(setup.m, 1, bias=setup.bias).to(dtype)

    def weights(end: str) -> dict[str, FloatArray]:
        columns = [first.weight, *([first.bias[:, None]] if setup.bias else [])]
        W = torch.cat([column.detach() for column in columns], dim=1).clone().numpy()
        return {f"W{end}": W, f"a{end}": last.weight.detach().clone().numpy()[0]}

    before = weights("0")
    parameters = [*first.parameters(), *last.parameters()]
    if setup.optimiser == "adam":
        optimiser: torch.optim.Optimizer = torch.optim.Adam(parameters, setup.rate)
    else:
        optimiser = torch.optim.SGD(
            parameters, setup.rate, setup.momentum, weight_decay=setup.decay
        )
    X, Y = torch.tensor(x, dtype=dtype), torch.tensor(y, dtype=dtype)
    order, draw = torch.arange(0), torch.Generator().manual_seed(seed)
    loss = torch.tensor(0.0)
    for _ in range(setup.steps):
        at = torch.arange(setup.n)
        if setup.batch:
            if len(order) < setup.batch:
                order = torch.randperm(setup.n, generator=draw)
            at, order = order[: setup.batch], order[setup.batch :]
        t = first(X[at])
        values = sum(c * t**k for k, c in enumerate(setup.activation) if c)
        loss = ((last(values)[:, 0] - Y[at]) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    seen = np.column_stack([x, np.ones(setup.n)]) if setup.bias else x
    return seen, before | weights(""), float(loss.detach())


def run(name: str, seed: int) -> Figures:
    """Train, verify and compare one network."""
    torch.set_num_threads(1)
    setup = CASES[name][0]
    x, w, loss = trained(setup, seed)
    start = time.process_time()
    report = verify_identifiability(
        w["a"],
        w["W"],
        init=(w["a0"], w["W0"]),
        activation=setup.activation,
        n_samples=setup.n if setup.counted else None,
    )
    figures: Figures = {
        "case": name,
        "seed": seed,
        "seconds": round(time.process_time() - start, 1),
        "verdict": str(report.verdict),
        "n": setup.n,
        "loss": loss,
        "movement": float(np.linalg.norm(w["W"] - w["W0"]) / np.linalg.norm(w["W0"])),
        "row_space": None if report.rank is None else report.rank.row_space,
    }
    if report.course is not None:
        figures |= {"confirmed": int(report.course.confirmed.sum()), "lag": report.course.lag}
    return figures | _compared(report.recovery, x)


def _compared(recovery: Any, x: FloatArray) -> Figures:
    if recovery is None:
        return {"found": 0, "claimed": 0, "outside": 0}
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosine = recovery.x / np.linalg.norm(recovery.x, axis=1, keepdims=True) @ unit.T
    nearest = np.abs(cosine).argmax(axis=1)
    sign = np.sign(cosine[np.arange(len(cosine)), nearest])
    truth = (x if recovery.norm_known else unit)[nearest] * sign[:, None]
    distance, sure = np.linalg.norm(recovery.x - truth, axis=1), claimed(recovery)
    return {
        "found": int(np.sum(np.abs(cosine).max(axis=0) >= FOUND)),
        "worst_cosine": float(np.abs(cosine).max(axis=0).min()),
        "claimed": int(sure.sum()),
        "outside": int(np.sum(distance[sure] > recovery.error_bound[sure])),
        "largest_distance_over_bound": float(np.max(distance / recovery.error_bound)),
    }


def _saved(rows: list[Figures]) -> None:
    order = {name: k for k, name in enumerate(CASES)}
    rows.sort(key=lambda row: (order[row["case"]], row["seed"]))
    machine = {"processor": platform.machine(), "numpy": np.__version__, "torch": torch.__version__}
    kinds = {name: asdict(setup) for name, (setup, _) in CASES.items()}
    text = json.dumps({"machine": machine, "cases": kinds, "rows": rows}, indent=1)
    write_atomic(OUT, text + "\n")


def main(arguments: list[str]) -> None:
    """Run the cases whose names start with one of the given words, or all."""
    rows: list[Figures] = json.loads(OUT.read_text())["rows"] if OUT.exists() else []
    jobs = int(arguments.pop(arguments.index("--jobs") + 1)) if "--jobs" in arguments else 1
    words = [word for word in arguments if word != "--jobs"]
    done = {(row["case"], row["seed"]) for row in rows}
    wanted = [
        (name, FIRST_SEED + k)
        for name, (_, count) in CASES.items()
        for k in range(count)
        if (name, FIRST_SEED + k) not in done
        and (not words or any(name.startswith(word) for word in words))
    ]
    pool = Parallel(n_jobs=jobs, return_as="generator_unordered")
    for row in pool(delayed(run)(*case) for case in wanted):
        assert row is not None
        rows.append(row)
        print(json.dumps(row), flush=True)
        _saved(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
