"""Degrees 1 and 2 in closed form: orthonormal samples, and two samples at an angle."""

from __future__ import annotations

import numpy as np
import pytest

from identify.points.low_degree import linear, quadratic

LABELS = np.array([1, -1, 1, 1])


def frame(n, d, seed=0):
    """Orthonormal rows (n, d)."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, n)))[0].T


def pair(g):
    """Two unit rows of cosine g."""
    return np.linalg.cholesky(np.array([[1, g], [g, 1]])) @ frame(2, 3)


@pytest.mark.parametrize("c", [1.0, -0.5])
def test_linear_at_orthonormal_samples(c):
    """v = sum_i y_i x_i / (|c| sqrt n) and A = sqrt n / |c|, so b_i = y_i / (|c| sqrt n)."""
    x = frame(4, 6)
    W, b = linear(x, LABELS, c)
    np.testing.assert_allclose(b, LABELS / (2 * abs(c)), rtol=1e-14)
    np.testing.assert_allclose(W, (LABELS @ x)[None] / 2 * np.sqrt(2 / abs(c)), atol=1e-14)


@pytest.mark.parametrize("g", [-0.5, 0.3, 0.8])
def test_two_samples_of_one_class_share_the_weight(g):
    """Linear: G^-1 y = y / (1 + g). Quadratic: x_i.M^-3 x_i = (1 + g^2) / (1 - g^2)^2 / b^3."""
    x, y, c, q = pair(g), np.array([1, 1]), 0.7, 3
    total = np.sqrt(2 / (1 + g)) / c
    np.testing.assert_allclose(linear(x, y, c)[1], 1 / (1 + g) / (c**2 * total), rtol=1e-13)
    cube = q / (4 * c**2) * (1 + g**2) / (1 - g**2) ** 2
    W, b = quadratic(x, y, c, np.array([q, q]))
    np.testing.assert_allclose(b, np.cbrt(cube), rtol=1e-13)
    # eigenvectors x_1 +- x_2 of eigenvalues b (1 +- g), norms 1 / (sqrt 2 |c mu|)
    along = np.sort(np.abs(W @ (x[0] + x[1])) / np.linalg.norm(x[0] + x[1]))
    np.testing.assert_allclose(along, [0, 1 / (np.sqrt(2) * c * b[0] * (1 + g))], atol=1e-12)
    norms = np.sort(np.linalg.norm(W, axis=1))
    expected = np.sort(1 / (np.sqrt(2) * c * b[0] * np.array([1 + g, 1 - g])))
    np.testing.assert_allclose(norms, expected, rtol=1e-12)


def test_a_sample_inside_the_margin_is_named():
    with pytest.raises(ValueError, match="sample 1 is not active"):
        linear(np.array([[1.0, 0.0], [5.0, 0.2]]), np.array([1, 1]), 1.0)
    with pytest.raises(ValueError, match="multiplicities: found"):
        quadratic(np.eye(2), np.array([1, 1]), 1.0, np.array([1, 2]))


def test_alpha_2_orthonormal_closed_form():
    """M has eigenvalues b_i, Phi(x_i) = 1 / (4 c^2 b_i^3)."""
    _, b = quadratic(frame(3, 3, 0), np.array([1, -1, 1]), 1.0, np.array([1, 1, 1]))
    np.testing.assert_allclose(b, np.array([1, -1, 1]) * 0.25 ** (1 / 3), rtol=1e-14)
