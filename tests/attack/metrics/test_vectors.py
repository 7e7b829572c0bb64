"""Distances and symmetries of samples against a search over the group."""

from typing import Any

import numpy as np
import pytest
import torch

from attack.metrics.image import ssim_window_3
from attack.metrics.vectors import l2, scores, towards

WRONG: Any = "wrong"


def gaussian(*shape, seed=0):
    return torch.as_tensor(np.random.default_rng(seed).normal(size=shape))


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
    monkeypatch.setattr("attack.metrics.vectors.ENTRIES", 700)
    assert torch.equal(whole, scores(ssim_window_3((8, 8)), truth, found, "line"))


@pytest.mark.parametrize(("call", "message"), [
    (lambda x: scores(l2(), x, x[:, :2]), r"truth, found: found shapes \(3, 6\) and \(3, 2\)"),
    (lambda x: scores(l2(), x[:0], x), "n >= 1"),
    (lambda x: scores(l2(), x, x, WRONG), "symmetry: found 'wrong'; pass one of"),
])  # fmt: skip
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(gaussian(3, 6))
