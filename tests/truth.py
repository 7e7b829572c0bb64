"""Slow twins and known truths that several test files share."""

from __future__ import annotations

import cases
import numpy as np
from cases import AMBIGUOUS, Case

from identify import synthesize_kkt
from identify.equations.activation import parse_activation
from identify.equations.pose import Problem, pose
from identify.equations.weights import as_weights
from identify.points.patterns import enumerate_patterns


def train_exponential(x, y, neurons, seed, steps=6000):
    """Follow normalised gradient descent on the exponential loss, which keeps the gradient flow's
    path.
    """
    rng = np.random.default_rng(seed)
    W, a = 0.3 * rng.standard_normal((neurons, x.shape[1])), 0.3 * rng.standard_normal(neurons)
    for _ in range(steps):
        t = W @ x.T
        margins = y * (a @ t**3)
        share = np.exp(margins.min() - margins)
        share *= y / share.sum()
        by_a, by_w = t**3 @ share, (3 * a[:, None] * t**2 * share) @ x
        size = np.sqrt(np.sum(by_a**2) + np.sum(by_w**2))
        norm = np.sqrt(np.sum(a**2) + np.sum(W**2))
        a, W = a + 0.02 * norm * by_a / size, W + 0.02 * norm * by_w / size
        if norm > 1e3:
            a, W = a / norm, W / norm
    norm = np.sqrt(np.sum(a**2) + np.sum(W**2))
    return a / norm, W / norm


def posed(case: Case) -> Problem:
    weights = as_weights(case.a, case.W, case.options.get("init"))
    return pose(weights, parse_activation(case.options.get("activation", 3)))


def few_directions(rng) -> Case:
    """A cubic KKT point with fewer neurons than samples: K r < n r unknowns."""
    n = int(rng.integers(3, 6))
    labels = rng.choice([-1, 1], n)
    patterns = enumerate_patterns(labels, 3)
    chosen = patterns[:0]
    while not np.abs(chosen).any(axis=0).all():
        chosen = patterns[rng.permutation(len(patterns))[: int(rng.integers(1, n))]]
    x = cases.orthonormal(rng, n, int(rng.integers(n, 9)), rng.choice([0.0, 0.05]))
    point = synthesize_kkt(x, labels, 3, directions=chosen)
    return Case(point.a, point.W, {"n_samples": n}, point.x, point.b, AMBIGUOUS)
