"""Plain autograd twins of the attack's two inner loops, as the published code computes them.

Haim et al. 2022 take the gradient in theta of sum_i lambda_i y_i Phi(x_i) with its graph kept, and
differentiate its squared distance from theta once more. The sample-splitting code takes, one sample
at a time, the gradient in theta of f(x_i), its product with the residual, the gradient of that in
x_i, and 20 products with its derivative. Both are written anew here, with nothing of ``attack``.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch
from torch import Tensor

from attack.network.mlp import Layer, initial

SHARPNESS = 150.0
WIDTHS = (784, 1000, 1000, 1)
RESULTS = Path(__file__).parent / "results"


class Smoothed(torch.autograd.Function):
    """relu forward, sigmoid(150 z) backward."""

    @staticmethod
    def forward(ctx: Any, *args: Tensor) -> Tensor:
        """max(z, 0)."""
        ctx.save_for_backward(args[0])
        return torch.relu(args[0])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        """The gradient times sigmoid(150 z)."""
        return grad_outputs[0] * torch.sigmoid(SHARPNESS * ctx.saved_tensors[0])


@dataclass(frozen=True, slots=True)
class Problem:
    """A network, candidates with labels, and multipliers, all seeded.

    Attributes:
        theta: 784-1000-1000-1, a bias in the first layer only, as the published victims.
        x: (k, 784).
        y: (k,) in {-1, 1}.
        weights: (k,) multipliers lambda.
    """

    theta: list[Layer]
    x: Tensor
    y: Tensor
    weights: Tensor


def problem(k: int, device: str, seed: int = 0) -> Problem:
    """Draw a problem, in double precision, on the CPU first.

    Args:
        k: Number of samples.
        device: Where it goes.
        seed: Seed.

    Returns:
        The problem.
    """
    scales = [width**-0.5 for width in WIDTHS[:-1]]
    theta = initial(WIDTHS, biases=[True, False, False], scales=scales, seed=seed, device=device)
    generator = torch.Generator().manual_seed(seed + 1)
    x = 0.5 * torch.randn(k, WIDTHS[0], generator=generator, dtype=torch.float64)
    weights = torch.rand(k, generator=generator, dtype=torch.float64)
    y = 1.0 - 2.0 * (torch.arange(k) % 2).to(x)
    return Problem(theta, x.to(device), y.to(device), weights.to(device))


def parameters(p: Problem) -> list[Tensor]:
    """The tensors of theta, as leaves that take a gradient."""
    return [t.clone().requires_grad_() for layer in p.theta for t in layer.tensors()]


def phi(theta: Sequence[Tensor], x: Tensor) -> Tensor:
    """Phi(x), (k,), by torch's own layers."""
    W1, b1, W2, W3 = theta
    h = Smoothed.apply(torch.nn.functional.linear(x, W1, b1))
    h = Smoothed.apply(torch.nn.functional.linear(h, W2))
    return torch.nn.functional.linear(h, W3)[:, 0]


def haim_loss(theta: list[Tensor], x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """||theta - grad_theta sum_i lambda_i y_i Phi(x_i)||^2, its graph kept."""
    total = (weights * y * phi(theta, x)).sum()
    gradients = torch.autograd.grad(total, theta, create_graph=True)
    pieces = [(t.detach() - g).square().sum() for t, g in zip(theta, gradients, strict=True)]
    return torch.stack(pieces).sum()


def smallest_one_by_one(
    p: Problem, r: Sequence[Tensor], start: Tensor, steps: int, *, rebuilt: bool = False
) -> Tensor:
    """Smallest Ritz value of every sample, each with its own graph and its own Lanczos.

    The graph of a sample serves all its products, or is built again for each of them, as
    ``torch.autograd.functional.hvp`` does (``rebuilt``).
    """
    theta, found = parameters(p), []
    for x, y, weight, v in zip(p.x, p.y, p.weights, start, strict=True):
        point = x[None].clone().requires_grad_()
        slope = None if rebuilt else _slope(theta, r, point, y)

        def product(
            v: Tensor, kept: Tensor | None = slope, at: Tensor = point, y: Tensor = y
        ) -> Tensor:
            slope = _slope(theta, r, at, y) if kept is None else kept
            return torch.autograd.grad(slope, at, v[None], retain_graph=kept is not None)[0][0]

        found.append(lanczos(lambda v, f=product, c=-2 * weight: c * f(v), v, steps))
    return torch.stack(found)


def _slope(theta: list[Tensor], r: Sequence[Tensor], point: Tensor, y: Tensor) -> Tensor:
    """The gradient in x of <r, f(x)>, from the materialised gradient in theta."""
    f = torch.autograd.grad(y * phi(theta, point)[0], theta, create_graph=True)
    g = torch.stack([(a * b).sum() for a, b in zip(r, f, strict=True)]).sum()
    return torch.autograd.grad(g, point, create_graph=True)[0]


def lanczos(product: Callable[[Tensor], Tensor], v: Tensor, steps: int) -> Tensor:
    """Smallest Ritz value of one matrix, re-orthogonalised twice."""
    Q = v.new_zeros(steps, len(v))
    diagonal, beside = [], []
    v = v / v.norm()
    for step in range(steps):
        Q[step] = v
        w = product(v)
        diagonal.append(w @ v)
        for _ in range(2):
            w = w - Q[: step + 1].T @ (Q[: step + 1] @ w)
        beside.append(w.norm())
        v = w / beside[-1]
    off = torch.stack(beside[:-1])
    T = torch.diag(torch.stack(diagonal)) + torch.diag(off, 1) + torch.diag(off, -1)
    return torch.linalg.eigvalsh(T)[0]


def seconds(call: Callable[[], object], device: str) -> float:
    """Seconds of a call: on a GPU to the end of what it started, on a CPU of the processor.

    The processor's seconds, over the number of threads, leave out what others computed meanwhile.
    """
    if not device.startswith("cuda"):
        begin = process_time()
        call()
        return (process_time() - begin) / torch.get_num_threads()
    torch.cuda.synchronize()
    begin = perf_counter()
    call()
    torch.cuda.synchronize()
    return perf_counter() - begin


def interleaved(
    calls: dict[str, Callable[[], object]], rounds: int, device: str
) -> dict[str, float]:
    """Median time of each call over rounds that take every call in turn, after one unmeasured.

    On a machine that others use as well, all calls see the same disturbance.
    """
    for call in calls.values():
        seconds(call, device)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(seconds(call, device))
    return {name: median(found) for name, found in times.items()}


def peak_gib(device: str) -> float:
    """Most memory this process has held, on the device it computes on."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def machine(device: str) -> dict[str, Any]:
    """What the figures were measured on; the load tells whether others computed as well."""
    name = torch.cuda.get_device_name() if device.startswith("cuda") else _processor()
    load = Path("/proc/loadavg")
    return {
        "device": name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "load_average": load.read_text().split()[0] if load.exists() else None,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((s.split(":")[1].strip() for s in lines if s.startswith("model name")), "CPU")
