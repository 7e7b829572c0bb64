"""identify.recovery.flow.moves: out of a solution with one sample twice and another missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flow_cases import CUBIC, MIXED, QUARTIC, cosines, ended, planted

from identify.recovery.flow.descent import descend
from identify.recovery.flow.flow import Drive, Flow
from identify.recovery.flow.moves import split_and_merge


@pytest.mark.parametrize("activation", [CUBIC, QUARTIC, MIXED], ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_the_number_of_samples_and_their_weight_stay(activation, seed):
    """Two near samples on one side merge: the sum of all residual functions is kept."""
    truth = planted(seed, n=5, m=40, activation=activation, movement=0.03)
    z = np.abs(truth.drive.z)  # no two on opposite sides
    drive = Drive(z, truth.drive.c, 0.01)
    flow = Flow(truth.ends, 3, 3)
    weights = truth.ends.weights()
    moved = split_and_merge(flow, drive, weights, np.random.default_rng(seed))
    assert moved.z.shape == z.shape
    np.testing.assert_allclose(moved.c.sum(axis=0), drive.c.sum(axis=0), atol=1e-12)
    assert moved.lag == drive.lag
    same = (moved.z[:, None] == z[None]).all(axis=2)
    assert np.sum(same.any(axis=1)) == 3  # two are the halves
    halves = moved.z[~same.any(axis=1)]
    split = np.flatnonzero(np.abs(z - halves.mean(axis=0)).max(axis=1) < 1e-12)
    assert len(split) == 1
    half = np.linalg.norm(halves[0] - halves[1]) / 2
    assert half == pytest.approx(0.4 * np.linalg.norm(z[split[0]]))


def once_twice(truth, into, left):
    """The truth with one sample as two near-parallel ones, and one given to its neighbour."""
    z, c = truth.drive.z.copy(), truth.drive.c.copy()
    rng = np.random.default_rng(0)
    z[left] = z[into] + 0.05 * rng.standard_normal(z.shape[1])
    c[into] /= 2
    c[left] = c[into]
    return Drive(z, c)


def test_moves_lead_out_of_once_and_twice():
    """Plain descent stays; some of six moves find the missing sample."""
    truth = planted(0, n=5, m=120)
    flow = Flow(truth.ends, 3, 2)
    stuck = descend(flow, once_twice(truth, 0, 1), size=1e-4, max_steps=40)
    assert stuck.miss > 0.05
    rng, freed = np.random.default_rng(0), 0
    for _ in range(6):
        moved = split_and_merge(flow, stuck.drive, truth.ends.weights(), rng)
        found = descend(flow, moved, size=1e-4, damping=0.1, max_steps=60, least_gain=1e-4)
        freed += bool(np.all(cosines(found.drive.z, truth.drive.z) > 0.999))
    assert freed >= 2


@pytest.mark.parametrize("activation", [CUBIC, MIXED], ids=str)
def test_the_split_goes_along_what_is_missing(activation):
    """One sample stands for two: halves of it that part a little miss by less."""
    truth = planted(2, n=4, m=60, activation=activation, functions=1, movement=0.05)
    z, c = truth.drive.z, np.abs(truth.drive.c)
    c[1] = c[0]
    near = np.stack([z[0], z[0] + 0.3 * z[1], z[2], z[3]])
    flow = Flow(truth.ends, 1, 4)
    flow = replace(flow, ends=ended(flow, Drive(near, c)))
    mean, w = near[:2].mean(axis=0), flow.ends.weights()
    doubled = np.stack([c[0] + c[1], c[2] / 2, c[2] / 2, c[3]])
    one = Drive(np.stack([mean, z[2], z[2], z[3]]), doubled)

    def miss(drive):
        return float(np.sum((w[:, None] * flow.miss(drive)) ** 2))

    apart = (near[1] - near[0]) / np.linalg.norm(near[1] - near[0])
    directions = []
    for seed in range(12):
        moved = split_and_merge(flow, one, w, np.random.default_rng(seed))
        halves = np.flatnonzero(np.abs(moved.c[:, 0] - c[0, 0]) < 1e-12)
        if len(halves) != 2 or len(np.unique(moved.z, axis=0)) < 4:
            continue  # another was split, or another pair merged
        step = moved.z[halves[0]] - moved.z[halves[1]]
        directions.append(abs(step @ apart) / np.linalg.norm(step))
        small = moved.z.copy()
        small[halves] = mean + 0.1 * (small[halves] - mean)
        assert miss(Drive(small, moved.c)) < 0.999 * miss(one)
    assert directions
    assert min(directions) > 0.9


def test_of_three_samples_the_split_one_is_not_given_up():
    truth = planted(0, n=3, m=40, movement=0.03)
    drive = Drive(np.abs(truth.drive.z), truth.drive.c)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        moved = split_and_merge(Flow(truth.ends, 3, 3), drive, truth.ends.weights(), rng)
        np.testing.assert_allclose(moved.c.sum(axis=0), drive.c.sum(axis=0), atol=1e-12)
        assert np.sum((moved.z[:, None] == drive.z[None]).all(axis=2).any(axis=1)) == 1


def test_an_even_activation_does_not_tell_sides_apart():
    """Opposite samples are one: merged, their weights add up."""
    truth = planted(1, n=4, m=60, activation=QUARTIC, functions=1, movement=0.05)
    z, c = truth.drive.z.copy(), np.abs(truth.drive.c)
    z[1] = -z[0]
    c[1] = c[0] / 2
    for seed in range(20):
        rng = np.random.default_rng(seed)
        moved = split_and_merge(Flow(truth.ends, 1, 3), Drive(z, c), truth.ends.weights(), rng)
        np.testing.assert_allclose(moved.c.sum(), c.sum(), rtol=1e-12)
