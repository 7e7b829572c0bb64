"""Slow twins and known truths that several test files share."""

from __future__ import annotations

import cases
import numpy as np
import pytest
from cases import AMBIGUOUS, Case, unit, witness_residual

from identify import synthesize_kkt
from identify.equations.activation import parse_activation
from identify.equations.pose import Problem, pose
from identify.equations.weights import as_weights
from identify.points.patterns import enumerate_patterns
from identify.undetermined.sample_equations import SampleEquations


def train_exponential(x, y, neurons, seed, steps=6000):
    """Weights (a, W) of unit norm after normalised gradient descent on the exponential loss."""
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


def posed(case: Case, base: str | None = None) -> Problem:
    """The equations of a case, at the base point of that name."""
    weights = as_weights(case.a, case.W, case.options.get("init"))
    problem = pose(weights, parse_activation(case.options.get("activation", 3)))
    return problem if base in {None, problem.evaluations.base} else problem.other()


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


def coordinates(case: Case, system: SampleEquations) -> np.ndarray:
    """The true samples of a cubic case in the coordinates of the system, all with b_i = 1."""
    return case.x * np.cbrt(case.b)[:, None] @ system.forms.basis * system.forms.sigma


def low_degree_point(rng, alpha, n=3, d=5) -> Case:
    """A KKT point of degree 1 or 2, of orthogonal or nearly orthogonal samples."""
    x = cases.orthonormal(rng, n, d, 0.05 * (alpha == 1)) * rng.uniform(0.7, 1.4, (n, 1))
    labels = rng.choice([-1, 1], n)
    count = 4 if alpha == 1 else 2
    point = synthesize_kkt(x, labels, alpha, multiplicities=count, seed=int(rng.integers(99)))
    return Case(point.a, point.W, {"activation": alpha}, point.x, point.b, AMBIGUOUS)


def assert_witnessed(case: Case, report) -> None:
    """Both sets satisfy the equations, and they differ."""
    for fitted in (report.recovery, report.witness):
        assert witness_residual(case, fitted) <= 1e-8
    one, other = unit(report.recovery.x), unit(report.witness.x)
    chords = np.sqrt(np.maximum(2 - 2 * np.abs(one @ other.T), 0))
    distance = max(chords.min(axis=0).max(), chords.min(axis=1).max())
    assert distance > 1e-3
    assert report.witness.distance == pytest.approx(distance, rel=1e-6)
    assert not np.isfinite(report.recovery.error_bound).any()
