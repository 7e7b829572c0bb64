"""One first-order step of the Haim objective: value, and gradient in x and lambda.

    uv run python benchmarks/first_order_step.py [--samples 1000] [--device cuda] [--json OUT]

784-1000-1000-1 in double precision, against two autograd twins (``attack_twins.haim_loss``):
"published" calls ``backward()`` as that implementation does, which also fills the gradients of
theta that nobody reads; "lean" asks for the gradients in x and lambda only. Medians over rounds
that take all of them in turn.

The share of the machine's own rate counts the matrix products alone: 5 of the size of the first
layer and 7 of the size of the second (forward; backward, not for the first layer; weighted sum; and
backward through all three, where the sum counts twice), 2 k in out flops each. Nothing else is
counted: the last layer, 1000 x 1, and all that is done entry by entry. The rate is that of the same
12 products, alone, in the same rounds. The last line is `ratio R`, published over ours.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from attack_twins import (
    RESULTS,
    SHARPNESS,
    WIDTHS,
    Problem,
    haim_loss,
    interleaved,
    machine,
    parameters,
    peak_gib,
    problem,
)
from torch import Tensor

from attack.descent.objective import loss
from attack.maps.objectives import kkt
from attack.network.activations import ReLU

FIRST, SECOND = 5, 7
"""Matrix products of a step, of the size of the first layer and of the second."""


def flops(k: int) -> int:
    """Flops of the step's matrix products."""
    d, h1, h2, _ = WIDTHS
    return 2 * k * (FIRST * d * h1 + SECOND * h1 * h2)


class Step:
    """The step in three ways; what serves all steps, map and parameters, is made once."""

    def __init__(self, p: Problem) -> None:
        self.p = p
        self.map, self.theta = kkt(p.theta, ReLU(SHARPNESS), p.y), parameters(p)
        self.x, self.weights = p.x.clone().requires_grad_(), p.weights.clone().requires_grad_()

    def ours(self) -> tuple[Tensor, ...]:
        """Value and gradients by the written-out map."""
        value = loss(self.map, self.x, self.weights)
        return value.detach(), *torch.autograd.grad(value, (self.x, self.weights))

    def lean(self) -> tuple[Tensor, ...]:
        """Value and gradients by double backward, in x and lambda only."""
        value = haim_loss(self.theta, self.x, self.p.y, self.weights)
        return value.detach(), *torch.autograd.grad(value, (self.x, self.weights))

    def published(self) -> None:
        """Value and gradients by double backward, in everything."""
        for leaf in (self.x, self.weights, *self.theta):
            leaf.grad = None
        haim_loss(self.theta, self.x, self.p.y, self.weights).backward()

    def products(self) -> None:
        """The step's matrix products and nothing else."""
        p, h = self.p, self.p.x.new_ones(len(self.p.x), WIDTHS[1])
        for _ in range(FIRST):
            torch.mm(p.x, p.theta[0].weight.T)
        for _ in range(SECOND):
            torch.mm(h, p.theta[1].weight.T)


def measure(k: int, device: str, rounds: int) -> dict[str, Any]:
    """All figures of the benchmark."""
    step = Step(problem(k, device))
    pairs = zip(step.ours(), step.lean(), strict=True)
    apart = [float((a - b).norm() / b.norm()) for a, b in pairs]
    assert max(apart) < 1e-10, f"value, x, lambda differ from the twin by {apart}"
    calls = {
        "ours": step.ours,
        "lean": step.lean,
        "published": step.published,
        "products": step.products,
    }
    found = interleaved(calls, rounds, device)
    return {
        "machine": machine(device),
        "samples": k,
        "rounds": rounds,
        "seconds": found,
        "gflop": flops(k) / 1e9,
        "matmul_gflops_per_second": flops(k) / found["products"] / 1e9,
        "share_of_matmul_rate": found["products"] / found["ours"],
        "ratio_lean": found["lean"] / found["ours"],
        "ratio_published": found["published"] / found["ours"],
        "relative_difference": dict(zip(("value", "x", "lambda"), apart, strict=True)),
        "peak_gib": peak_gib(device),
    }


def main() -> None:
    """Measure, print, and record where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, nargs="?", const=RESULTS / "first_order_step.json")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    figures = measure(options.samples, options.device, options.rounds)
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"share of the matmul rate {figures['share_of_matmul_rate']:.2f} (target 0.60)")
    print(f"ratio to the lean twin {figures['ratio_lean']:.2f}")
    print(f"ratio {figures['ratio_published']:.2f}")


if __name__ == "__main__":
    main()
