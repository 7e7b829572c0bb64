"""One splitting step: which samples are split and along what, against Lanczos one by one.

    uv run python benchmarks/splitting_step.py [--samples 1000] [--twin 30] [--device cuda]
                                               [--json [OUT]]

784-1000-1000-1 in double precision, relu with sigmoid(150 z) behind. The twin takes one sample at
a time, each with its own graph, kept for its 20 products (``attack_twins.smallest_one_by_one``). It
is timed sample by sample on the first ``--twin`` samples, and the median is SCALED to all of them.
A second twin, on a quarter of those, builds the graph again for every product. All
start from the same vectors and are timed in turn; figures are medians.

Ours decides which half of the samples is split and stops sample by sample once bounds decide;
"all steps" takes the same 20 on every sample in one batch. The samples chosen have to be the same.

The matrix products of a Hessian-vector product are 4 of the size of the first layer and 6 of that
of the second; their rate alone, in the same run, bounds what a batch can gain. The last line is
`ratio R`, twin over ours.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from attack_twins import (
    RESULTS,
    SHARPNESS,
    WIDTHS,
    Problem,
    machine,
    peak_gib,
    problem,
    seconds,
    smallest_one_by_one,
)
from torch import Tensor

from attack.descent.curvature import (
    LANCZOS_STEPS,
    random_start,
    smallest_eigenpairs,
    splitting_operator,
)
from attack.descent.deciding import Decided
from attack.descent.objective import residual
from attack.descent.splitting import select, to_be_split
from attack.descent.splitting_config import SplittingConfig
from attack.maps.mlp_map import MLPMap
from attack.maps.objectives import kkt
from attack.network.activations import ReLU

CONFIG = SplittingConfig()

FIRST, SECOND = 4, 6
"""Matrix products of a Hessian-vector product, of the size of the first layer and the second."""


class Step:
    """The splitting step of a problem in two ways, from the same residual and start vectors."""

    def __init__(self, p: Problem) -> None:
        self.p = p
        self.map = kkt(p.theta, ReLU(SHARPNESS), p.y)
        with torch.no_grad():
            self.r = residual(self.map, p.x, p.weights)
        self.start = random_start(p.x, seed=0)

    def map_of(self, rows: Tensor) -> MLPMap:
        """The map of some samples."""
        return kkt(self.p.theta, ReLU(SHARPNESS), self.p.y[rows])

    def ours(self) -> tuple[Tensor, Decided]:
        """Which samples are split, and their eigenpairs as far as they were needed."""
        p = self.p
        return to_be_split(self.map_of, p.x, p.weights, self.r, CONFIG, seed=0)

    def all_steps(self) -> Tensor:
        """All samples at once, 20 steps each."""
        operator = splitting_operator(self.map, self.p.x, self.p.weights, self.r)
        return smallest_eigenpairs(operator, self.start).values

    def twin(self, i: int, *, rebuilt: bool = False) -> Tensor:
        """One sample by itself."""
        p, at = self.p, slice(i, i + 1)
        part = Problem(p.theta, p.x[at], p.y[at], p.weights[at])
        return smallest_one_by_one(part, self.r, self.start[at], LANCZOS_STEPS, rebuilt=rebuilt)

    def products(self) -> None:
        """The matrix products of one Hessian-vector product and nothing else."""
        p, h = self.p, self.p.x.new_ones(len(self.p.x), WIDTHS[1])
        for _ in range(FIRST):
            torch.mm(p.x, p.theta[0].weight.T)
        for _ in range(SECOND):
            torch.mm(h, p.theta[1].weight.T)


def flops(products: float) -> float:
    """Flops of the matrix products of so many Hessian-vector products of one sample."""
    d, h1, h2, _ = WIDTHS
    return 2 * products * (FIRST * d * h1 + SECOND * h1 * h2)


def timed(call: Any, device: str) -> tuple[float, Any]:
    """Seconds and result."""
    found: list[Any] = []
    return seconds(lambda: found.append(call()), device), found[0]


def measure(k: int, subset: int, device: str, rounds: int) -> dict[str, Any]:
    """All figures of the benchmark."""
    small = Step(problem(4, device))
    for warm in (small.ours, small.all_steps, partial(small.twin, 0)):
        warm()
    step = Step(problem(k, device))
    twin: list[tuple[float, Tensor]] = []
    ours: list[tuple[float, tuple[Tensor, Decided]]] = []
    batch: list[tuple[float, Tensor]] = []
    rebuilt: list[float] = []
    alone: list[float] = []
    for turn in range(rounds):  # everything in turn, so that all see the same disturbances
        ours.append(timed(step.ours, device))
        part = range(turn * subset // rounds, (turn + 1) * subset // rounds)
        twin += [timed(partial(step.twin, i), device) for i in part]
        alone.append(timed(step.products, device)[0])
        batch.append(timed(step.all_steps, device))
        rebuilt += [timed(partial(step.twin, i, rebuilt=True), device)[0] for i in part[::4]]
    chosen, found = ours[0][1]
    values = batch[0][1]
    expected = torch.cat([value for _, value in twin])
    apart = ((values[:subset] - expected).abs() / expected.abs()).max()
    asked = select(values, values, CONFIG)
    seconds_ours, all_steps = median(t for t, _ in ours), median(t for t, _ in batch)
    rate = flops(k) / median(alone) / 1e9
    one, again = median(t for t, _ in twin), median(rebuilt)
    spread = [one * k / t for t in sorted((t for t, _ in ours), reverse=True)]
    return {
        "machine": machine(device),
        "samples": k,
        "lanczos_steps": LANCZOS_STEPS,
        "rounds": rounds,
        "seconds": seconds_ours,
        "seconds_with_all_steps": all_steps,
        "products_a_sample": found.products / k,
        "fewer_products": LANCZOS_STEPS * k / found.products,
        "graphs_recorded_again": found.recorded / k,
        "samples_split": len(chosen),
        "same_samples_split": set(chosen.tolist()) == set(asked.tolist()),
        "twin_samples": subset,
        "twin_seconds_a_sample": one,
        "twin_seconds_scaled_to_all_samples": one * k,
        "rebuilt_twin_seconds_scaled_to_all_samples": again * k,
        "ratio": one * k / seconds_ours,
        "ratio_range": [spread[0], spread[-1]],
        "ratio_with_all_steps": one * k / all_steps,
        "ratio_to_the_rebuilt_twin": again * k / seconds_ours,
        "matmul_gflops_per_second": rate,
        "share_of_matmul_rate_with_all_steps": flops(k * LANCZOS_STEPS) / all_steps / 1e9 / rate,
        "share_of_matmul_rate": flops(found.products) / seconds_ours / 1e9 / rate,
        "largest_relative_difference_of_eigenvalues": float(apart),
        "smallest_eigenvalues": [float(values.min()), float(values.max())],
        "peak_gib": peak_gib(device),
    }


def main() -> None:
    """Measure, print, and record where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--twin", type=int, default=30, help="samples on which the twin is timed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, nargs="?", const=RESULTS / "splitting_step.json")
    options = parser.parse_args()
    if not 2 <= options.twin <= options.samples:
        parser.error(f"--twin: found {options.twin}; pass 2 to --samples {options.samples}")
    if options.threads:
        torch.set_num_threads(options.threads)
    figures = measure(options.samples, options.twin, options.device, options.rounds)
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    apart = figures["largest_relative_difference_of_eigenvalues"]
    assert apart < 1e-8, f"eigenvalues differ from the twin's by {apart:.1e}"
    assert figures["same_samples_split"], "other samples are split than with all steps"
    print(f"the twin ran on {options.twin} samples; its time is scaled to {options.samples}")
    print(f"ratio {figures['ratio']:.1f}")


if __name__ == "__main__":
    main()
