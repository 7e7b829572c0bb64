"""What each front door reads off the weights, against gradients by torch of the trained network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from identify import synthesize_kkt
from identify.equations.activation import parse_activation
from identify.equations.evaluations import (
    kkt_evaluations,
    known_init_evaluations,
    random_features_evaluations,
)
from identify.equations.weights import Weights

COEFFICIENTS = [(0, 0, 0, 1), (0, 0, 0, 0, 2), (0.5, -1, 0.3, 1)]


def sums(said, x, b):
    """P and its gradient at the points, from sum_i b_i sigma(x_i.w) by torch."""
    w = torch.tensor(said.points, requires_grad=True)
    c = said.activation.coefficients
    t = w @ torch.tensor(x).T
    P = sum(c[k] * t**k for k in range(len(c))) @ torch.tensor(b)
    (by_w,) = torch.autograd.grad(P.sum(), w)
    return P.detach().numpy(), by_w.numpy()


def one_step(coefficients, seed=0, m=7, d=4, n=3):
    """One gradient step of sum_i loss_i, by torch: b_i is minus rate times the slope of loss_i."""
    rng = np.random.default_rng(seed)
    a0, W0, x = rng.standard_normal(m), rng.standard_normal((m, d)), rng.standard_normal((n, d))
    y, rate = rng.standard_normal(n), 0.01
    a, W = (torch.tensor(v, requires_grad=True) for v in (a0, W0))
    t = W @ torch.tensor(x).T
    out = a @ sum(c * t**k for k, c in enumerate(coefficients))
    loss = 0.5 * ((out - torch.tensor(y)) ** 2).sum()
    by_a, by_w = torch.autograd.grad(loss, (a, W))
    b = rate * (y - out.detach().numpy())
    return a0, W0, a0 - rate * by_a.numpy(), W0 - rate * by_w.numpy(), x, b


@pytest.mark.parametrize("coefficients", COEFFICIENTS)
def test_one_step_is_read_exactly_at_the_initial_weights(coefficients):
    a0, W0, a, W, x, b = one_step(coefficients)
    said = known_init_evaluations(Weights(a, W, a0, W0), parse_activation(coefficients), 0.0)
    P, by_w = sums(said, x, b)
    np.testing.assert_allclose(said.values, P, atol=1e-14)
    np.testing.assert_allclose(said.gradients, said.scale[:, None] * by_w, atol=1e-14)
    assert (said.setting, said.base) == ("known-init", "initial")
    np.testing.assert_array_equal(said.right_side, W - W0)


def test_the_midpoint_is_half_way():
    a0, W0, a, W, *_ = one_step(COEFFICIENTS[0])
    said = known_init_evaluations(Weights(a, W, a0, W0), parse_activation(3), 0.5)
    np.testing.assert_allclose(said.points, (W + W0) / 2)
    np.testing.assert_allclose(said.scale, (a + a0) / 2)
    assert said.base == "midpoint"


@pytest.mark.parametrize("coefficients", COEFFICIENTS)
def test_a_frozen_first_layer_shows_values(coefficients):
    a0, W0, a, _, x, b = one_step(coefficients)
    said = random_features_evaluations(Weights(a, W0, a0), parse_activation(coefficients))
    np.testing.assert_allclose(said.values, sums(said, x, b)[0], atol=1e-14)
    assert said.gradients is None
    assert said.right_side.shape == (7, 1)


@pytest.mark.parametrize("alpha", [3, 4])
def test_a_stationary_point_is_its_own_evaluation(alpha):
    x = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 3)))[0].T
    point = synthesize_kkt(x, np.ones(3), alpha)
    lower = (0.7, *[0.0] * (alpha - 1), 1.0)  # only the top degree counts
    said = kkt_evaluations(Weights(point.a, point.W), parse_activation(lower))
    P, by_w = sums(said, x, point.b)
    np.testing.assert_allclose(said.gradients, said.scale[:, None] * by_w, atol=1e-10)
    np.testing.assert_allclose(said.values, P, atol=1e-10)
    np.testing.assert_array_equal(said.gradients, point.W)


def test_rounding_is_that_of_the_coarsest_type_on_the_larger_weights():
    a0, W0, a, W, *_ = one_step(COEFFICIENTS[0])
    weights = Weights(a, 10 * W, a0, W0, precision=2.0**-24)
    said = known_init_evaluations(weights, parse_activation(3), 0.5)
    assert said.rounding == pytest.approx(2.0**-24 * np.sqrt(np.mean((10 * W) ** 2)))
