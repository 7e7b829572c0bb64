"""Many unknowns: conjugate gradients agree with the decomposition, and so does the spectrum."""

from __future__ import annotations

import numpy as np
import pytest

from identify.tensor import interpolation, least_squares
from identify.tensor import normal as module
from identify.tensor.features import monomial_features
from identify.tensor.least_squares import solve_least_squares
from identify.tensor.normal import Normal, RowBlocks, quadrature


@pytest.fixture(autouse=True)
def few_entries_at_a_time(monkeypatch):
    monkeypatch.setattr(module, "_ENTRIES", 700)
    monkeypatch.setattr(module, "_BY_NORMAL", 1500)


def rows(X):
    return RowBlocks(X.shape, lambda part: X[part])


def conditioned(m, N, condition, seed=0):
    """A matrix whose singular values fall from 1 to 1 / condition, its columns of any length."""
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.standard_normal((m, N)))[0]
    right = np.linalg.qr(rng.standard_normal((N, N)))[0]
    return (left * np.geomspace(1, 1 / condition, N)) @ right * rng.uniform(0.1, 10, N)


def test_products_are_those_of_the_matrix():
    rng = np.random.default_rng(0)
    X, A, B = (rng.standard_normal(s) for s in ((90, 40), (40, 3), (90, 2)))
    given = rows(X)
    np.testing.assert_allclose(given.times(A), X @ A, rtol=1e-12)
    np.testing.assert_allclose(given.transposed_times(B), X.T @ B, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(given.normal_times(A), X.T @ (X @ A), rtol=1e-11, atol=1e-11)
    N = given.normal(np.ones(40), single=False)
    np.testing.assert_allclose(np.tril(N), np.tril(X.T @ X), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("condition", [3.0, 1e3, 1e5])
def test_solutions_and_the_smallest_singular_value(condition):
    X = conditioned(200, 60, condition)
    found, values = Normal(rows(X)), np.linalg.svd(X, compute_uv=False)
    assert not found.singular
    double = found.factor[0].dtype == np.float64
    assert double == (condition > 10)  # beyond 100 the normal matrix needs its digits
    assert found.values[-1] == pytest.approx(values[-1], rel=1e-6)
    assert found.values[0] == pytest.approx(values[0], rel=1e-3)
    c = X.T @ np.random.default_rng(1).standard_normal((200, 3))
    A = np.linalg.lstsq(X, np.linalg.lstsq(X.T, c, rcond=None)[0], rcond=None)[0]
    np.testing.assert_allclose(
        found.solve(c), A, rtol=0, atol=1e-13 * condition**2 * np.abs(A).max()
    )


def test_a_singular_matrix_is_called_so():
    X = conditioned(100, 30, 10.0)
    X[:, 3] = X[:, 5] - X[:, 7]
    assert solve_with(X, 1).rank < 30
    X[:, 3] = 0
    assert solve_with(X, 1).rank < 30


def solve_with(X, limit, q=2, noise=0.0):
    rng = np.random.default_rng(2)
    right = X @ rng.standard_normal((X.shape[1], q)) + noise * rng.standard_normal((len(X), q))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(least_squares, "SVD_LIMIT", limit)
        return solve_least_squares(rows(X), right, 1e-16)


@pytest.mark.parametrize("noise", [0.0, 1e-6, 30.0])
def test_both_ways_judge_alike(noise):
    X = conditioned(150, 40, 30.0)
    ours, exact = solve_with(X, 1, noise=noise), solve_with(X, 1000, noise=noise)
    assert ours.determined == exact.determined
    assert ours.residual == pytest.approx(exact.residual, rel=1e-6, abs=1e-13)
    if exact.determined:
        np.testing.assert_allclose(ours.A, exact.A, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(X.T @ ours.dual, exact.A, rtol=1e-8, atol=1e-9)


def test_the_density_of_a_spectrum():
    squares = np.sort(np.random.default_rng(0).uniform(1, 4, 5000))[::-1]
    found = quadrature(lambda v: squares * v, 5000)
    assert np.abs(found - squares).max() < 0.1
    assert found[0] == pytest.approx(squares[0], rel=1e-3)
    assert np.all(np.diff(found) <= 0)


@pytest.mark.parametrize("r", [1, 2, 5])
def test_quadratic_forms_in_few_nodes(r):
    rng = np.random.default_rng(r)
    features = monomial_features(np.eye(r), 2).shape[1]
    A, w = rng.standard_normal((features, r)), rng.standard_normal((6, r))
    tensor = interpolation._of_quadratic_forms(A, 1.7)
    cubic = np.sum(monomial_features(w / 1.7, 2) @ A * w, axis=1)
    np.testing.assert_allclose(tensor.p(w), cubic, rtol=1e-11, atol=1e-12)
