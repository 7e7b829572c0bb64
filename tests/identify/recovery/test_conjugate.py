"""Steps by conjugate gradients: those of the normal matrix, which is never formed."""

from __future__ import annotations

import numpy as np
import pytest

from identify.equations.activation import Polynomial, parse_activation
from identify.equations.system import Equations
from identify.recovery import levenberg
from identify.recovery.conjugate import ConjugateSteps, JacobianProducts, alike
from identify.recovery.levenberg import refine
from identify.recovery.sensitivity import dense_jacobian

MIXED = Polynomial((0.0, 1.0, 0.5, 0.3))


def equations_of(activation, *, n=6, r=7, m=90, twins=0.0, noise=0.0, seed=0):
    """Equations at Gaussian points; samples 0 and 1 ``twins`` apart where that is given."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, r))
    if twins:
        x[1] = x[0] + twins * rng.standard_normal(r)
    free_b = not activation.is_power
    b = rng.uniform(0.5, 2, n) if free_b else np.ones(n)
    points, scale = rng.standard_normal((m, r)), rng.standard_normal(m)
    blank = Equations(activation, points, scale, np.zeros((m, r)), False, free_b)
    right = blank.predict(x, b)
    right += noise * np.linalg.norm(right) * rng.standard_normal((m, r)) / np.sqrt(m * r)
    return blank.with_right_side(right), x, b


@pytest.mark.parametrize("activation", [parse_activation(3), parse_activation(4), MIXED], ids=str)
def test_products_and_steps_are_those_of_the_jacobian(activation):
    equations, x, b = equations_of(activation)
    J, linear = dense_jacobian(equations, x, b), JacobianProducts(equations, x, b)
    rng = np.random.default_rng(1)
    step = rng.standard_normal((len(x), J.shape[1] // len(x)))
    R = rng.standard_normal(equations.right_side.shape)
    np.testing.assert_allclose(linear.times(step).ravel(), J @ step.ravel(), rtol=1e-10, atol=1e-9)
    along = linear.transposed_times(R)
    np.testing.assert_allclose(along.ravel(), J.T @ R.ravel(), rtol=1e-10, atol=1e-9)
    steps = ConjugateSteps(equations, x, b, 1e-3)
    steps.forced = 1e-11
    D = steps.unit.ravel()
    np.testing.assert_allclose(D, np.linalg.norm(J, axis=0), rtol=1e-10)
    exact = np.linalg.solve(J.T @ J / np.outer(D, D) + 1e-3 * np.eye(len(D)), along.ravel() / D) / D
    np.testing.assert_allclose(steps.solve(along).ravel(), exact, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("activation", [parse_activation(3), MIXED], ids=str)
@pytest.mark.parametrize("twins", [0.0, 0.3, 0.03])
def test_refinement_ends_where_that_of_the_normal_matrix_ends(activation, twins, monkeypatch):
    equations, x, b = equations_of(activation, twins=twins, noise=1e-6, n=5, m=200)
    start = x + 1e-3 * np.random.default_rng(2).standard_normal(x.shape)
    dense = refine(equations, start, b)
    monkeypatch.setattr(levenberg, "LARGE", 0)
    ours = refine(equations, start, b)
    assert ours.factor is None
    assert ours.residual <= dense.residual * (1 + 1e-3)
    # what twins share among each other is bent, and hardly told
    assert np.linalg.norm(ours.x[2:] - dense.x[2:]) < 1e-6
    assert np.linalg.norm(ours.x[:2].mean(0) - dense.x[:2].mean(0)) < 1e-3 * max(twins, 1e-3)


def test_groups_hold_what_resembles_each_other():
    x = np.eye(9)
    x[3] += 3 * x[0]
    x[5] += 3 * x[0]
    x[7] -= 3 * x[6]
    assert sorted(sorted(g) for g in alike(x)) == [[0, 3, 5], [1], [2], [4], [6, 7], [8]]
    same = np.ones((11, 4)) + 1e-3 * np.random.default_rng(0).standard_normal((11, 4))
    groups = alike(same)
    assert sorted(i for g in groups for i in g) == list(range(11))
    assert max(len(g) for g in groups) == 4
