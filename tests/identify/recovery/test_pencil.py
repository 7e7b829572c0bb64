"""Coefficients, pencils, and the space of the samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identify.equations.row_space import row_space
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


def spectrum(values, m, d, seed=0):
    """An (m, d) matrix with given singular values and its right singular vectors."""
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.standard_normal((m, len(values))))[0]
    right = np.linalg.qr(rng.standard_normal((d, len(values))))[0]
    return left @ np.diag(values) @ right.T, right


@pytest.mark.parametrize("small", [1e-3, 1e-8, 1e-10])
@pytest.mark.parametrize("shape", [(50, 20), (10, 20), (20, 5)])
def test_a_small_singular_value_may_be_a_sample(small, shape):
    matrix, right = spectrum([3.0, 2.0, 1.5, 1.0, small], *shape)
    space = row_space(matrix, 1e-18)
    assert space.dimension == 5
    assert not space.noisy
    np.testing.assert_allclose(space.basis.T @ space.basis, np.eye(5), atol=1e-12)
    inside = space.basis @ (space.basis.T @ right)
    np.testing.assert_allclose(inside, right, atol=1e-14 / small)


@pytest.mark.parametrize("level", [1e-2, 1e-5, 1e-9])
@pytest.mark.parametrize("d", [13, 14, 30])
def test_flat_noise_of_eight_or_more_is_cut_off(level, d):
    m = 400
    matrix, right = spectrum([30.0, 20.0, 15.0, 12.0, 10.0], m, d)
    noise = level * np.random.default_rng(1).standard_normal((m, d)) / np.sqrt(m)
    space = row_space(matrix + noise, 1e-18)
    assert space.dimension == 5
    assert space.noisy
    assert 0.5 * level < space.tail < 2 * level
    np.testing.assert_allclose(space.basis @ (space.basis.T @ right), right, atol=level)


@pytest.mark.parametrize("short", [1, 4, 7])
def test_a_short_tail_is_kept(short):
    matrix, _ = spectrum([30.0, 20.0, 15.0, 12.0, 10.0], 400, 5 + short)
    noise = 1e-5 * np.random.default_rng(1).standard_normal(matrix.shape)
    assert row_space(matrix + noise, 1e-18).dimension == 5 + short


def test_a_steep_tail_is_kept():
    values = [3.0, 2.0, *np.geomspace(1e-6, 1e-9, 10)]
    assert row_space(spectrum(values, 60, 12)[0], 1e-18).dimension == 12


@pytest.mark.parametrize("excess", [1.5, 3.0, 30.0])
@pytest.mark.parametrize("zeros", [0, 3])
def test_rounding_that_added_up_is_cut_off(excess, zeros):
    """Noise somewhat above that of one rounding, as many steps leave it, and some dead inputs."""
    m, d, rounding = 250, 64, 1e-16
    matrix, _ = spectrum([1.0, 0.6, 0.2, 0.1, 0.05, 0.004], m, d)
    largest = 20 * rounding * np.sqrt(m)  # the floor
    noise = np.random.default_rng(0).standard_normal((m, d))
    noise *= excess * largest / np.linalg.norm(noise, 2)
    matrix += noise
    matrix[:, d - zeros :] = 0.0
    assert row_space(matrix, rounding).dimension == 6


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(0, 6), st.integers(1, 40), st.integers(0, 999))
def test_rounding_is_left_out(rank, more, m, seed):
    rng = np.random.default_rng(seed)
    d = rank + more
    matrix = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, d))
    stored = matrix.astype(np.float32).astype(float)
    rms = float(np.sqrt(np.mean(matrix**2)))
    space = row_space(stored, 2.0**-24 * rms)
    assert space.dimension <= min(m, rank)
    assert np.linalg.norm(matrix - matrix @ space.basis @ space.basis.T) < 1e-3 * np.sqrt(m * d) * (
        1 + rms
    )


def test_gap_rank():
    assert gap_rank(np.array([3.0, 2.0, 1.0, 1e-9, 5e-10]), 1e-15, largest=5)[0] == 3
    assert gap_rank(np.array([3.0, 2.0, 1.0]), 1e-15, largest=3) == (3, np.inf)
    assert gap_rank(np.array([1e-16, 1e-17]), 1e-15, largest=2) == (0, np.inf)
