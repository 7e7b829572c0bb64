"""Moments: read off the weights as they are of the truth, and kept by every set drawn."""

from __future__ import annotations

import cases
import numpy as np
import pytest
from cases import AMBIGUOUS
from truth import posed

from identify.equations.activation import parse_activation
from identify.tensor.interpolation import interpolate
from identify.undetermined.margins import with_margin
from identify.undetermined.moment_sets import linear_set, quadratic_set
from identify.undetermined.moments import moments_of

ACTIVATIONS = [1, 2, [0, 1, 1], [1, 1], [1, 0, 1], [0.5, 1, 1]]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_moments_are_those_of_the_truth(activation):
    """One step from W0: the equations at W0 are exact, and enough of them."""
    rng = np.random.default_rng(3)
    x, b = cases.samples(rng, 3, 5, norms=True), cases.signed(rng, 3)
    case = cases.gradient_step(rng, x, 0.3 * b, activation, 30, AMBIGUOUS)
    problem = posed(case, "initial") if "init" in case.options else posed(case)
    found = moments_of(problem, interpolate(problem.equations, problem.evaluations.rounding))
    c, b = cases.coefficients(activation), case.b
    seen = [c[k] != 0 if k < len(c) else False for k in range(3)]
    assert (found.total is not None, found.v is not None, found.matrix is not None) == tuple(seen)
    for moment, true in ((found.total, b.sum()), (found.v, b @ x), (found.matrix, (x.T * b) @ x)):
        if moment is not None:
            np.testing.assert_allclose(moment, true, atol=1e-10)
    if found.matrix is not None:
        assert found.rank == 3
    drawn = [found.draw(found.fewest + k % 3, rng) for k in range(12)]
    assert sum(one is not None for one in drawn) >= 6
    for y, e in filter(None, drawn):
        size = np.abs(e) @ np.sum(y**2, axis=1)
        for moment, kept in (
            (found.total, e.sum()),
            (found.v, e @ y),
            (found.matrix, (y.T * e) @ y),
        ):
            if moment is not None:
                np.testing.assert_allclose(kept, moment, atol=1e-10 * max(1.0, size))


def test_sets_of_a_size_that_is_determined_are_not_drawn():
    rng = np.random.default_rng(0)
    assert linear_set(np.ones(3), 1, rng) is None
    assert linear_set(np.ones(1), 2, rng) is None
    assert linear_set(np.zeros(3), 2, rng) is None
    assert quadratic_set(np.diag([1.0, 2.0, 0.0]), 1, rng) is None
    assert quadratic_set(np.ones((1, 1)), 2, rng) is None
    x, b = quadratic_set(np.diag([1.0, 0.0, 0.0]), None, rng)
    assert len(x) == 3  # three squares of a plane
    np.testing.assert_allclose((x.T * b) @ x, np.diag([1.0, 0.0, 0.0]), atol=1e-12)


def test_indefinite_matrices_keep_the_number_of_negative_weights():
    """Sylvester's law of inertia: Q^T S Q = S."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        x, b = cases.samples(rng, 4, 6), cases.signed(rng, 4)
        y, e = quadratic_set((x.T * b) @ x, 4, rng)
        assert (e < 0).sum() == (b < 0).sum()
        np.testing.assert_allclose(np.linalg.norm(y, axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("alpha", [1, 2, 3])
def test_scaling_to_a_margin_keeps_the_equations(alpha):
    rng = np.random.default_rng(alpha)
    a, W, x = rng.standard_normal(6), rng.standard_normal((6, 4)), rng.standard_normal((3, 4))
    b = np.sign((x @ W.T) ** alpha @ a) * rng.uniform(0.5, 2, 3)
    y, e = with_margin((x, b), parse_activation(alpha), a, W, 0.7)
    np.testing.assert_allclose(np.sign(e) * ((y @ W.T) ** alpha @ a), 0.7)
    w = rng.standard_normal(4)
    np.testing.assert_allclose((e * (y @ w) ** (alpha - 1)) @ y, (b * (x @ w) ** (alpha - 1)) @ x)
    assert with_margin((x, -b), parse_activation(alpha), a, W, 0.7) is None
