"""Metrics against slow twins and published libraries, matching against brute force."""

from itertools import permutations
from math import exp
from typing import Any

import numpy as np
import pytest
import torch

from attack.metrics.matching import evaluate, found_count, match
from attack.metrics.metrics import (
    cosine,
    l2,
    ncc,
    scores,
    ssim_window_3,
    ssim_window_11,
    towards,
)

WRONG: Any = "wrong"


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


def test_l2_keeps_small_distances():
    x = gaussian(2, 50)
    table = scores(l2(), x, x + 1e-13)
    np.testing.assert_allclose(table.diagonal(), 1e-13 * 50**0.5, rtol=0.01)
    assert float(table[0, 1]) == pytest.approx(float((x[0] - x[1]).norm()))


@pytest.mark.parametrize(("symmetry", "grid"), [
    ("none", [1.0]), ("sign", [-1.0, 1.0]), ("scale", np.linspace(0, 4, 4001)),
    ("line", np.linspace(-4, 4, 8001)),
])  # fmt: skip
def test_a_symmetry_is_the_best_over_its_group(symmetry, grid):
    truth, found = gaussian(3, 6), gaussian(4, 6, seed=2)
    every = torch.stack([scores(l2(), truth, float(c) * found) for c in grid])
    reached = scores(l2(), truth, found, symmetry)
    assert (reached <= every.amin(0) + 1e-12).all()
    assert torch.allclose(reached, every.amin(0), atol=1e-5)
    assert towards(truth[0], torch.zeros(6).double(), symmetry).abs().sum() == 0


def test_chunks_change_nothing(monkeypatch):
    truth, found = gaussian(7, 64), gaussian(5, 64, seed=3)
    whole = scores(ssim_window_3((8, 8)), truth, found, "line")
    monkeypatch.setattr("attack.metrics.metrics.ENTRIES", 700)
    assert torch.equal(whole, scores(ssim_window_3((8, 8)), truth, found, "line"))


def test_one_to_one_is_the_best_total():
    for seed in range(5):
        values = gaussian(4, 6, seed=seed)
        partner = match(values, higher=True, matching="one-to-one")
        best = max(sum(values[i, j] for i, j in enumerate(p)) for p in permutations(range(6), 4))
        assert sum(values[i, j] for i, j in enumerate(partner)) == pytest.approx(float(best))
        assert len(set(partner)) == 4


def test_greedy_takes_the_closest_pair_first():
    values = torch.tensor([[1.0, 2.0, 9.0], [1.5, 9.0, 9.0], [9.0, 9.0, 3.0], [4.0, 4.0, 4.0]])
    assert match(values, higher=False, matching="greedy").tolist() == [0, -1, 2, 1]
    assert match(values, higher=False, matching="nearest").tolist() == [0, 0, 2, 0]
    assert match(values, higher=False, matching="one-to-one").tolist() == [1, 0, 2, -1]


def test_what_diverged_is_nobodys_partner():
    truth = gaussian(2, 5)
    found = torch.stack([torch.full((5,), torch.nan), truth[1], torch.full((5,), torch.inf)])
    for matching in ("nearest", "greedy", "one-to-one"):
        assert evaluate(truth, found.double(), l2(), matching=matching).values[1] == 0
    assert set(evaluate(truth, found, cosine()).partner) == {1}
    lost = evaluate(truth, found[:1], cosine())
    assert lost.partner.tolist() == [-1, -1]
    assert np.isnan(lost.values).all()
    assert evaluate(truth, truth[:0], cosine()).k == 0


def test_one_metric_may_choose_and_another_measure():
    truth = torch.tensor([[1.0, 2.0, 3.0, 4.0]]).double()
    found = torch.stack([10 * truth[0], truth[0] + torch.tensor([1.0, -1, 1, -1])])
    result = evaluate(truth, found, l2(), select=ncc((2, 2)))
    assert result.partner.tolist() == [0]
    assert result.values[0] == pytest.approx(9 * 30**0.5)


def test_found_counts_a_candidate_once():
    truth = torch.eye(4).double()
    truth[1] = truth[0] + 0.01 * truth[1]  # cosine 0.99995 with the first
    found = torch.stack([truth[0], -truth[2], truth[3] + 0.2 * truth[2]])
    assert found_count(truth, found) == 1
    assert found_count(truth, found, symmetry="sign") == 2
    assert found_count(truth, found, symmetry="sign", threshold=0.98) == 3
    assert found_count(truth, torch.cat([found, truth[:1]])) == 2
    assert found_count(truth, found[:0]) == 0


@pytest.mark.parametrize(("call", "message"), [
    (lambda x: scores(l2(), x, x[:, :2]), r"truth, found: found shapes \(3, 6\) and \(3, 2\)"),
    (lambda x: scores(l2(), x[:0], x), "n >= 1"),
    (lambda x: scores(l2(), x, x, WRONG), "symmetry: found 'wrong'; pass one of"),
    (lambda x: scores(ncc((2, 2)), x, x), r"shape: found \(2, 2\) for 6 pixels"),
    (lambda x: ssim_window_11((5, 8), 1.0), r"shape: found \(5, 8\); a window of 11 needs"),
    (lambda x: ssim_window_11((8, 8), 0.0), "data_range: found 0.0; pass a positive"),
    (lambda x: match(x, higher=True, matching=WRONG), "matching: found 'wrong'; pass one of"),
])  # fmt: skip
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(gaussian(3, 6))
