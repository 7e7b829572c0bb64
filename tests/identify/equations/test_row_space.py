"""The space of the samples: what is counted, what is left out as noise, and how large that is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import hadamard

from identify.checkpoints.spectrum import spectrum
from identify.equations.row_space import row_space


def space_of(matrix, rounding, size=1.0):
    """The row space of weights of a size, stored with so much rounding an entry."""
    found = spectrum(matrix, size, 2 * rounding / size, of_records=False)
    return row_space(found, rounding)


def built(values, m, d, seed=0):
    """An (m, d) matrix with given singular values and its right singular vectors."""
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.standard_normal((m, len(values))))[0]
    right = np.linalg.qr(rng.standard_normal((d, len(values))))[0]
    return left @ np.diag(values) @ right.T, right


@pytest.mark.parametrize("small", [1e-3, 1e-8, 1e-10])
@pytest.mark.parametrize("shape", [(50, 20), (10, 20), (20, 5)])
def test_a_small_singular_value_may_be_a_sample(small, shape):
    matrix, right = built([3.0, 2.0, 1.5, 1.0, small], *shape)
    space = space_of(matrix, 1e-18)
    assert space.dimension == 5
    assert not space.noisy
    np.testing.assert_allclose(space.basis.T @ space.basis, np.eye(5), atol=1e-12)
    inside = space.basis @ (space.basis.T @ right)
    np.testing.assert_allclose(inside, right, atol=1e-14 / small)


@pytest.mark.parametrize("level", [1e-2, 1e-5, 1e-9])
@pytest.mark.parametrize("d", [13, 14, 30])
def test_flat_noise_of_eight_or_more_is_cut_off(level, d):
    m = 400
    matrix, right = built([30.0, 20.0, 15.0, 12.0, 10.0], m, d)
    noise = level * np.random.default_rng(1).standard_normal((m, d)) / np.sqrt(m)
    space = space_of(matrix + noise, 1e-18)
    assert space.dimension == 5
    assert space.noisy
    assert 0.5 * level < space.tail < 2 * level
    np.testing.assert_allclose(space.basis @ (space.basis.T @ right), right, atol=level)


@pytest.mark.parametrize("short", [1, 4, 7])
def test_a_short_tail_is_kept(short):
    matrix, _ = built([30.0, 20.0, 15.0, 12.0, 10.0], 400, 5 + short)
    noise = 1e-5 * np.random.default_rng(1).standard_normal(matrix.shape)
    assert space_of(matrix + noise, 1e-18).dimension == 5 + short


def test_a_steep_tail_is_kept():
    values = [3.0, 2.0, *np.geomspace(1e-6, 1e-9, 10)]
    assert space_of(built(values, 60, 12)[0], 1e-18).dimension == 12


@pytest.mark.parametrize("excess", [1.5, 3.0, 30.0])
@pytest.mark.parametrize("zeros", [0, 3])
def test_rounding_that_added_up_is_cut_off(excess, zeros):
    """Noise somewhat above that of one rounding, as many steps leave it, and some dead inputs."""
    m, d, rounding = 250, 64, 1e-16
    matrix, _ = built([1.0, 0.6, 0.2, 0.1, 0.05, 0.004], m, d)
    largest = 20 * rounding * np.sqrt(m)  # the floor
    noise = np.random.default_rng(0).standard_normal((m, d))
    noise *= excess * largest / np.linalg.norm(noise, 2)
    matrix += noise
    matrix[:, d - zeros :] = 0.0
    assert space_of(matrix, rounding).dimension == 6


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(0, 6), st.integers(1, 40), st.integers(0, 999))
def test_rounding_is_left_out(rank, more, m, seed):
    rng = np.random.default_rng(seed)
    d = rank + more
    matrix = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, d))
    stored = matrix.astype(np.float32).astype(float)
    rms = float(np.sqrt(np.mean(matrix**2)))
    space = space_of(stored, 2.0**-24 * rms)
    assert space.dimension <= min(m, rank)
    assert np.linalg.norm(matrix - matrix @ space.basis @ space.basis.T) < 1e-3 * np.sqrt(m * d) * (
        1 + rms
    )


def test_equal_weak_samples_above_exact_zeros_are_no_noise():
    """Whole numbers leave no noise: eight weak directions as flat as noise are samples."""
    W0, H = 2**27 * np.random.default_rng(0).integers(-9, 10, (512, 24)), hadamard(8)
    x = np.concatenate([2**20 * np.hstack([H, H, -2 * H])[:4], np.hstack([H, H, H])])
    change = (hadamard(512)[:, 1:13] @ x).astype(float)
    size = float(np.sqrt(np.mean((W0 + change) ** 2)))
    space = space_of(W0 + change - W0, 2.0**-53 * size, size)
    assert space.dimension == 12
    assert not space.noisy


@pytest.mark.parametrize("weak", [[1e-7], [1e-7, 0.7e-7], [1e-6, 0.9e-6, 0.8e-6]])
@pytest.mark.parametrize("seed", range(3))
def test_few_weak_samples_above_the_noise_are_kept(weak, seed):
    matrix, _ = built([3.0, 2.0, 1.0, *weak], 300, 40, seed)
    sigma = weak[-1] / 20 / (np.sqrt(300) + np.sqrt(40))
    noisy = matrix + sigma * np.random.default_rng(seed).standard_normal(matrix.shape)
    space = space_of(noisy, 1e-18)
    assert space.dimension == 3 + len(weak)
    assert space.noise == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize("share", [0.3, 0.8, 1.1])
@pytest.mark.parametrize("seed", range(3))
def test_what_drowns_stays_below_the_tail_and_the_noise(share, seed):
    """A sample no stronger than the largest singular value of the noise is left out, not denied."""
    edge = 1e-6
    matrix, _ = built([3.0, 2.0, 1.0, share * edge], 300, 40, seed)
    sigma = edge / (np.sqrt(300) + np.sqrt(40))
    noisy = matrix + sigma * np.random.default_rng(seed).standard_normal(matrix.shape)
    space = space_of(noisy, 1e-18)
    assert space.dimension == 3
    assert space.tail >= 0.99 * share * edge
    assert space.floor >= space.tail
    assert space.noise * (np.sqrt(300) + np.sqrt(40)) >= space.tail
    assert space.noise < 1.5 * sigma


@pytest.mark.parametrize("seed", range(3))
def test_rounding_of_one_large_neuron_is_no_sample(seed):
    matrix, _ = built([3.0, 2.0, 1.0], 300, 40, seed)
    W0 = np.random.default_rng(seed).standard_normal(matrix.shape)
    W0[0] *= 60
    W = (W0 + matrix).astype(np.float32).astype(float)
    size = float(np.sqrt(np.mean(W0**2)))
    values = np.linalg.svd(W - W0, compute_uv=False)
    assert values[3] > 8 * values[4], "a gap that rounding made"
    assert space_of(W - W0, 2.0**-24 * size, size).dimension == 3


@settings(max_examples=60, deadline=None)
@given(st.integers(9, 60), st.integers(1, 30), st.integers(0, 999), st.integers(-12, -2))
def test_noise_is_never_below_the_rounding(d, n, seed, level):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((80, n)) @ rng.standard_normal((n, d))
    matrix += 10.0**level * rng.standard_normal(matrix.shape)
    found = spectrum(matrix, 1.0, 2e-9, of_records=False)
    space = row_space(found, 1e-9)
    assert space.noise >= 1e-9
    assert space.floor >= space.tail
    assert space.dimension <= min(80, d)
    if found.rank is not None:
        assert space.noise * (np.sqrt(80) + np.sqrt(d)) >= (1 - 1e-12) * space.tail
