"""The full-size run of Haim et al. 2022: 784-1000-1000-1, 1000 candidates, 50000 steps, timed.

    uv run python benchmarks/haim_full.py --device cuda [--dtype float64] [--json [OUT]]

The descent is captured once as a CUDA graph and replayed; beside it the same steps are taken
without the graph, and their ratio is the last line. Network and data are random, which the time
does not depend on. Without a GPU the script says so; ``--device cpu`` times single steps.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from attack_twins import RESULTS, SHARPNESS, Problem, machine, peak_gib, problem, seconds
from torch import Tensor

from attack.descent.config import ReconstructionConfig
from attack.descent.objective import loss
from attack.maps.objectives import kkt
from attack.maps.scaled import ScaledMap
from attack.network.activations import ReLU
from attack.network.mlp import Layer

CONFIG = ReconstructionConfig.HAIM_MNIST


class Descent:
    """SGD with momentum in place, on tensors that stay where they are, as a graph needs it."""

    def __init__(self, p: Problem) -> None:
        self.map = ScaledMap(kkt(p.theta, ReLU(SHARPNESS), p.y), 1 / len(p.x))
        self.x, self.weights = p.x.clone().requires_grad_(), p.weights.clone().requires_grad_()
        self.memory = [torch.zeros_like(p.x), torch.zeros_like(p.weights)]

    def step(self) -> None:
        """One step of ``descend_block`` with the published settings."""
        value = loss(self.map, self.x, self.weights) + CONFIG.priors.value(self.x, self.weights)
        slopes = torch.autograd.grad(value, [self.x, self.weights])
        with torch.no_grad():
            rates, values = (CONFIG.rate, CONFIG.weight_rate), (self.x, self.weights)
            for v, m, slope, rate in zip(values, self.memory, slopes, rates, strict=True):
                m.mul_(CONFIG.momentum).add_(slope)
                v.sub_(m, alpha=rate)

    def graph(self) -> torch.cuda.CUDAGraph:
        """The step captured, after three that warm it up on a stream of their own."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        captured = torch.cuda.CUDAGraph()
        with torch.cuda.graph(captured):
            self.step()
        return captured


def single(p: Problem) -> Problem:
    """The same in single precision."""

    def cast(t: Tensor) -> Tensor:
        return t.float()

    theta = [Layer(*(cast(t) for t in layer.tensors())) for layer in p.theta]
    return Problem(theta, cast(p.x), cast(p.y), cast(p.weights))


def measure(device: str, dtype: str, k: int, steps: int, eager: int) -> dict[str, Any]:
    """Seconds a step without the graph, and on a GPU of all steps with it."""
    p = problem(k, device)
    p = p if dtype == "float64" else single(p)
    descent = Descent(p)
    descent.step()
    alone = seconds(lambda: [descent.step() for _ in range(eager)], device) / eager
    found: dict[str, Any] = {
        "machine": machine(device),
        "dtype": dtype,
        "candidates": k,
        "milliseconds_a_step": 1000 * alone,
    }
    if device.startswith("cuda"):
        run = Descent(p)
        graph = run.graph()
        whole = seconds(lambda: [graph.replay() for _ in range(steps)], device)
        found |= {
            "steps": steps,
            "seconds": whole,
            "milliseconds_a_captured_step": 1000 * whole / steps,
            "ratio": alone * steps / whole,
            "finite": bool(run.x.isfinite().all()),
        }
    return found | {"peak_gib": peak_gib(device)}


def main() -> None:
    """Measure, print, and record where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=CONFIG.steps)
    parser.add_argument("--eager", type=int, default=50, help="steps without the graph")
    parser.add_argument("--json", type=Path, nargs="?", const=RESULTS / "haim_full.json")
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print("no GPU here: nothing was measured; --device cpu times single steps on the CPU")
        return
    sizes = options.candidates, options.steps, options.eager
    figures = measure(options.device, options.dtype, *sizes)
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if "ratio" in figures:
        print(f"ratio {figures['ratio']:.2f}")


if __name__ == "__main__":
    main()
