"""identify.equations.span: what is said whatever the model, and only where noise shows it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from identify.equations.activation import parse_activation
from identify.equations.pose import pose
from identify.equations.span import seen_records, span_of_samples
from identify.equations.weights import as_weights


def problem_of(*, n=5, d=30, m=40, noise=1e-7, unused=0, seed=0):
    """Weights that left their start by combinations of n samples, noise beside them."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    x[:, :unused] = 0
    W0, a0 = rng.standard_normal((m, d)), rng.standard_normal(m)
    stir = noise * rng.standard_normal((m, d))
    stir[:, :unused] = 0
    W = W0 + 0.05 * rng.standard_normal((m, n)) @ x + stir
    weights = as_weights(a0 + 0.1 * rng.standard_normal(m), W, (a0, W0))
    return pose(weights, parse_activation(3)), x


@pytest.mark.parametrize("noise", [1e-12, 1e-7, 1e-4])
@pytest.mark.parametrize("unused", [0, 10])
def test_the_span_is_that_of_the_samples(noise, unused):
    problem, x = problem_of(noise=noise, unused=unused)
    found = seen_records(problem)
    assert found is not None
    assert (found.rank, found.moved) == (5, 30 - unused)
    space = found.right[:5]
    outside = np.linalg.norm(x - x @ space.T @ space, axis=1)
    assert np.all(outside < 100 * noise)
    values = np.linalg.svd(problem.weights.W - problem.weights.W0, compute_uv=False)
    said = span_of_samples(problem)
    assert f"5 of 30 dimensions ({30 - unused} moved), singular values 5 and 6" in said
    factor = float(re.search(r"a factor (\d+)", said)[1])
    assert factor == pytest.approx(values[4] / values[5], rel=0.05, abs=1)
    assert "At least 5 samples" in said


def test_a_full_set_of_columns_is_no_evidence():
    """Seven columns that moved beside the span are too few to tell records from inputs."""
    for unused, shown in ((17, True), (18, False)):
        problem, _ = problem_of(unused=unused)
        assert (span_of_samples(problem) is not None) is shown


@pytest.mark.parametrize("kind", ["no gap", "no noise left", "other setting", "another dimension"])
def test_nothing_is_said_without_a_gap_above_noise(kind):
    problem, _ = problem_of()
    weights = problem.weights
    if kind == "no gap":
        steps = np.sign(weights.W - weights.W0)  # as Adam takes them
        problem = replace(problem, weights=replace(weights, W=weights.W0 + 1e-3 * steps))
    elif kind == "no noise left":
        problem, _ = problem_of(n=25, d=30)
    elif kind == "other setting":
        problem = pose(as_weights(weights.a, weights.W, (weights.a0, None)), parse_activation(3))
    else:
        space = replace(problem.space, basis=problem.space.basis[:, :4])
        problem = replace(problem, space=space)
    assert seen_records(problem) is None
    assert span_of_samples(problem) is None
