"""Families of ordinary trainings, plain and awkward, with what an auditor states of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from identify import Training
from identify.arrays import FloatArray

CUBIC = (0.0, 0.0, 0.0, 1.0)
Schedule = Callable[[float], float]
Change = Callable[[FloatArray, np.random.Generator], FloatArray]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network d-m-1 is trained on the mean squared loss.

    Attributes:
        n: Samples.
        d: Their dimension; 64 stands for digits less their mean.
        m: Neurons.
        rate: Learning rate, of the first layer times ``ratio`` for the second.
        ratio: Rate of the second layer over that of the first.
        momentum: Of SGD.
        decay: Weight decay of both layers.
        steps: Number of steps.
        dtype: Type of the weights.
        activation: c_0, ..., c_alpha.
        batch: Samples a step, 0 for all.
        optimiser: "sgd", "adam" or "adamw".
        schedule: Factor of the rate by the share of the training that is over.
        label_noise: Of the targets, drawn afresh at every step.
        targets: "signs", "random", "zero" or "met": that of the first sample is what the initial
            network puts out.
    """

    n: int = 6
    d: int = 22
    m: int = 150
    rate: float = 3e-3
    ratio: float = 1.0
    momentum: float = 0.0
    decay: tuple[float, float] = (0.0, 0.0)
    steps: int = 1000
    dtype: str = "float64"
    activation: tuple[float, ...] = CUBIC
    batch: int = 0
    optimiser: str = "sgd"
    schedule: Schedule | None = None
    label_noise: float = 0.0
    targets: str = "signs"


@dataclass(frozen=True, slots=True)
class Family:
    """A recipe, what is done to its samples, what is stated and what may be said.

    Attributes:
        recipe: The training.
        count: Networks.
        change: Applied to the samples, or None.
        stated: Keyword arguments of the verifier.
        contradicted: Whether something stated is false and has to be named; None: it may be.
        linear: Whether a span may be claimed at all.
        other_start: Whether the verifier gets the initial weights of another run.
    """

    recipe: Recipe
    count: int = 3
    change: Change | None = None
    stated: dict[str, Any] = field(default_factory=dict)
    contradicted: bool | None = False
    linear: bool = True
    other_start: bool = False


@dataclass(frozen=True, slots=True)
class Victim:
    """A trained network, its samples and what is stated."""

    a: FloatArray
    W: FloatArray
    a0: FloatArray
    W0: FloatArray
    x: FloatArray
    stated: dict[str, Any]


def build(family: Family, seed: int) -> Victim:
    """Draw samples and train."""
    recipe, rng = family.recipe, np.random.default_rng(seed)
    x = _digits(recipe.n, rng) if recipe.d == 64 else _gaussian(recipe.n, recipe.d, rng)
    if family.change is not None:
        x = family.change(x, rng)
    W0, a0, W, a = trained(recipe, x, seed, rng)
    if family.other_start:
        W0, a0, *_ = trained(replace(recipe, steps=0), x, seed + 1, rng)
    return Victim(a, W, a0, W0, x, family.stated)


