"""Fewer candidates than samples: the case that descent alone cannot solve, and splitting can.

A two-layer network, unit samples, and a target made exactly: theta - theta_0 = sum_i lambda_i
grad Phi(theta_0; x_i). That the samples have norm 1 is used where the map does not leave the norm
open: for softplus the candidates live on the sphere. Both runs start from the same k = n // 3
random unit candidates, and the one without splitting is given as many steps as the other took.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from attack.activations import Activation, Softplus, power
from attack.config import MergingConfig, ReconstructionConfig, SplittingConfig
from attack.maps import Map, ntk
from attack.mlp import Layer, Parameters, initial
from attack.objective import Priors
from attack.reconstruction import Reconstruction, reconstruct_map
from attack.sphere import SphereMap

Name: TypeAlias = Literal["cubic", "softplus", "softplus without biases"]

WIDTH = 100
TOLERANCE = 1e-12
"""Both runs stop at this multiple of |target|^2, far below the 1e-10 asked for."""
COSINE = 0.99
"""A sample counts as found above this cosine."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A target made of known samples.

    Attributes:
        map: The NTK map at theta_0.
        samples: (n, d), unit.
        weights: (n,), the lambda_i.
        degree: 3 for t^3, which leaves scale and sign open; 0 on the sphere.
    """

    map: Map
    samples: Tensor
    weights: Tensor
    degree: int


def problem(seed: int, n: int, activation: Name, *, dimension: int | None = None) -> Problem:
    """Random network, samples and multipliers, and the exact target.

    Args:
        seed: Of all three.
        n: Number of samples.
        activation: t^3 without biases, or softplus with beta = 5 with or without them. Without
            them f(x) - f(-x) is linear in x, and n + 2 candidates fit the target exactly with any
            samples reflected: nothing but the smaller number tells the samples themselves.
        dimension: d; n for None.

    Returns:
        The problem.
    """
    d, biased = dimension or n, activation == "softplus"
    sigma: Activation = power(3) if activation == "cubic" else Softplus(5.0)
    theta = initial(
        (d, WIDTH, 1),
        biases=(biased, False),
        scales=(1.0, WIDTH**-0.5),
        seed=seed,
    )
    generator = torch.Generator().manual_seed(seed + 1_000_000)
    if biased:
        theta[0] = replace(theta[0], bias=torch.randn(WIDTH, generator=generator).double())
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    x = torch.nn.functional.normalize(x)
    sign = torch.randint(2, (n,), generator=generator) * 2 - 1
    weights = sign * (0.5 + torch.rand(n, generator=generator, dtype=torch.float64))
    bare = ntk(theta, theta, sigma)
    step = bare.combine(x, weights)
    f = ntk(theta, _moved(theta, step), sigma)
    if activation == "cubic":
        return Problem(f, x, weights, 3)
    return Problem(SphereMap(f), x, weights, 0)


def _moved(theta: Parameters, step: list[Tensor]) -> list[Layer]:
    pieces, moved = iter(step), []
    for layer in theta:
        weight = layer.weight + next(pieces)
        moved.append(Layer(weight, None if layer.bias is None else layer.bias + next(pieces)))
    return moved


def settings(task: Problem, seed: int) -> ReconstructionConfig:
    """Levenberg-Marquardt with splitting and merging, all values our own.

    Args:
        task: Fixes k = n // 3 and the symmetry of the map.
        seed: Of the run.

    Returns:
        Few samples are split at a time, only on a plateau: candidates beyond n fit the target in
        many ways, and the fit that has no other is wanted.
    """
    merging = MergingConfig(
        degree=task.degree,
        tolerance=1e-4,
        floor=TOLERANCE,
        steps=10,
        final_steps=40,
        insert=1,
    )
    splitting = SplittingConfig(
        every=900,
        threshold=-1e-3,
        measure="per weight and residual",
        share=0.2,
        eta_max=0.3,
        plateau=0.05,
        merging=merging,
    )
    return ReconstructionConfig(
        optimizer="levenberg",
        multipliers="least squares",
        priors=Priors(),
        mean=False,
        steps=900,
        block=15,
        candidates=max(1, len(task.samples) // 3),
        tolerance=TOLERANCE,
        seed=seed,
        splitting=splitting,
    )


def start(config: ReconstructionConfig, dimension: int) -> tuple[Tensor, Tensor]:
    """Random unit candidates, multipliers 0."""
    generator = torch.Generator().manual_seed(config.seed + 2_000_000)
    x = torch.randn(config.candidates, dimension, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(x), x.new_zeros(len(x))


def found(task: Problem, x: Tensor) -> int:
    """Number of samples with a candidate above the cosine, of either sign for a homogeneous map."""
    cosines = torch.nn.functional.normalize(task.samples) @ torch.nn.functional.normalize(x).T
    cosines = cosines.abs() if task.degree else cosines
    return int((cosines.amax(1) >= COSINE).sum())


def run(seed: int, n: int, activation: Name, *, dimension: int | None = None) -> dict[str, Any]:
    """Both runs from one start.

    Args:
        seed: Of network, samples, start and run.
        n: Number of samples.
        activation: Of the network.
        dimension: d; n for None.

    Returns:
        seed, map, n, k_start, and under ``with`` and ``without`` k_final, found, loss_ratio,
        seconds; the loss is divided by |target|^2, the loss of the start's multipliers 0.
    """
    task = problem(seed, n, activation, dimension=dimension)
    config = settings(task, seed)
    x, weights = start(config, task.samples.shape[1])
    split = reconstruct_map(task.map, x, weights, config)
    alone = replace(config, splitting=None, steps=split.steps)
    plain = reconstruct_map(task.map, x, weights, alone)
    return {
        "seed": seed,
        "map": f"ntk, {activation}",
        "n": n,
        "k_start": len(x),
        "with": _summary(task, split),
        "without": _summary(task, plain),
    }


def _summary(task: Problem, result: Reconstruction) -> dict[str, Any]:
    return {
        "k_final": len(result.x),
        "found": found(task, result.x),
        "loss_ratio": result.history[-1].loss / result.history[0].loss,
        "seconds": result.seconds,
    }
