"""One splitting step: the smallest eigenpairs of all S(x_i), 20 Lanczos steps, against one by one.

    uv run python benchmarks/splitting_step.py [--samples 1000] [--twin 30] [--device cuda]
                                               [--json [OUT]]

784-1000-1000-1 in double precision, relu with sigmoid(150 z) behind. The twin takes one sample at
a time, each with its own graph, kept for its 20 products (``attack_twins.smallest_one_by_one``). It
is timed sample by sample on the first ``--twin`` samples, and the median is SCALED to all of them.
A second twin, on a quarter of those, builds the graph again for every product. All
start from the same vectors and are timed in turn; figures are medians.

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
from attack.descent.objective import residual
from attack.maps.objectives import kkt
from attack.network.activations import ReLU

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

    def ours(self) -> Tensor:
        """All samples at once."""
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


def flops(k: int) -> int:
    """Flops of the matrix products of all Hessian-vector products of k samples."""
    d, h1, h2, _ = WIDTHS
    return LANCZOS_STEPS * 2 * k * (FIRST * d * h1 + SECOND * h1 * h2)


def timed(call: Any, device: str) -> tuple[float, Tensor]:
    """Seconds and result."""
    found: list[Tensor] = []
    return seconds(lambda: found.append(call()), device), found[0]


def measure(k: int, subset: int, device: str, rounds: int) -> dict[str, Any]:
    """All figures of the benchmark."""
    small = Step(problem(4, device))
    for warm in (small.ours, partial(small.twin, 0)):
        warm()
    step = Step(problem(k, device))
    twin: list[tuple[float, Tensor]] = []
    ours: list[tuple[float, Tensor]] = []
    rebuilt: list[float] = []
    alone: list[float] = []
    for turn in range(rounds):  # everything in turn, so that all see the same disturbances
        ours.append(timed(step.ours, device))
        part = range(turn * subset // rounds, (turn + 1) * subset // rounds)
        twin += [timed(partial(step.twin, i), device) for i in part]
        alone.append(timed(step.products, device)[0])
        rebuilt += [timed(partial(step.twin, i, rebuilt=True), device)[0] for i in part[::4]]
    expected, found = torch.cat([value for _, value in twin]), ours[0][1]
    apart = ((found[:subset] - expected).abs() / expected.abs()).max()
    batched = median(t for t, _ in ours)
    rate = flops(k) / LANCZOS_STEPS / median(alone) / 1e9
    one, again = median(t for t, _ in twin), median(rebuilt)
    return {
        "machine": machine(device),
        "samples": k,
        "lanczos_steps": LANCZOS_STEPS,
        "rounds": rounds,
        "seconds": batched,
        "twin_samples": subset,
        "twin_seconds_a_sample": one,
        "twin_seconds_scaled_to_all_samples": one * k,
        "rebuilt_twin_seconds_scaled_to_all_samples": again * k,
        "ratio": one * k / batched,
        "ratio_to_the_rebuilt_twin": again * k / batched,
        "matmul_gflops_per_second": rate,
        "share_of_matmul_rate": flops(k) / batched / 1e9 / rate,
        "largest_relative_difference_of_eigenvalues": float(apart),
        "smallest_eigenvalues": [float(found.min()), float(found.max())],
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
    print(f"the twin ran on {options.twin} samples; its time is scaled to {options.samples}")
    print(f"ratio {figures['ratio']:.1f}")


if __name__ == "__main__":
    main()
