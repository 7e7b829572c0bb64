"""identify.tensor.implicit against the dense tensor, formed entry by entry."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from equation_cases import cp_tensor

from identify.tensor.implicit import ImplicitTensor
from identify.tensor.polarization import polarize

ALPHAS = range(1, 7)


def outer_power(vectors):
    """u_1 (x) ... (x) u_alpha."""
    result = np.array(1.0)
    for vector in vectors:
        result = np.multiply.outer(result, vector)
    return result


def dense(nodes, dual, alpha):
    """The symmetric part of sum_j u_j^{(x) alpha-1} (x) y_j."""
    rows = zip(nodes, dual, strict=True)
    raw = sum(outer_power([u] * (alpha - 1) + [y]) for u, y in rows)
    orders = list(itertools.permutations(range(alpha)))
    return sum(np.transpose(raw, order) for order in orders) / len(orders)


def formed(implicit):
    return polarize(implicit.p, implicit.nodes.shape[1], implicit.degree)


def contract(tensor, v, times):
    for _ in range(times):
        tensor = tensor @ v
    return tensor


def instance(alpha, seed=0, r=3, m=4):
    rng = np.random.default_rng(100 * alpha + seed)
    return ImplicitTensor(alpha, rng.standard_normal((m, r)), rng.standard_normal((m, r)))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_evaluations_match_dense(alpha):
    implicit = instance(alpha)
    full = dense(implicit.nodes, implicit.dual, alpha)
    w = np.random.default_rng(alpha).standard_normal((5, 3))
    np.testing.assert_allclose(implicit.p(w), [contract(full, v, alpha) for v in w], rtol=1e-10)
    f = [contract(full, v, alpha - 1) for v in w]
    np.testing.assert_allclose(implicit.f(w), f, rtol=1e-9, atol=1e-11)
    if alpha >= 2:
        for v in w:
            matrix = implicit.slice(v)
            np.testing.assert_allclose(matrix, contract(full, v, alpha - 2), rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(matrix, matrix.T, rtol=0, atol=1e-14 * np.abs(matrix).max())
            np.testing.assert_allclose(matrix @ v, implicit.f(v[None])[0], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_restriction_matches_dense(alpha):
    implicit = instance(alpha, seed=1, r=4)
    basis = np.linalg.qr(np.random.default_rng(alpha).standard_normal((4, 2)))[0]
    full = dense(implicit.nodes, implicit.dual, alpha)
    for axis in range(alpha):
        full = np.moveaxis(np.tensordot(full, basis, axes=(axis, 0)), -1, axis)
    small = implicit.restricted(basis)
    np.testing.assert_allclose(dense(small.nodes, small.dual, alpha), full, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_components_as_nodes(alpha):
    """With u_j = x_j and y_j = b_j x_j it is the tensor of the components itself."""
    rng = np.random.default_rng(alpha)
    x, b = rng.standard_normal((4, 3)), rng.standard_normal(4)
    expected = sum(c * outer_power([v] * alpha) for c, v in zip(b, x, strict=True))
    np.testing.assert_allclose(cp_tensor(x, b, alpha), expected, rtol=1e-10, atol=1e-12)
    implicit = ImplicitTensor(alpha, x, b[:, None] * x)
    formed = dense(implicit.nodes, implicit.dual, alpha)
    np.testing.assert_allclose(formed, expected, rtol=1e-9, atol=1e-10)
