"""identify.recovery.levenberg against a dense Jacobian by automatic differentiation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from equation_cases import N, R, by_values, case, close, dense_jacobian, every, free, solvable, twin

from identify.equations import system
from identify.equations.system import jacobian_product, normal_matrix, residual_gradient
from identify.recovery.fit import Fit, project_out
from identify.recovery.levenberg import refine


@every
@by_values
@free
def test_against_dense_jacobian(name, by_value, free_b):
    equations, x, b = case(name, by_value=by_value, free_b=free_b)
    left, unknowns = twin(equations, x, b)
    close(equations.predict(x, b).ravel(), left(unknowns).numpy())
    jacobian = dense_jacobian(equations, x, b)
    close(normal_matrix(equations, x, b), jacobian.T @ jacobian)
    rng = np.random.default_rng(1)
    residual = rng.standard_normal(equations.right_side.shape)
    along = residual_gradient(equations, x, b, residual)
    assert along.shape == (N, R + free_b)
    close(along.ravel(), jacobian.T @ residual.ravel())
    if not by_value:
        step = rng.standard_normal((N, R + free_b))
        close(jacobian_product(equations, x, b, step).ravel(), jacobian @ step.ravel())


@every
@free
@pytest.mark.parametrize("chunk", [1, 100, 13 * N * R])
def test_chunks_change_nothing(name, free_b, chunk, monkeypatch):
    equations, x, b = case(name, by_value=False, free_b=free_b)
    whole = normal_matrix(equations, x, b)
    monkeypatch.setattr(system, "_CHUNK", chunk)
    close(normal_matrix(equations, x, b), whole, 1e-13)


@solvable
def test_project_out_against_dense_projector(name, free_b):
    equations, x, b = case(name, by_value=False, free_b=free_b)
    fit = refine(equations, x, b)
    jacobian = dense_jacobian(equations, fit.x, fit.b)
    change = np.random.default_rng(2).standard_normal(equations.right_side.shape)
    q, _ = np.linalg.qr(jacobian)
    expected = change.ravel() - q @ (q.T @ change.ravel())
    left = project_out(equations, fit, change)
    close(left.ravel(), expected, 1e-7)
    close(project_out(equations, fit, left), left, 1e-7)
    followed = (jacobian @ np.ones(jacobian.shape[1])).reshape(change.shape)
    rest = project_out(equations, fit, followed)
    assert np.linalg.norm(rest) < 1e-7 * np.linalg.norm(followed)


@solvable
@by_values
@pytest.mark.parametrize("chord", [False, True])
def test_refine_converges_from_nearby(name, free_b, by_value, chord):
    equations, x, b = case(name, by_value=by_value, free_b=free_b, m=60)
    rng = np.random.default_rng(3)
    start = x + 1e-3 * rng.standard_normal(x.shape)
    start_b = b + 1e-3 * rng.standard_normal(N) if free_b else b
    seen: list[float] = []
    fit = refine(equations, start, start_b, chord=chord, progress=seen.append)
    assert isinstance(fit, Fit)
    assert fit.converged
    np.testing.assert_allclose(fit.x, x, atol=1e-9)
    np.testing.assert_allclose(fit.b, b, atol=1e-9)
    assert fit.residual == pytest.approx(np.linalg.norm(equations.residual(fit.x, fit.b)), abs=0)
    assert seen == sorted(seen, reverse=True)


def test_refine_is_stationary_under_noise():
    equations, x, b = case("mixed", by_value=False, free_b=True)
    noise = 1e-3 * np.random.default_rng(4).standard_normal(equations.right_side.shape)
    noisy = replace(equations, right_side=equations.right_side + noise)
    fit = refine(noisy, x, b)
    jacobian = dense_jacobian(noisy, fit.x, fit.b)
    residual = noisy.residual(fit.x, fit.b).ravel()
    cosine = np.abs(jacobian.T @ residual) / np.linalg.norm(jacobian, axis=0)
    assert cosine.max() < 1e-4 * np.linalg.norm(residual)
    assert np.linalg.norm(residual) < np.linalg.norm(noise)
