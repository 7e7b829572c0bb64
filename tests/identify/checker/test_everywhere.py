"""What excludes other sets of samples, wherever they are, against sets as near as they may be."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from identify.checker.everywhere import _gradient_system, _gram_system, _turned


def power_sum(z, b, alpha):
    letters = "abcde"[:alpha]
    return np.einsum(",".join(["i", *(f"i{c}" for c in letters)]) + "->" + letters, b, *[z] * alpha)


@pytest.mark.parametrize(("n", "alpha"), [(1, 3), (2, 3), (4, 3), (3, 4), (2, 5)])
def test_near_tensors_have_near_samples(n, alpha):
    rng, closed = np.random.default_rng(n), 0
    for size in np.geomspace(1e-9, 0.3, 60):
        b = rng.choice([-1.0, 1.0], n)
        z = np.eye(n) + size * rng.standard_normal((n, n))
        delta = float(np.linalg.norm(power_sum(z, b, alpha) - power_sum(np.eye(n), b, alpha)))
        bound = _turned(delta, n, alpha)
        if bound is not None:
            closed += 1
            assert np.linalg.norm(z - np.eye(n), axis=1).max() <= bound
    assert closed > 20


def test_a_tensor_with_another_decomposition_is_not_closed():
    # two samples of a plane that a rotation turns into two others: x^3 - 3 x y^2 has three
    b, alpha = np.ones(2), 3
    for angle in np.linspace(0.2, np.pi / 2 - 0.2, 9):
        z = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        delta = float(np.linalg.norm(power_sum(z, b, alpha) - power_sum(np.eye(2), b, alpha)))
        found = _turned(delta, 2, alpha)
        assert found is None or found >= np.linalg.norm(z - np.eye(2), axis=1).max()


@pytest.mark.parametrize(("r", "alpha"), [(2, 3), (3, 3), (3, 4)])
def test_both_systems_are_the_tensor_applied(r, alpha):
    rng = np.random.default_rng(alpha)
    u, x, b = rng.standard_normal((7, r)), rng.standard_normal((4, r)), rng.standard_normal(4)
    T = power_sum(x, b, alpha)
    applied = ((u @ x.T) ** (alpha - 1) * b) @ x
    gram, gradient = _gram_system(u, alpha), _gradient_system(u, alpha)
    for A, right in ((gram, applied), (gradient, applied.ravel())):
        coefficients = np.linalg.lstsq(A, right, rcond=None)[0]
        assert np.allclose(A @ coefficients, right)
        if len(A) > A.shape[1]:  # determined: its norm is that of the tensor
            assert np.linalg.norm(coefficients) == pytest.approx(np.linalg.norm(T))
    assert gram.shape[1] == len(list(itertools.combinations_with_replacement(range(r), alpha - 1)))
