"""Networks trained by many steps from known weights: the equations hold approximately only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from identify.arrays import FloatArray

from .geometry import beside
from .instances import (
    NOISY,
    Case,
    Rng,
    coefficients,
    form_count,
    gram_count,
    log_uniform,
    samples,
    told,
)

ACTIVATIONS: tuple[Any, ...] = (3, 3, 4, [0, 1, 0, 1], [0, 0.5, -0.2, 1], [0, 1, 0.5, 0.3])


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained on the squared loss.

    Attributes:
        steps: Number of steps.
        rate: In units of 1 over the largest eigenvalue of the first tangent kernel; Adam's own.
        centred: Whether the change of the outputs is fitted.
        output: Whether a is trained.
        hidden: Whether W is trained.
        momentum: Share of the last step that is repeated.
        batch: Samples per step, 0 for all.
        decay: Weight decay, in units of the rate.
        adam: Whether Adam takes the steps.
    """

    steps: int
    rate: float = 0.5
    centred: bool = True
    output: bool = True
    hidden: bool = True
    momentum: float = 0.0
    batch: int = 0
    decay: float = 0.0
    adam: bool = False


def descend(
    rng: Rng, x: FloatArray, y: FloatArray, a0: FloatArray, W0: FloatArray, c: Any, recipe: Recipe
) -> tuple[FloatArray, FloatArray] | None:
    """Train from (a0, W0); None where it diverges."""
    sigma = np.polynomial.Polynomial(c)
    slope = sigma.deriv()
    t = W0 @ x.T
    by_W = a0[:, None] * slope(t)
    kernel = recipe.output * sigma(t).T @ sigma(t) + recipe.hidden * (by_W.T @ by_W) * (x @ x.T)
    eta = recipe.rate if recipe.adam else recipe.rate / float(np.linalg.eigvalsh(kernel)[-1])
    goal = y + sigma(t).T @ a0 if recipe.centred else y
    theta = np.column_stack([W0, a0])
    velocity, square = np.zeros_like(theta), np.zeros_like(theta)
    order = np.arange(0)
    for k in range(1, recipe.steps + 1):
        size = recipe.batch or len(x)
        while len(order) < size:  # every sample once an epoch, so that each of them enters
            order = np.concatenate([order, rng.permutation(len(x))])
        seen, order = np.sort(order[:size]), order[size:]
        W, a = theta[:, :-1], theta[:, -1]
        t = W @ x[seen].T
        values = sigma(t)
        rho = goal[seen] - values.T @ a
        if not np.abs(rho).max() < 1e6 * (1 + np.abs(goal).max()):
            return None
        force = np.column_stack([(a[:, None] * slope(t) * rho) @ x[seen], values @ rho])
        force -= recipe.decay * theta
        force[:, -1] *= recipe.output
        force[:, :-1] *= recipe.hidden
        if recipe.adam:
            velocity = 0.9 * velocity + 0.1 * force
            square = 0.999 * square + 0.001 * force**2
            up = (velocity / (1 - 0.9**k)) / (np.sqrt(square / (1 - 0.999**k)) + 1e-8)
            theta = theta + eta * up
        else:
            velocity = recipe.momentum * velocity + force
            theta = theta + eta * velocity
    return theta[:, -1], theta[:, :-1]


def network(rng: Rng, recipe: Recipe, activation: Any = None) -> Case:
    """Train a small network; the truth is what it was trained on, to the model's own error."""
    activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))] if activation is None else activation
    c = coefficients(activation)
    n = int(rng.integers(2, 5))
    d = int(rng.integers(n, 9)) if recipe.hidden else int(rng.integers(n, 5))
    count = gram_count(n, c) if recipe.hidden else form_count(d, c)
    m = int(rng.choice([1.5, 3.0]) * count) + 8
    x = samples(rng, n, d, norms=not isinstance(activation, int))
    if rng.random() < 0.2:
        x[1] = beside(rng, x[0], log_uniform(rng, -6, -1))
    y = rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 2, n) * log_uniform(rng, -4, 0.3)
    a0, W0 = rng.standard_normal(m), log_uniform(rng, -0.4, 0) * rng.standard_normal((m, d))
    trained = None
    rate = 2 * recipe.rate
    while trained is None:
        rate /= 2
        trained = descend(rng, x, y, a0, W0, c, _slower(recipe, rate))
    a, W = trained
    words = f"{_slower(recipe, rate)}; targets to {np.abs(y).max():.1e}"
    options = {"activation": activation, "init": (a0, W0 if recipe.hidden else None)}
    moved = np.linalg.norm(W - W0) / np.linalg.norm(W0) + np.linalg.norm(a - a0)
    return told(rng, Case(a, W, options, x, None, NOISY, float(moved), words))


def _slower(recipe: Recipe, rate: float) -> Recipe:
    return replace(recipe, rate=rate)


def one_step(rng: Rng) -> Case:
    """One step of gradient descent on the squared loss, small or as large as it goes."""
    return network(rng, Recipe(1, log_uniform(rng, -3, 0), output=bool(rng.random() < 0.7)))


def few_steps(rng: Rng) -> Case:
    """2, 5 or 30 steps at different rates, both layers trained, lazily or not."""
    steps = int(rng.choice([2, 5, 30]))
    return network(rng, Recipe(steps, log_uniform(rng, -2, 0), bool(rng.random() < 0.5)))


def to_fit(rng: Rng) -> Case:
    """300 steps, which fit the targets or nearly."""
    return network(rng, Recipe(300, 0.7, bool(rng.random() < 0.7), bool(rng.random() < 0.7)))


def frozen_hidden(rng: Rng) -> Case:
    """The output layer alone, many steps: a linear model, so the equations are exact."""
    return network(rng, Recipe(int(rng.choice([3, 30, 300])), 0.7, hidden=False))


def with_momentum(rng: Rng) -> Case:
    """Heavy-ball momentum."""
    return network(rng, Recipe(int(rng.choice([5, 100])), 0.1, momentum=0.9))


def in_batches(rng: Rng) -> Case:
    """One or two samples per step."""
    return network(rng, Recipe(int(rng.choice([5, 100])), 0.3, batch=int(rng.integers(1, 3))))


def with_decay(rng: Rng) -> Case:
    """Weight decay on both layers, a few steps to many."""
    steps = int(rng.choice([5, 100]))
    return network(rng, Recipe(steps, 0.3, decay=log_uniform(rng, -4, 0)))


def by_adam(rng: Rng) -> Case:
    """Adam, whose change is no sum of gradients."""
    return network(rng, Recipe(int(rng.choice([1, 5, 100])), log_uniform(rng, -4, -2), adam=True))


def decayed_to_kkt(rng: Rng) -> Case:
    """Many steps with weight decay, then read as a KKT point without the initial weights."""
    case = network(rng, Recipe(400, 0.3, False, decay=log_uniform(rng, -1, 1)), 3)
    return told(rng, Case(case.a, case.W, {}, case.x, None, NOISY, 1.0, case.words))
