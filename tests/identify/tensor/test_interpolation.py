"""Interpolation and rank: routes agree, ranks are those of algebra, noise counts."""

from __future__ import annotations

import numpy as np
import pytest

from identify.equations.activation import Polynomial, parse_activation
from identify.equations.system import Equations
from identify.tensor import interpolation as module
from identify.tensor import least_squares
from identify.tensor.features import form_dimension
from identify.tensor.implicit import ImplicitTensor
from identify.tensor.interpolation import interpolate

ROUNDING = 1e-16
MIXED = Polynomial((0.2, -1.0, 0.5, 1.0))


def exact(activation, r, m, *, by_value=False, seed=0, n=3, points=None):
    """Equations evaluated at random points, with random weights, from random samples."""
    rng = np.random.default_rng(seed)
    x, b = rng.standard_normal((n, r)), rng.standard_normal(n)
    points = rng.standard_normal((m, r)) if points is None else points
    shape = (m, 1) if by_value else (m, r)
    scale = rng.standard_normal(len(points))
    free_b = not activation.is_power
    blank = Equations(activation, points, scale, np.zeros(shape), by_value, free_b)
    return blank.with_right_side(blank.predict(x, b)), x, b


def assert_truth(found, activation, x, b, tolerance=1e-9):
    """p, f and slices of every degree are those of the samples."""
    assert set(found.tensors) == set(activation.support)
    w = np.random.default_rng(9).standard_normal((6, x.shape[1]))

    def close(actual, expected):
        np.testing.assert_allclose(actual, expected, atol=tolerance * np.abs(expected).max())

    for k, tensor in found.tensors.items():
        truth = ImplicitTensor(k, x, b[:, None] * x)
        close(tensor.p(w), truth.p(w))
        close(tensor.f(w), truth.f(w))
        if k >= 2:
            close(tensor.slice(w[0]), truth.slice(w[0]))


def counts(activation, r):
    gram = sum(form_dimension(r, k - 1) for k in activation.support)
    return gram, sum(form_dimension(r, k) for k in activation.support)


@pytest.mark.parametrize("activation", [*map(parse_activation, (1, 2, 3, 4, 5)), MIXED], ids=str)
@pytest.mark.parametrize("r", [2, 3, 4])
def test_routes_agree_with_the_truth(activation, r):
    gram, unknowns = counts(activation, r)
    equations, x, b = exact(activation, r, gram + 4)
    found = interpolate(equations, ROUNDING)
    assert found.gram is not None
    assert found.gram.determined
    assert found.carried_by is found.gram
    assert (found.dimension, found.symmetric_dimension) == (gram, unknowns)
    assert_truth(found, activation, x, b)

    tensors, solution = module._by_form(equations, ROUNDING)
    assert solution.determined
    symmetric = module.Interpolation(tensors, None, solution, gram, unknowns)
    assert_truth(symmetric, activation, x, b)

    constant = int(activation.coefficients[0] != 0)
    values, x, b = exact(activation, r, unknowns + 4 + constant, by_value=True)
    found = interpolate(values, ROUNDING)
    assert found.gram is None
    assert found.carried_by is found.symmetric
    assert_truth(found, activation, x, b)


@pytest.mark.parametrize(
    ("activation", "r", "m"),
    [
        (parse_activation(3), 3, 4),
        (parse_activation(3), 6, 12),
        (parse_activation(4), 3, 6),
        (parse_activation(5), 3, 8),
        (MIXED, 4, 14),
    ],
    ids=str,
)
def test_symmetric_carries_where_gram_fails(activation, r, m):
    gram, _ = counts(activation, r)
    assert m < gram
    equations, x, b = exact(activation, r, m)
    found = interpolate(equations, ROUNDING)
    assert found.gram is not None
    assert not found.gram.determined
    assert found.gram.rank <= m
    assert found.carried_by is found.symmetric
    assert_truth(found, activation, x, b)


def test_the_large_path_agrees(monkeypatch):
    """Normal equations instead of the singular value decomposition."""
    equations, x, b = exact(parse_activation(3), 4, 40)
    reference = interpolate(equations, ROUNDING)
    monkeypatch.setattr(least_squares, "SVD_LIMIT", 9)
    found = interpolate(equations, ROUNDING)
    assert found.gram is not None
    assert reference.gram is not None
    assert found.gram.rank == reference.gram.rank == 10
    smallest = reference.gram.singular_values[-1]
    assert found.gram.singular_values[-1] == pytest.approx(smallest, rel=1e-6)
    assert_truth(found, equations.activation, x, b, 1e-7)
    few, *_ = exact(parse_activation(3), 4, 40, points=np.eye(4)[np.arange(40) % 4])
    assert interpolate(few, ROUNDING).carried_by is None


@pytest.mark.parametrize(("r", "alpha", "m"), [(5, 3, 7), (3, 4, 5), (4, 4, 9), (5, 4, 14)])
@pytest.mark.parametrize("seed", range(3))
def test_alexander_hirschowitz_exceptions(r, alpha, m, seed):
    unknowns = form_dimension(r, alpha)
    equations, *_ = exact(parse_activation(alpha), r, m, seed=seed)
    found = interpolate(equations, ROUNDING)
    assert found.symmetric is not None
    assert found.symmetric.rank == min(m * r, unknowns) - 1
    assert found.carried_by is None
    assert not found.tensors
    more, *_ = exact(parse_activation(alpha), r, m + 1, seed=seed)
    assert interpolate(more, ROUNDING).carried_by is not None


@pytest.mark.parametrize("by_value", [False, True])
def test_duplicated_points_add_no_rank(by_value):
    rng = np.random.default_rng(0)
    few = rng.standard_normal((3, 3))
    repeated = np.repeat(few, 8, axis=0) * rng.uniform(0.5, 2, 24)[:, None]
    ranks = []
    for points in (few, repeated):
        equations, *_ = exact(parse_activation(3), 3, len(points), by_value=by_value, points=points)
        found = interpolate(equations, ROUNDING)
        assert found.carried_by is None
        assert found.symmetric is not None
        ranks.append((found.symmetric.rank, found.gram.rank if found.gram else 0))
    assert ranks[0] == ranks[1]
    assert ranks[0] == ((3, 0) if by_value else (9, 3))


@pytest.mark.parametrize("by_value", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_noise_that_drowns_the_coefficients_claims_nothing(by_value, seed):
    equations, *_ = exact(parse_activation(3), 5, 60, by_value=by_value, seed=seed)
    rng = np.random.default_rng(seed)
    size = np.sqrt(np.mean(equations.right_side**2))
    noise = rng.standard_normal(equations.right_side.shape)
    for level, expected in ((1e-6, True), (1e3, False)):
        noisy = equations.with_right_side(equations.right_side + level * size * noise)
        found = interpolate(noisy, ROUNDING)
        assert (found.carried_by is not None) == expected
        if expected:
            assert found.carried_by is not None
            assert found.carried_by.noise == pytest.approx(1e-6 * size, rel=0.3)
        assert bool(found.tensors) == expected
    # stated rounding counts as noise as well, even where the equations fit
    assert interpolate(equations, 1e3 * size).carried_by is None