def trained(
    recipe: Recipe, x: FloatArray, seed: int, rng: np.random.Generator
) -> tuple[FloatArray, ...]:
    """Train with torch and return W0, a0, W, a."""
    torch.manual_seed(seed)
    dtype = getattr(torch, recipe.dtype)
    first = torch.nn.Linear(x.shape[1], recipe.m, bias=False).to(dtype)
    last = torch.nn.Linear(recipe.m, 1, bias=False).to(dtype)
    X, n = torch.tensor(x, dtype=dtype), len(x)
    start = [layer.weight.detach().clone().numpy() for layer in (first, last)]

    def outputs(at: torch.Tensor) -> torch.Tensor:
        t = first(at)
        return last(sum(c * t**k for k, c in enumerate(recipe.activation) if c))[:, 0]

    Y = torch.tensor(_targets(recipe.targets, n, rng), dtype=dtype)
    if recipe.targets == "met":
        Y[0] = outputs(X[:1]).detach()[0]
    groups = [
        {"params": [layer.weight], "lr": recipe.rate * factor, "weight_decay": decay}
        for layer, factor, decay in zip((first, last), (1, recipe.ratio), recipe.decay, strict=True)
    ]
    optimiser = _optimiser(recipe, groups)
    rates = [group["lr"] for group in optimiser.param_groups]
    draw, order = torch.Generator().manual_seed(seed), torch.arange(0)
    for step in range(recipe.steps):
        at = torch.arange(n)
        if recipe.batch:
            if len(order) < recipe.batch:
                order = torch.randperm(n, generator=draw)
            at, order = order[: recipe.batch], order[recipe.batch :]
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * (recipe.schedule or (lambda _: 1.0))(step / recipe.steps)
        noise = recipe.label_noise * torch.randn(len(at), generator=draw, dtype=dtype)
        loss = ((outputs(X[at]) - Y[at] - noise) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    end = [layer.weight.detach().clone().numpy() for layer in (first, last)]
    return start[0], start[1][0], end[0], end[1][0]


def _optimiser(recipe: Recipe, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, recipe.rate, recipe.momentum)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[recipe.optimiser]
    return kind(groups, recipe.rate)


def _targets(kind: str, n: int, rng: np.random.Generator) -> FloatArray:
    if kind == "zero":
        return np.zeros(n)
    return rng.standard_normal(n) if kind == "random" else np.where(np.arange(n) % 2, 1.0, -1.0)


def _gaussian(n: int, d: int, rng: np.random.Generator) -> FloatArray:
    x = rng.standard_normal((n, d))
    return 2.5 * x / np.linalg.norm(x, axis=1, keepdims=True)


def _digits(n: int, rng: np.random.Generator) -> FloatArray:
    x = np.asarray(load_digits(return_X_y=True)[0], dtype=float)
    return (x - x.mean(axis=0))[rng.choice(len(x), n, replace=False)] / 16


def _near(eps: float) -> Change:
    def change(x: FloatArray, rng: np.random.Generator) -> FloatArray:
        step = rng.standard_normal(x.shape[1])
        x[-1] = x[0] + eps * step * np.linalg.norm(x[0]) / np.linalg.norm(step)
        return x

    return change


def _coplanar(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    x[-1] = x[0] * rng.uniform(0.4, 0.9) + x[1] * rng.uniform(0.4, 0.9)
    return x


def _scaled(factor: float) -> Change:
    def change(x: FloatArray, rng: np.random.Generator) -> FloatArray:
        del rng
        x[-1] *= factor
        return x

    return change


def _binary(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    del rng
    return 2.5 * np.sign(x) / np.sqrt(x.shape[1])


def _twin(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    del rng
    x[-1] = x[0]
    return x


def _cosine(s: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * s))


def _drops(s: float) -> float:
    return 1.0 if s < 0.3 else 0.1


S, D = Recipe(), Recipe(n=20, d=64, m=500, rate=1e-3, steps=3000)
SINGLE = replace(S, dtype="float32")
ADAM = replace(S, n=6, d=30, optimiser="adam", rate=1e-3)
DECAYED = replace(S, decay=(0.1, 0.1))
"""S decays by (1 - 3e-4)^1000 = .741."""

FAMILIES: dict[str, Family] = {
    "mini-batches of 5": Family(replace(S, batch=5), 20),
    "mini-batches of 5, float32": Family(replace(SINGLE, batch=5), 20),
    "mini-batches of 5, digits": Family(replace(D, batch=5), 5),
    "mini-batches of 5, digits, float32": Family(replace(D, batch=5, dtype="float32"), 5),
    "mini-batches of 2, momentum": Family(replace(S, batch=2, momentum=0.9)),
    "Adam": Family(ADAM, 12, linear=False),
    "Adam, 1 sample": Family(replace(ADAM, n=1), 6, linear=False),
    "Adam, 3 binary samples": Family(replace(ADAM, n=3), change=_binary, count=4, linear=False),
    "Adam, 10 steps": Family(replace(ADAM, steps=10), 4, linear=False),
    "Adam, more samples than dimensions": Family(replace(ADAM, n=30, d=20), 4, linear=False),
    "Adam, [0, .5, .7, 1]": Family(
        replace(ADAM, d=12, activation=(0, 0.5, 0.7, 1)), 4, linear=False
    ),
    "AdamW, float32": Family(
        replace(ADAM, optimiser="adamw", decay=(0.01, 0.01), dtype="float32"), 6, linear=False
    ),
    "Adam, digits": Family(replace(ADAM, n=20, d=64, m=500, steps=1000), 10, linear=False),
    **{
        f"near-duplicates {eps:g}": Family(S, change=_near(eps)) for eps in 10.0 ** -np.arange(1, 5)
    },
    **{
        f"near-duplicates {eps:g}, float32": Family(SINGLE, change=_near(eps))
        for eps in 10.0 ** -np.arange(1, 5)
    },
    "near-duplicates .01, n stated": Family(S, change=_near(0.01), stated={"n_samples": 6}),
    "equal samples": Family(S, change=_twin),
    "coplanar samples": Family(S, change=_coplanar),
    "coplanar samples, n stated": Family(
        S, change=_coplanar, stated={"n_samples": 6}, contradicted=None
    ),
    "a sample of .3 of the length": Family(S, change=_scaled(0.3)),
    "a sample of .03 of the length": Family(S, change=_scaled(0.03)),
    "a sample of .03 of the length, float32": Family(SINGLE, change=_scaled(0.03)),
    "a target met at the start": Family(replace(S, targets="met")),
    "targets 0": Family(replace(S, targets="zero")),
    "random targets": Family(replace(S, targets="random")),
    "fresh label noise": Family(replace(S, label_noise=0.5)),
    "wrong initial weights": Family(S, linear=False, other_start=True),
    "decay of the first layer alone": Family(replace(S, decay=(0.1, 0.0))),
    "decay of the second layer alone": Family(replace(S, decay=(0.0, 0.1))),
    "decay of both layers, unequal, float32": Family(replace(SINGLE, decay=(0.1, 0.03))),
    "momentum and decay": Family(replace(DECAYED, momentum=0.9, rate=5e-4)),
    "rates of the layers 1 to 3": Family(replace(S, ratio=3.0)),
    "cosine schedule": Family(replace(S, schedule=_cosine)),
    "rate drops to a tenth": Family(replace(S, schedule=_drops)),
    "early stop": Family(replace(S, steps=60)),
    "large rate": Family(replace(S, rate=0.05)),
    "few neurons": Family(replace(S, m=30)),
    "degree 4": Family(replace(S, n=5, activation=(0, 0, 0, 0, 1))),
    "[0, .5, .7, 1]": Family(replace(S, n=4, activation=(0, 0.5, 0.7, 1), rate=1e-3)),
    "one sample too few stated": Family(S, stated={"n_samples": 5}, contradicted=True),
    "one sample too many stated": Family(S, stated={"n_samples": 7}, contradicted=True),
    "stated rightly": Family(
        DECAYED,
        stated={"training": Training("squared", 3e-3, 0.0, 0.1, 1000, None, (1, -1) * 3)},
    ),
    "momentum, stated rightly": Family(
        replace(S, momentum=0.9, rate=3e-4),
        stated={"training": Training("squared", 3e-4, 0.9, 0.0, 1000)},
    ),
    "batches and momentum, stated rightly": Family(
        replace(S, momentum=0.9, rate=3e-4, batch=3),
        stated={"training": Training("squared", 3e-4, 0.9, 0.0, 1000, 3)},
    ),
    "decay stated, none was": Family(
        S, stated={"training": Training(rate=3e-3, weight_decay=0.1, steps=1000)}, contradicted=True
    ),
    "no decay stated, one was": Family(
        DECAYED, stated={"training": Training(weight_decay=0.0)}, contradicted=True
    ),
    "full batches stated, they were not": Family(
        replace(S, batch=2), stated={"training": Training("squared", batch=0)}
    ),
    "another loss stated": Family(S, stated={"training": Training("hinge", batch=5)}),
    "momentum stated, none was": Family(
        S, stated={"training": Training(momentum=0.9, steps=1000)}, contradicted=None
    ),
}
