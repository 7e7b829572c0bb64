"""Structural similarity and correlation against slow twins and published libraries."""

from math import exp

import numpy as np
import pytest
import torch

from attack.metrics.image import ncc, ssim_window_3, ssim_window_11
from attack.metrics.vectors import scores


def gaussian(*shape, seed=0):
    return torch.as_tensor(np.random.default_rng(seed).normal(size=shape))


def waves(shape, phase):
    """Three pictures anybody can write down again."""
    t = torch.arange(3 * np.prod(shape), dtype=torch.float64).reshape(3, -1)
    return 0.5 + 0.5 * torch.sin(0.37 * t + 0.011 * t**1.5 + phase)


def slow_ssim(x, y, window, data_range, eps):
    """One window at a time, straight from the formula; x and y are (h, w)."""
    half, (h, w) = window // 2, x.shape
    g = [exp(-(t**2) / (2 * 1.5**2)) for t in range(-half, half + 1)]
    weight = np.outer(g, g) / sum(g) ** 2
    x, y = (np.pad(z, half, mode="reflect") for z in (x, y))
    c1, c2, total = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2, 0.0
    for i in range(h):
        for j in range(w):
            a, b = (z[i : i + window, j : j + window] for z in (x, y))
            m, n = (weight * a).sum(), (weight * b).sum()
            var_a, var_b = (weight * (a - m) ** 2).sum(), (weight * (b - n) ** 2).sum()
            cov = (weight * (a - m) * (b - n)).sum()
            above = (2 * m * n + c1) * (2 * cov + c2)
            total += above / ((m * m + n * n + c1) * (var_a + var_b + c2) + eps)
    return total / (h * w)


def slow_mean_ssim(x, y, shape, *constants):
    x, y = (z.numpy().reshape(*shape[:2], -1) for z in (x, y))
    return np.mean([slow_ssim(x[..., c], y[..., c], *constants) for c in range(x.shape[2])])


@pytest.mark.parametrize("shape", [(8, 8), (6, 9), (7, 6, 3)])
def test_ssim_is_its_definition(shape):
    d = int(np.prod(shape))
    truth, found = gaussian(3, d), 0.5 * gaussian(3, d) + gaussian(4, d, seed=1)[:3]
    wide, narrow = ssim_window_11(shape, 4.0), ssim_window_3(shape, 0.3)
    both = ssim_window_3(shape, 0.3, scale_truth=True)
    unit = [(f - f.min()) / (f.max() - f.min()) for f in found]
    for i in range(3):
        for j in range(3):
            x, y = truth[i], found[j]
            expected = slow_mean_ssim(x, y, shape, 11, 4.0, 0.0)
            assert float(scores(wide, truth, found)[i, j]) == pytest.approx(expected, abs=1e-12)
            expected = slow_mean_ssim(x + 0.3, unit[j], shape, 3, 1.0, 1e-12)
            assert float(scores(narrow, truth, found)[i, j]) == pytest.approx(expected, abs=1e-12)
            scaled = (x - x.min()) / (x.max() - x.min())
            expected = slow_mean_ssim(scaled, unit[j], shape, 3, 1.0, 1e-12)
            assert float(scores(both, truth, found)[i, j]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("shape", "kornia", "torchmetrics"), [
    ((9, 7), [0.2519884871083013, 0.2510964107331023, 0.22869549877341258],
     [0.33232733321120855, 0.2680931651725431, 0.2586351135394443]),
    ((32, 32, 3), [0.24383218400679488, 0.2569532536431533, 0.21069392447659988],
     [0.25595316464266926, 0.26273357599143815, 0.2574788389722994]),
])  # fmt: skip
def test_ssim_is_that_of_the_published_libraries(shape, kornia, torchmetrics):
    """Stored: kornia 0.9.0 metrics.ssim(window_size=3), torchmetrics 1.9.0 with its defaults."""
    x = waves(shape, 0.0)
    y = 0.6 * x + 0.9 * waves(shape, 2.0) - 0.3
    mine = scores(ssim_window_3(shape, 0.2), x - 0.2, y).diagonal()
    np.testing.assert_allclose(mine, kornia, atol=1e-13)
    batch_range = max(float(x.max() - x.min()), float(y.max() - y.min()))
    mine = scores(ssim_window_11(shape, batch_range), x, y).diagonal()
    np.testing.assert_allclose(mine, torchmetrics, atol=1e-13)


def test_ssim_of_a_picture_with_itself_is_one():
    x = gaussian(4, 64).float()
    shifted = ssim_window_3((8, 8), x[0], scale_truth=True)
    assert scores(shifted, x, x).diagonal().min() == pytest.approx(1)
    assert scores(shifted, x, x).dtype == torch.float64
    assert scores(ssim_window_11((8, 8), 5.0), x, x).diagonal().min() == pytest.approx(1)


def test_ncc_is_the_correlation_of_each_channel():
    truth, found = gaussian(3, 48), gaussian(5, 48, seed=1)
    found[4] = 7.0
    table = scores(ncc((4, 4, 3)), truth, found)
    for i in range(3):
        for j in range(4):
            x, y = truth[i].reshape(16, 3), found[j].reshape(16, 3)
            expected = np.mean([np.corrcoef(x[:, c], y[:, c])[0, 1] for c in range(3)])
            assert float(table[i, j]) == pytest.approx(expected)
    np.testing.assert_allclose(table[:, 4], 0, atol=1e-12)
    assert torch.allclose(table[:, :4], scores(ncc((4, 4, 3)), truth, 3 * found[:4] + 2))


@pytest.mark.parametrize(("call", "message"), [
    (lambda x: scores(ncc((2, 2)), x, x), r"shape: found \(2, 2\) for 6 pixels"),
    (lambda x: ssim_window_11((5, 8), 1.0), r"shape: found \(5, 8\); a window of 11 needs"),
    (lambda x: ssim_window_11((8, 8), 0.0), "data_range: found 0.0; pass a positive"),
])  # fmt: skip
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(gaussian(3, 6))
