"""identify.recovery.duals against exact tensors, disturbed ones, and the bounds it claims."""

from __future__ import annotations

import numpy as np
import pytest

from identify.equations.activation import parse_activation
from identify.equations.system import Equations
from identify.recovery.duals import dual_bounds, fitted_weights, sharpened
from identify.recovery.fit import Fit
from identify.tensor.implicit import ImplicitTensor

CUBIC = parse_activation(3)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def tensor_of(z):
    """sum_i z_i (x) z_i (x) z_i in the form of a sum over nodes."""
    return ImplicitTensor(3, z, z)


def disturbed(z, size, rng):
    """The tensor of z plus a symmetric one of Frobenius norm about ``size``."""
    nodes = unit(rng.standard_normal((400, z.shape[1])))
    weights = size * rng.standard_normal(400) / 20
    return ImplicitTensor(
        3, np.concatenate([z, nodes]), np.concatenate([z, weights[:, None] * nodes])
    )


def samples(rng, n, *, angle=None):
    rotation = np.linalg.qr(rng.standard_normal((n, n)))[0]
    x = unit(rotation + 0.4 * rng.standard_normal((n, n)) / np.sqrt(n))
    if angle is not None:
        u = rng.standard_normal(n)
        u -= (u @ x[0]) * x[0]
        x[1] = np.cos(angle) * x[0] + np.sin(angle) * u / np.linalg.norm(u)
    return x * rng.uniform(0.7, 1.3, (n, 1))


@pytest.mark.parametrize("angle", [None, 0.1, 0.02])
def test_the_fixed_point_is_the_truth_and_is_reached_quadratically(angle):
    rng = np.random.default_rng(0)
    z = samples(rng, 30, angle=angle)
    start = unit(unit(z) + 1e-6 * rng.standard_normal(z.shape))
    errors = []
    for rounds in (0, 1, 2, 6):
        found = sharpened(tensor_of(z), start, rounds=rounds)
        errors.append(np.linalg.norm(found - unit(z), axis=1).max())
    if angle is None:
        assert errors[1] < 0.1 * errors[0]
    assert errors[3] < 1e-9


def test_a_start_that_is_not_attracted_is_returned():
    rng = np.random.default_rng(1)
    start = unit(rng.standard_normal((30, 30)))
    assert sharpened(tensor_of(samples(rng, 30)), start) is start


def test_fitted_weights_against_least_squares():
    rng = np.random.default_rng(2)
    u, s, g = rng.standard_normal((90, 5)), rng.standard_normal(90), rng.standard_normal((90, 5))
    x = unit(rng.standard_normal((4, 5)))
    equations = Equations(CUBIC, u, s, g, by_value=False, free_b=False)
    columns = [(s[:, None] * 3 * ((u @ row) ** 2)[:, None] * row).ravel() for row in x]
    expected = np.linalg.lstsq(np.array(columns).T, g.ravel(), rcond=None)[0]
    np.testing.assert_allclose(fitted_weights(equations, x), expected, rtol=1e-9)


def fit_of(z):
    return Fit(z, np.ones(len(z)), 0.0, (np.empty(0), True), np.ones_like(z), converged=True)


@pytest.mark.parametrize("size", [1e-10, 1e-8, 1e-6])
@pytest.mark.parametrize("seed", range(4))
def test_bounds_cover_the_error_of_a_disturbed_tensor(size, seed):
    rng = np.random.default_rng(seed)
    z = samples(rng, 40, angle=0.1)
    tensor = disturbed(z, size, rng)
    shown = unit(z) + size * rng.standard_normal(z.shape)  # a fit that did not end, too
    shown = unit(shown) * np.linalg.norm(z, axis=1, keepdims=True)
    bounds = dual_bounds(tensor, fit_of(shown), rng) / np.linalg.norm(shown, axis=1)
    error = np.linalg.norm(unit(shown) - unit(z), axis=1)
    assert np.all(error <= bounds)
    far = np.isfinite(bounds)
    assert far.sum() >= 38
    assert np.median(bounds[far] / error[far]) < 1e3


def test_a_pair_too_near_for_the_noise_voids_its_own_claims_alone():
    rng = np.random.default_rng(5)
    z = samples(rng, 40, angle=0.02)
    tensor = disturbed(z, 3e-6, rng)
    bounds = dual_bounds(tensor, fit_of(z), rng) / np.linalg.norm(z, axis=1)
    assert np.all(bounds[:2] > 0.1)
    assert np.mean(bounds[2:] < 0.1) > 0.9
