"""Exact KKT points against floating point."""

import numpy as np
from hypothesis import given, settings

from proofs_check import strategies
from proofs_check.exact import rational

SETTINGS = settings(derandomize=True, deadline=None, max_examples=40)


@SETTINGS
@given(strategies.exact_kkt_points(degree=3, max_samples=3, max_dimension=4))
def test_exact_points_agree_with_floating_point(point):
    s = np.array([float(point.power(j)) for j in range(len(point.u))]) ** 0.25
    W = s[:, None] * np.array(point.u, dtype=float)
    x, b = np.array(point.x, dtype=float), np.array(point.b, dtype=float)
    a = (W @ x.T) ** 3 @ b
    np.testing.assert_allclose(3 * a[:, None] * ((b * (W @ x.T) ** 2) @ x), W, atol=1e-12)
    outputs = (x @ W.T) ** 3 @ a
    np.testing.assert_allclose(outputs * b, outputs[0] * b[0], atol=1e-12)
    for j in range(len(W)):
        known = np.array(point.known_value(j), dtype=float)
        np.testing.assert_allclose(known * s[j] ** 2, W[j] / (3 * a[j]), atol=1e-12)


def test_a_point_that_is_none_is_told(monkeypatch):
    point = strategies.orthonormal_point(rational.identity(3), (1, -1, 1), 3)
    assert point.kkt()
    spoiled = type(point)(point.x, [1, -1, 2], 3, point.u, point.mu)
    assert not spoiled.kkt()
    fewer = type(point)(point.x, point.b, 3, point.u[:-2], point.mu[:-2])
    assert not fewer.kkt()  # margins differ
