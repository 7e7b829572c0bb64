"""Norms and signs against constructions whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from equation_cases import N, case

from identify.equations.activation import Polynomial, parse_activation
from identify.equations.system import Equations
from identify.equations.weights import Weights
from identify.recovery.norms import (
    keep_norms,
    margin_norms,
    oriented,
    sign_equivalence,
    stated_twice,
    unit_norms,
)


def lengths(x):
    return np.linalg.norm(x, axis=1)


def outputs(a, W, x, alpha):
    """Phi at each sample, neuron by neuron."""
    return np.array([
        sum(aj * float(w @ v) ** alpha for aj, w in zip(a, W, strict=True)) for v in x
    ])


def with_margin(alpha, margin, seed=0):
    """Samples whose margins are all the same, and z = |b|^{1/alpha} x for random b."""
    rng = np.random.default_rng(seed)
    a, W, x = rng.standard_normal(9), rng.standard_normal((9, 4)), rng.standard_normal((3, 4))
    phi = outputs(a, W, x, alpha)
    x *= ((margin / np.abs(phi)) ** (1 / alpha))[:, None]
    b = np.sign(phi) * rng.uniform(0.5, 2, 3)
    return Weights(a, W), x, b, np.abs(b)[:, None] ** (1 / alpha) * x


@pytest.mark.parametrize("alpha", [2, 3, 4])
@pytest.mark.parametrize("margin", [1.0, 0.3])
def test_a_margin_fixes_norm_and_weight(alpha, margin):
    weights, x, b, z = with_margin(alpha, margin)
    found = margin_norms(
        weights,
        parse_activation(alpha),
        z,
        np.sign(b),
        np.zeros(3),
        margin=margin,
        output_error=0.0,
    )
    np.testing.assert_allclose(found.x, x, rtol=1e-12)
    np.testing.assert_allclose(found.b, b, rtol=1e-12)
    assert found.consistent
    assert found.norm_known
    assert np.all(lengths(found.x - x) <= found.error_bound)
    turned = margin_norms(
        weights, parse_activation(alpha), z, -np.sign(b), np.zeros(3), margin=1.0, output_error=0.0
    )
    assert not turned.consistent


@pytest.mark.parametrize("size", [1e-6, 1e-3])
@pytest.mark.parametrize("seed", range(20))
def test_the_bounds_of_both_scales_cover_what_moved(size, seed):
    weights, x, b, z = with_margin(3, 1.0, seed)
    rng, sigma = np.random.default_rng(seed), parse_activation(3)
    step = rng.standard_normal(z.shape)
    moved, bound = z + size * step, size * lengths(step)
    a = weights.a + size * rng.standard_normal(9)
    error = float(np.linalg.norm(a - weights.a) / np.linalg.norm(a))
    found = margin_norms(
        Weights(a, weights.W), sigma, moved, np.sign(b), bound, margin=1.0, output_error=error
    )
    slack = 1 + 50 * size * max(1.0, float((lengths(x) / np.abs(found.b)).max()))
    assert np.all(lengths(found.x - x) <= slack * found.error_bound)
    unit = unit_norms(sigma, moved, np.sign(b), bound, given=False)
    assert np.all(lengths(unit.x - z / lengths(z)[:, None]) <= unit.error_bound)
    np.testing.assert_allclose(lengths(unit.x), 1)
    np.testing.assert_allclose(unit.b, np.sign(b) * lengths(moved) ** 3)


@pytest.mark.parametrize(
    "support", [s for k in (1, 2, 3) for s in itertools.combinations(range(5), k)]
)
def test_the_sign_symmetry_is_one_of_the_polynomial(support):
    c = np.zeros(max(support) + 1)
    c[list(support)] = 1.0
    if len(c) == 1:
        return
    sigma, t = Polynomial(tuple(c)), np.linspace(-2, 2, 9)
    for seen, shift in ((True, 0.0), (False, c[0])):
        even, odd = sigma(-t) - shift, sigma(t) - shift
        words = sign_equivalence(sigma, output_seen=seen)
        expected = None
        if np.any(odd) and np.allclose(even, odd):
            expected = "even"
        elif np.allclose(even, -odd):
            expected = "odd"
        assert (expected is None and words is None) or f"{expected} activation" in (words or "")


@pytest.mark.parametrize("seed", range(8))
def test_the_constant_tells_the_signs(seed):
    rng = np.random.default_rng(seed)
    equations, x, b = case("odd", by_value=False, free_b=True, seed=seed)
    sigma = Polynomial((0.4, *equations.activation.coefficients[1:]))
    equations = Equations(
        sigma, equations.points, equations.scale, equations.right_side, False, True
    )
    P = sigma(equations.points @ x.T) @ b
    turn = rng.choice([-1.0, 1.0], N)
    found, weights, known = oriented(equations, P, x * turn[:, None], b * turn)
    assert known
    np.testing.assert_array_equal(found, x)
    np.testing.assert_array_equal(weights, b)
    assert not oriented(equations, None, x, b)[2]
    assert not oriented(case("odd", by_value=False, free_b=True)[0], P, x, b)[2]


def test_two_statements_are_compared():
    weights, _, b, z = with_margin(3, 1.0)
    sigma = parse_activation(3)
    by_norm = unit_norms(sigma, z, np.sign(b), np.zeros(3), given=True)
    by_margin = margin_norms(
        weights, sigma, z, np.sign(b), np.full(3, 1e-3), margin=1.0, output_error=0.0
    )
    against = stated_twice(by_norm, by_margin)
    assert np.all(np.isinf(against.error_bound))
    assert "contradict each other" in against.reason
    one = keep_norms(sigma, by_norm.x, b, np.full(3, 1e-9), output_seen=True)
    assert stated_twice(by_norm, one) is by_norm
    np.testing.assert_array_equal(one.x, by_norm.x)
    assert np.all(one.error_bound >= 1e-9)
