"""Steps in the coordinates of the samples: against the formed Jacobian, and where others stall."""

from __future__ import annotations

import numpy as np
import pytest

from identify.equations.activation import Polynomial, parse_activation
from identify.equations.system import Equations
from identify.recovery import conjugate, levenberg, whitened
from identify.recovery.levenberg import refine
from identify.recovery.sensitivity import dense_jacobian
from identify.recovery.whitened import whitens

CUBIC, QUARTIC = parse_activation(3), parse_activation(4)


def leaning(n, *, m, activation=CUBIC, common=3.0, noise=0.0, seed=0):
    """Samples with a common part of that size: their angles are small, as those of photographs."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, n)) + common * rng.standard_normal(n)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    b = np.ones(n) if activation.degree % 2 else rng.choice([-1.0, 1.0], n)
    points, scale = rng.standard_normal((m, n)), rng.standard_normal(m)
    blank = Equations(activation, points, scale, np.zeros((m, n)), False, False)
    right = blank.predict(x, b)
    right += noise * np.linalg.norm(right) * rng.standard_normal((m, n)) / np.sqrt(m * n)
    return blank.with_right_side(right), x, b


def in_samples(equations, x, b):
    """The Jacobian by d, dx_k = sum_i d_ki x_i, of the equations in the basis of the samples."""
    m, n = equations.right_side.shape
    J = dense_jacobian(equations, x, b).reshape(m, n, n, n)
    J = np.einsum("jckr,ir->jcki", J, x)
    return np.einsum("jcki,cl->jlki", J, np.linalg.inv(x)).reshape(m * n, n * n)


@pytest.mark.parametrize("activation", [CUBIC, QUARTIC], ids=str)
def test_products_and_steps_are_those_of_the_jacobian(activation, monkeypatch):
    equations, x, b = leaning(5, m=60, activation=activation)
    off = x + 0.01 * np.random.default_rng(1).standard_normal(x.shape)
    J, normal = in_samples(equations, off, b), whitened._Normal(equations, off, b)
    left = equations.residual(off, b) @ np.linalg.inv(off)
    np.testing.assert_allclose(normal.gradient(left).ravel(), J.T @ left.ravel(), rtol=1e-9)
    np.testing.assert_allclose(normal.unit.ravel(), np.linalg.norm(J, axis=0), rtol=1e-9)
    d = np.random.default_rng(2).standard_normal((5, 5))
    np.testing.assert_allclose(normal.times(d).ravel(), J.T @ J @ d.ravel(), rtol=1e-9)
    monkeypatch.setattr(whitened, "_SHARE", 1e-12)
    D = np.linalg.norm(J, axis=0)
    exact = np.linalg.solve(J.T @ J / np.outer(D, D) + 1e-3 * np.eye(25), J.T @ left.ravel() / D)
    step = (exact / D).reshape(5, 5) @ off
    np.testing.assert_allclose(normal.step(left, 1e-3), step, rtol=1e-6, atol=1e-9)


def test_it_gets_on_where_conjugate_gradients_stall(monkeypatch):
    """Samples of a condition of 2,800, as photographs have: products of J alone go nowhere."""
    equations, x, b = leaning(12, m=600)
    start = x + 1e-3 * np.random.default_rng(1).standard_normal(x.shape)
    scale = np.linalg.norm(equations.right_side)
    monkeypatch.setattr(levenberg, "LARGE", 0)
    monkeypatch.setattr(conjugate, "_STEPS", 30)  # of 144 unknowns
    with_them = refine(equations, start, b)
    monkeypatch.setattr(levenberg, "whitens", lambda *_: False)
    without = refine(equations, start, b)
    assert with_them.residual < 1e-12 * scale
    assert without.residual > 1e3 * with_them.residual
    assert np.abs(with_them.x - x).max() < 1e-8


def test_the_samples_are_never_worse_by_the_equations_as_they_are():
    """Noise in them, and dependent samples: the other metric weighs it otherwise."""
    for seed in range(10):
        equations, x, b = leaning(6, m=60, common=30.0, noise=1e-3, seed=seed)
        seen: list[float] = []
        found = whitened.whitened(equations, x, b, progress=seen.append)
        before, after = (np.linalg.norm(equations.residual(at, b)) for at in (x, found))
        assert after <= before
        assert seen == sorted(seen, reverse=True)
        if seen:
            assert after == pytest.approx(seen[-1] * np.linalg.norm(equations.right_side))


def test_what_it_is_for():
    equations, x, _ = leaning(5, m=60)
    assert whitens(equations, x)
    assert not whitens(equations, x[:4])
    assert not whitens(equations, np.vstack([x[:4], x[:1] + 1e-12]))
    mixed, right = Polynomial((0.0, 1.0, 0.5, 0.3)), equations.right_side
    for by_value, free_b in [(True, False), (False, True)]:
        other = Equations(
            mixed,
            equations.points,
            equations.scale,
            right[:, :1] if by_value else right,
            by_value,
            free_b,
        )
        assert not whitens(other, x)
