"""Columns that are copies: what Adam leaves of few samples is not taken for their span."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_cases import records

from identify import read_changes
from identify.checkpoints.alike import distinct_columns


def test_columns_are_counted_up_to_sign_and_a_hundredth():
    rng = np.random.default_rng(0)
    first = rng.standard_normal((3, 5))
    copies = np.hstack([first, -first, first * 1.005, first[:, :2] * 1.02])
    assert distinct_columns(copies, 100) == 7
    assert distinct_columns(copies, 6) == 6
    assert distinct_columns(copies[:, ::-1], 100) in {5, 7}
    assert distinct_columns(np.zeros((3, 0)), 9) == 0


def tanh_network(x, kind, optimiser):
    torch.manual_seed(3)
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], 60), torch.nn.Tanh(), torch.nn.Linear(60, 1)
    ).to(kind)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    X, y = torch.tensor(x, dtype=kind), torch.ones(len(x), 1, dtype=kind)
    descent = optimiser(net.parameters())
    for _ in range(200):
        descent.zero_grad()
        torch.nn.functional.mse_loss(net(X), y).backward()
        descent.step()
    return read_changes(net.state_dict(), before, names=["0.weight"])[0]


def adam(parameters):
    return torch.optim.Adam(parameters, 1e-3)


def sgd(parameters):
    return torch.optim.SGD(parameters, 0.05)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("binary", [False, True])
def test_adam_on_few_samples_shows_no_span(binary, kind):
    """One sample, or three of binary entries: the rank is low, and not that of the samples."""
    x = records(0, 3, 40) if binary else records(0, 1, 40)
    x = np.sign(x) if binary else x
    change = tanh_network(x, kind, adam)
    assert change.rank is None
    assert not change.linear
    assert not binary or any("their copies" in reason for reason in change.reasons)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_gradient_descent_on_as_few_samples_shows_theirs(n, kind):
    x = records(0, n, 40)
    change = tanh_network(x, kind, sgd)
    assert change.rank == n
    space = change.basis[:-1] if change.has_bias else change.basis
    inside = np.linalg.lstsq(space, x.T)[0]
    assert np.linalg.norm(x.T - space @ inside) < 1e-3 * np.linalg.norm(x)
