"""Sensitivity and majorant against automatic derivatives and solutions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from equation_cases import ACTIVATIONS, N, R, by_values, case, close, solvable, twin
from equation_cases import dense_jacobian as reference_jacobian

from identify.recovery import sensitivity as module
from identify.recovery.bounds import curvatures, local_bounds
from identify.recovery.levenberg import refine
from identify.recovery.majorant import _curvature, majorant_bounds
from identify.recovery.sensitivity import beyond_reach, dense_jacobian, sensitivity


@by_values
@pytest.mark.parametrize("free_b", [False, True])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dense_jacobian_against_automatic_differentiation(name, by_value, free_b):
    equations, x, b = case(name, by_value=by_value, free_b=free_b)
    close(dense_jacobian(equations, x, b), reference_jacobian(equations, x, b))


@solvable
@by_values
@pytest.mark.parametrize("formed", [True, False])
def test_sensitivity_is_the_norm_of_the_blocks_of_the_pseudo_inverse(
    name, free_b, by_value, formed, monkeypatch
):
    if not formed:
        monkeypatch.setattr(module, "FORMED", 0)
    equations, x, b = case(name, by_value=by_value, free_b=free_b, m=60)
    fit = refine(equations, x, b)
    inverse = np.linalg.pinv(reference_jacobian(equations, fit.x, fit.b))
    blocks = inverse.reshape(N, R + free_b, -1)
    found = sensitivity(equations, fit)
    np.testing.assert_allclose(found.x, [np.linalg.norm(p[:R], 2) for p in blocks], rtol=1e-6)
    if free_b:
        expected = [np.linalg.norm(p[R]) for p in blocks] / np.abs(fit.b)
        np.testing.assert_allclose(found.b, expected, rtol=1e-6)
    else:
        assert not found.b.any()


def near_duplicates(angle):
    """Free-b equations at an exact solution two samples of which are ``angle`` apart."""
    equations, x, b = case("odd", by_value=False, free_b=True, m=200)
    x[1] = x[0] + angle * x[1]
    return equations.with_right_side(equations.predict(x, b)), x, b


def test_a_null_direction_is_not_hidden_by_the_normal_matrix():
    """At 1e-5 the smallest singular value is far below the root of the rounding."""
    equations, x, b = near_duplicates(1e-5)
    fit = replace(refine(equations, x, b), x=x, b=b)
    J = reference_jacobian(equations, x, b)
    scaled = J / np.linalg.norm(J, axis=0)
    assert np.linalg.svd(scaled, compute_uv=False)[-1] < 1e-9
    found = sensitivity(equations, fit)
    inverse = np.linalg.pinv(scaled, rcond=1e-15) / np.linalg.norm(J, axis=0)[:, None]
    expected = [np.linalg.norm(p[:R], 2) for p in inverse.reshape(N, R + 1, -1)]
    if found.known:
        np.testing.assert_allclose(found.x, expected, rtol=0.1)
    else:
        assert np.all(np.isinf(found.x))


def test_what_cannot_be_factored_is_unbounded(monkeypatch):
    equations, x, b = near_duplicates(1e-3)
    fit = refine(equations, x, b)
    assert sensitivity(equations, fit).known
    monkeypatch.setattr(module, "FORMED", 0)  # the normal matrix is not clear of rounding
    assert np.all(np.isinf(sensitivity(equations, fit).x))


@solvable
@by_values
def test_beyond_reach_is_orthogonal_to_the_jacobian(name, free_b, by_value):
    equations, x, b = case(name, by_value=by_value, free_b=free_b, m=60)
    fit = refine(equations, x, b)
    change = np.random.default_rng(0).standard_normal((5, equations.right_side.size))
    left = beyond_reach(sensitivity(equations, fit), change)
    J = reference_jacobian(equations, fit.x, fit.b)
    projector = np.eye(len(J)) - J @ np.linalg.pinv(J)
    close(left, change @ projector, 1e-8)


@solvable
@by_values
def test_curvature_in_every_direction_against_automatic_differentiation(name, free_b, by_value):
    equations, x, b = case(name, by_value=by_value, free_b=free_b, m=30)
    fit = refine(equations, x, b)
    directions = sensitivity(equations, fit).directions
    left, unknowns = twin(equations, fit.x, fit.b)
    H = torch.func.jacrev(torch.func.jacrev(left))(unknowns).numpy()
    V = directions.moves.reshape(unknowns.numel(), -1)
    expected = np.einsum("rxy,rp,xi,yj->pij", H, directions.left, V, V)
    close(_curvature(equations, fit, directions.left, directions.moves), np.abs(expected), 1e-9)


@solvable
@by_values
@pytest.mark.parametrize("size", [1e-9, 1e-7, 1e-5])
def test_bounds_cover_the_solution_of_disturbed_equations(name, free_b, by_value, size):
    """An adverse error, along the weakest direction, moves the solution within every bound."""
    equations, x, b = case(name, by_value=by_value, free_b=free_b, m=60)
    fit = refine(equations, x, b)
    found = sensitivity(equations, fit)
    error = size * float(np.linalg.norm(equations.right_side))
    K, _ = curvatures(equations, fit)
    for bounds in (
        majorant_bounds(equations, fit, found, error, K),
        local_bounds(equations, fit, found, error),
    ):
        assert bounds is not None
        for p in (-1, 0, N):
            e = error * found.directions.left[:, p].reshape(equations.right_side.shape)
            moved = refine(equations.with_right_side(equations.right_side + e), fit.x, fit.b)
            distance = np.linalg.norm(moved.x - fit.x, axis=1)
            assert np.all(distance <= bounds + 1e-13)
            if p == -1 and size < 1e-5:  # and not by accident: the weakest direction comes close
                assert np.any(distance > 0.1 * bounds)


def test_no_majorant_where_the_error_is_too_large():
    equations, x, b = near_duplicates(1e-2)
    fit = refine(equations, x, b)
    found, (K, _) = sensitivity(equations, fit), curvatures(equations, fit)
    size = float(np.linalg.norm(equations.right_side))
    assert majorant_bounds(equations, fit, found, 1e-15 * size, K) is not None
    assert majorant_bounds(equations, fit, found, 1e-3 * size, K) is None
    assert np.all(np.isinf(local_bounds(equations, fit, found, 1e-3 * size)))
