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

from attack.descent.config import ReconstructionConfig
from attack.descent.loop import Progress, reconstruct_map
from attack.descent.objective import Priors
from attack.descent.result import Reconstruction
from attack.descent.splitting_config import MergingConfig, SplittingConfig
from attack.maps.objectives import ntk
from attack.maps.protocol import Map
from attack.maps.sphere import SphereMap
from attack.metrics.matching import found_count
from attack.metrics.truth import Truth
from attack.metrics.vectors import Symmetry
from attack.network.activations import Activation, Softplus, power
from attack.network.mlp import Layer, Parameters, initial

Name: TypeAlias = Literal["cubic", "softplus", "softplus without biases"]

NAMES: tuple[Name, ...] = ("cubic", "softplus")
"""The two of the comparison."""

WIDTH = 100
TOLERANCE = 1e-12
"""Both runs stop at this multiple of |target|^2, far below the 1e-10 asked for."""


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

    @property
    def symmetry(self) -> Symmetry:
        """What the map leaves open."""
        return "line" if self.degree else "scale"


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """A problem solved with splitting and tried without.

    Attributes:
        seed: Of all.
        activation: Of the network.
        task: The problem.
        with_: The run with splitting.
        without: The run without it, from the same start, of as many steps.
    """

    seed: int
    activation: Name
    task: Problem
    with_: Reconstruction
    without: Reconstruction


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


def run(
    seed: int,
    n: int,
    activation: Name,
    *,
    dimension: int | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Both runs from one start.

    Args:
        seed: Of network, samples, start and run.
        n: Number of samples.
        activation: Of the network.
        dimension: d; n for None.
        progress: Called with the records of the run with splitting, then of the one without.

    Returns:
        The two runs.
    """
    task = problem(seed, n, activation, dimension=dimension)
    config = settings(task, seed)
    x, weights = start(config, task.samples.shape[1])
    truth = Truth(task.samples, symmetry=task.symmetry)
    with_ = reconstruct_map(task.map, x, weights, config, truth=truth, progress=progress)
    alone = replace(config, splitting=None, steps=with_.steps)
    without = reconstruct_map(task.map, x, weights, alone, truth=truth, progress=progress)
    return Outcome(seed, activation, task, with_, without)


def summary(outcome: Outcome) -> dict[str, Any]:
    """The two runs as plain values.

    Args:
        outcome: What ``run`` returned.

    Returns:
        seed, map, n, d, k_start, and under ``with`` and ``without`` k_final, found (true samples
        with a candidate of their own at a cosine of 0.99 or more), loss_ratio, steps, splits,
        merges, insertions, seconds. The loss is divided by |target|^2, which it is at the start,
        where all multipliers are 0.
    """
    n, d = outcome.task.samples.shape
    return {
        "seed": outcome.seed,
        "map": f"ntk, {outcome.activation}",
        "n": n,
        "d": d,
        "k_start": outcome.without.history[0].k,
        "with": _side(outcome.task, outcome.with_),
        "without": _side(outcome.task, outcome.without),
    }


def _side(task: Problem, result: Reconstruction) -> dict[str, Any]:
    kinds = [event.kind for event in result.events]
    return {
        "k_final": len(result.x),
        "found": found_count(task.samples, result.x, symmetry=task.symmetry),
        "loss_ratio": result.history[-1].loss / result.history[0].loss,
        "steps": result.steps,
        "splits": kinds.count("split"),
        "merges": kinds.count("merge") + kinds.count("remove"),
        "insertions": kinds.count("insert"),
        "seconds": result.seconds,
    }
