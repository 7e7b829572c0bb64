"""The nullity of operators with given singular values, and what weak evidence leaves open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from local_cases import candidate, d, decide, network, normal
from scipy.stats import chi2

from attack.local.filter import RISK, Filtered, Operator, filtered
from attack.local.spectrum import Limits, dense, iterative, motion_bound
from attack.maps.objectives import signed
from attack.network.activations import ReLU


def diagonal(values):
    """An operator with given singular values, on k = 1 sample."""
    s = torch.as_tensor(np.asarray(values))
    return Operator(
        lambda z: z.flatten(1) * s, lambda u: (u * s)[:, None], lambda z: z, len(s)
    ), torch.zeros(1, len(s), dtype=torch.float64)


LIMITS = Limits(zero=1e-7, sure=1e-5, directions=8, steps=3000, polish=0, seed=0)


def test_many_null_directions_are_counted_within_bounds():
    m, like = diagonal([0.0] * 200 + [*np.linspace(0.1, 1, 300)])
    for seed in range(5):
        found = iterative(m, like, replace(LIMITS, seed=seed))
        # 1600 degrees of freedom: 6 deviations of 3.5% for the bound, and 3 for the draw
        assert 140 < found.nullity[0] <= 200 <= found.nullity[1] < 280
        assert found.null == 8
        assert float(found.motion[0]) > 0.99
        assert 0.05 < found.gap[1] <= 0.1


@pytest.mark.parametrize("small", [3e-7, 1e-6])
def test_in_between_cannot_be_told(small):
    values = [small, *np.linspace(0.1, 1, 60)]
    m, like = diagonal(values)
    found = iterative(m, like, LIMITS)
    assert found.nullity[0] == 0
    assert found.nullity[1] >= 1
    basis = torch.eye(len(values), dtype=torch.float64)[:, None]
    assert dense(m, basis, LIMITS).nullity == (0, 1)
    assert float(dense(m, basis, LIMITS).motion[1]) == pytest.approx(1.0)


def test_too_few_steps_claim_nothing():
    m, like = diagonal(np.geomspace(1e-3, 1, 400))
    found = iterative(m, like, replace(LIMITS, steps=20))
    assert found.gap[1] <= 1e-3
    assert found.nullity[0] == 0
    weak = signed(network(d, 30, 20, 1), ReLU(None))
    report = decide(weak, *candidate(), "iterative", steps=5, polish=1)
    assert not bool(report.pinned.any())
    assert not bool(report.moves.any())


def test_number_of_null_directions_is_never_excluded():
    for nullity in (1, 3, 20):
        m, like = diagonal([0.0] * nullity + [*np.linspace(0.2, 1, 30)])
        for seed in range(30):
            f = filtered(m, normal(2 + seed % 7, *like.shape, seed=seed), 1.0, 1e-7, 400)
            assert f.fewest() <= nullity <= f.most(1e-5)


def test_bounds_hold_over_many_starts():
    # 400 filters stopped early: none may exclude what is there
    values = np.concatenate([[0.004, 0.02], np.linspace(0.05, 1, 40)])
    m, like = diagonal(values)
    closest = 0.0
    for seed in range(400):
        start = normal(8, *like.shape, seed=seed)
        f = filtered(m, start, 1.0, 1e-7, 10 * (1 + seed % 30))
        low, high = f.gap()
        inside = (values > low) & (values < high)
        assert not inside.any()
        assert f.most(0.004) >= 1
        assert f.most(0.02) >= 2
        closest = max(closest, high)
    assert closest > 0.001  # the bound is worth something


def test_motion_bound_counts_what_the_filter_left_above_the_gap():
    q = torch.zeros(8, 2, 3, dtype=torch.float64)
    q[:, 0] = normal(8, 3)
    f = Filtered(q, torch.full((8,), 1e-6, dtype=torch.float64), np.zeros(1), np.ones((8, 1)), 0)
    moved, still = motion_bound(f, 0.1).tolist()
    assert moved == 1.0
    assert still == pytest.approx((8 / chi2.ppf(RISK, 8)) ** 0.5 * 1e-5, rel=1e-12)
    assert motion_bound(f, 0.0).tolist() == [1.0, 1.0]
