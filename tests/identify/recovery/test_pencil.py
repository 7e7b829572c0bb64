"""Coefficients, pencils, and where a spectrum falls into its noise."""

from __future__ import annotations

import numpy as np
import pytest

from identify.recovery.pencil import fit_weights, pencil_directions, pick, range_basis
from identify.tensor.implicit import ImplicitTensor
from identify.tensor.rank import gap_rank


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def instance(alpha, n, r, seed=0, coherence=0.0):
    """A tensor of n unit components in r dimensions, all of coherence about ``coherence``."""
    rng = np.random.default_rng(seed)
    frame = np.linalg.qr(rng.standard_normal((r, n)))[0].T
    x = unit(frame + coherence * frame.mean(axis=0) + 0.1 * coherence * rng.standard_normal((n, r)))
    b = rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 2, n)
    return ImplicitTensor(alpha, x, b[:, None] * x), x, b


def nearest(found, x):
    """Distance of each true direction from the nearest found one, modulo sign."""
    apart = [np.linalg.norm(found[:, None] - s * x[None], axis=2) for s in (1, -1)]
    return np.min(apart, axis=(0, 1))


@pytest.mark.parametrize("alpha", [2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(4))
def test_coefficients_where_the_formula_of_the_paper_is_wrong(alpha, seed):
    tensor, x, b = instance(alpha, 5, 5, seed, coherence=4.0)
    overlap = np.abs(x @ x.T - np.eye(5)).max()
    assert overlap > 0.5
    np.testing.assert_allclose(fit_weights(tensor, x), b, rtol=1e-9)
    paper = tensor.p(x)  # MUTANT: b_k = T(x_k, ..., x_k)
    assert np.max(np.abs(paper - b) / np.abs(b)) > 0.1


@pytest.mark.parametrize("alpha", [3, 4, 5])
def test_the_formula_of_the_paper_holds_for_orthonormal_directions(alpha):
    tensor, x, b = instance(alpha, 4, 6)
    np.testing.assert_allclose(tensor.p(x), b, rtol=1e-12)
    np.testing.assert_allclose(fit_weights(tensor, x), b, rtol=1e-12)


@pytest.mark.parametrize("alpha", [3, 4, 5])
@pytest.mark.parametrize("n", [1, 2, 4, 8])
@pytest.mark.parametrize("coherence", [0.0, 1.0])
def test_pencil_recovers_exact_directions(alpha, n, coherence):
    tensor, x, _ = instance(alpha, n, n, n, coherence)
    found = pencil_directions(tensor, 4, np.random.default_rng(0))
    assert found.shape[1] == n
    assert n <= len(found) <= 4 * n
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-12)
    assert nearest(found, x).max() < 1e-8
    assert nearest(x, found).max() < 1e-6  # every pair of slices finds true ones only


@pytest.mark.parametrize("alpha", [3, 4, 5])
def test_range_and_pick(alpha):
    tensor, x, b = instance(alpha, 4, 7, alpha, 1.0)
    basis = range_basis(tensor, np.random.default_rng(1))
    assert basis.shape == (7, 4)
    np.testing.assert_allclose(x @ basis @ basis.T, x, atol=1e-12)
    inside = tensor.restricted(basis)
    rng = np.random.default_rng(2)
    pool = np.concatenate([unit(rng.standard_normal((6, 4))), pencil_directions(inside, 3, rng)])
    picked, weights = pick(inside, pool, 4)
    apart = nearest(picked @ basis.T, x)
    assert apart.max() < 1e-8
    order = np.argmax(np.abs(x @ (picked @ basis.T).T), axis=1)
    signs = np.sign(np.sum(x * (picked @ basis.T)[order], axis=1)) ** alpha
    np.testing.assert_allclose(weights[order] * signs, b, rtol=1e-7)


def test_gap_rank():
    assert gap_rank(np.array([3.0, 2.0, 1.0, 1e-9, 5e-10]), 1e-15, largest=5)[0] == 3
    assert gap_rank(np.array([3.0, 2.0, 1.0]), 1e-15, largest=3) == (3, np.inf)
    assert gap_rank(np.array([1e-16, 1e-17]), 1e-15, largest=2) == (0, np.inf)
