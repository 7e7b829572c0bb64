"""Local identifiability of k candidates of a 784-1000-1000-1 network, J applied and never formed.

    uv run python benchmarks/local_identifiability.py [--samples 50] [--twin 2] [--sharpness S]
                                                      [--cases pinned split dense] [--json [OUT]]

Relu with its exact derivative, or with sigmoid(S z) for it; a bias in the first layer, as in the
published victims. "pinned": random candidates, all of them solutions by construction, which the
equations determine. "split": the second candidate is a copy of the first, moved inside its
activation region: d + 1 directions are free. "dense" forms J for ``--twin`` candidates, its
rows compressed as in the other, and compares; J of all candidates, parameters by unknowns, would
take the size that is printed. The smallest values of a cluster agree to its width.

Each case, in a process of its own, gives seconds, peak memory in GiB and the verdict. The last line
is `ratio R`, dense over iterative on the ``--twin`` candidates. Targets: 120 seconds and 4 GiB.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from attack_twins import RESULTS, WIDTHS, machine, peak_gib, seconds
from torch import Tensor

from attack.local.identifiability import local_identifiability
from attack.local.report import LocalReport
from attack.maps.mlp_map import Evaluation, MLPMap
from attack.maps.objectives import signed
from attack.network.activations import ReLU
from attack.network.mlp import Layer, initial

CASES = ("pinned", "split", "dense")
CPU = "cpu"
BIASES = (True, False, False)


def candidates(k: int, *, split: bool, sharpness: float | None) -> tuple[MLPMap, Tensor, Tensor]:
    """A network, and candidates that solve its equations exactly, as the target is made of them."""
    scales = [(2 / width) ** 0.5 for width in WIDTHS[:-1]]
    theta = initial(WIDTHS, biases=BIASES, scales=scales, seed=0)
    generator = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    assert theta[0].bias is not None
    theta[0].bias.copy_(normal(WIDTHS[1]))
    x = normal(k, WIDTHS[0])
    weights = 0.2 + torch.rand(k, generator=generator, dtype=torch.float64)
    if split:
        x[1] = x[0] + 1e-7 * normal(WIDTHS[0])
    m = signed(theta, ReLU(sharpness))
    goal = iter(m.combine(x, weights))
    target = [Layer(next(goal), next(goal) if bias else None) for bias in BIASES]
    return replace(m, evaluations=[Evaluation(theta, target)]), x, weights


def entry(report: LocalReport, time: float) -> dict[str, Any]:
    """What is kept of a report."""
    return {
        "seconds": time,
        "peak_gib": peak_gib(CPU),
        "unknowns": report.columns,
        "rank": report.rank_bounds,
        "smallest": report.singular_values[:8].tolist(),
        "gap": report.gap,
        "pinned": int(report.pinned.sum()),
        "moves": torch.nonzero(report.moves)[:, 0].tolist(),
        "products": report.steps,
        "reasons": report.reasons,
    }


def run(case: str, k: int, twin: int, sharpness: float | None) -> dict[str, Any]:
    """One case, in this process."""
    if case != "dense":
        problem = candidates(k, split=case == "split", sharpness=sharpness)
        return timed(*problem, method="iterative")
    problem = candidates(twin, split=False, sharpness=sharpness)
    ours = timed(*problem, method="iterative")
    formed = timed(*problem, method="dense")
    off = max(abs(a - b) for a, b in zip(ours["smallest"], formed["smallest"], strict=True))
    return {
        "iterative": ours,
        "dense": formed,
        "ratio": formed["seconds"] / ours["seconds"],
        "difference": off,
    }


def timed(m: MLPMap, x: Tensor, weights: Tensor, *, method: str) -> dict[str, Any]:
    """Run ``local_identifiability`` once."""
    found: list[LocalReport] = []
    time = seconds(lambda: found.append(local_identifiability(m, x, weights, method=method)), CPU)
    return entry(found[0], time)


def main() -> None:
    """Run each case in a process of its own, so that the peaks are theirs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--twin", type=int, default=2)
    parser.add_argument("--sharpness", type=float)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--json", nargs="?", const=RESULTS / "local_identifiability.json")
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": machine(CPU)}
    for case in options.cases:
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            call = process.submit(run, case, options.samples, options.twin, options.sharpness)
            results[case] = call.result()
        print(f"{case}: {json.dumps(results[case], indent=1)}", flush=True)
    parameters = sum(a * b for a, b in pairwise(WIDTHS)) + WIDTHS[1]
    whole = 8 * parameters * options.samples * (WIDTHS[0] + 1) / 2**30
    print(f"J formed for all candidates: {whole:.0f} GiB")
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1) + "\n")
    if "dense" in results:
        print(f"ratio {results['dense']['ratio']:.2f}")


if __name__ == "__main__":
    main()
