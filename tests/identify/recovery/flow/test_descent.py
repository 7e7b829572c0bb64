"""identify.recovery.flow.descent: it ends at planted samples, and holds what nothing determines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flow_cases import CUBIC, MIXED, QUARTIC, cosines, neurons, planted, unit_samples

from identify.recovery.flow.descent import descend, first_functions
from identify.recovery.flow.flow import Drive, Flow


def perturbed(drive, size, seed=0):
    rng = np.random.default_rng(seed)
    z, c = (y + size * np.abs(y).max() * rng.standard_normal(y.shape) for y in (drive.z, drive.c))
    return Drive(z, c, 0.0)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("activation", [CUBIC, QUARTIC, MIXED], ids=str)
def test_it_ends_at_the_planted_samples(activation, whole):
    truth = planted(1, n=4, m=80, activation=activation)
    flow, start = Flow(truth.ends, 3, 8), perturbed(truth.drive, 0.05)
    found = descend(flow, start, size=1e-10, whole=whole, max_steps=60, least_gain=1e-6)
    assert found.miss < 1e-4
    assert found.steps <= 60
    assert np.all(cosines(found.drive.z, truth.drive.z) > 1 - (1e-7 if whole else 1e-4))
    assert np.any(cosines(start.z, truth.drive.z) < 0.999)


def test_the_miss_is_relative_to_the_movement_weighted():
    truth = planted(2, n=3, m=30)
    flow, drive = Flow(truth.ends, 3, 8), perturbed(truth.drive, 0.1)
    found = descend(flow, drive, size=1e-3, max_steps=0)
    w = flow.ends.weights()[:, None]
    relative = np.linalg.norm(w * flow.miss(drive)) / np.linalg.norm(w * flow.ends.change)
    assert found.miss == pytest.approx(relative)
    assert found.steps == 0
    still = replace(drive, c=np.zeros_like(drive.c))
    assert descend(flow, still, size=1e-3, max_steps=0).miss == pytest.approx(1)


def test_lengths_and_the_common_pace_are_held():
    """A longer sample with smaller residuals, or another pace, does the same: one is chosen."""
    truth = planted(3, n=4, m=80)
    flow, drive = Flow(truth.ends, 3, 8), truth.drive
    stretched = Drive(1.2 * drive.z, drive.c / 1.2**3)
    paced = replace(drive, c=drive.c * [1.0, 1.0, 1.0] + [[0.0, 0.05, 0.0]] * drive.c[:, :1])
    for start in (stretched, paced):
        found = descend(flow, start, size=1e-9, whole=True, max_steps=60, least_gain=1e-9).drive
        np.testing.assert_allclose(np.linalg.norm(found.z, axis=1), 1, atol=1e-4)
        along = found.c[:, 0] @ found.c[:, 1:] / np.sum(found.c[:, 0] ** 2)
        np.testing.assert_allclose(along, 0, atol=1e-3)
        assert np.all(cosines(found.z, drive.z) > 1 - 1e-6)


def test_the_prior_keeps_residuals_small():
    truth = planted(4, n=4, m=80)
    flow, start = Flow(truth.ends, 3, 6), perturbed(truth.drive, 0.02)
    free, held = (descend(flow, start, size=size, whole=True) for size in (1e-9, 1.0))
    assert np.sum(held.drive.c**2) < 0.8 * np.sum(free.drive.c**2)
    assert held.miss > 10 * free.miss


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("activation", [CUBIC, MIXED], ids=str)
def test_first_functions_of_a_short_flow_are_its_residuals(activation, frozen):
    rng = np.random.default_rng(5)
    ends, z = neurons(rng, 60, 4, activation), unit_samples(rng, 4, 4)
    c = 1e-6 * rng.uniform(1, 2, (4, 1))
    a = ends.a0 if frozen else ends.a
    end = Flow(replace(ends, a=a), 1, 4).path(Drive(z, c))[-1]
    short = replace(ends, a=a if frozen else end[:, 0], U=end[:, 1:])
    found = first_functions(Flow(short, 3, 4), z, ridge=1e-12)
    np.testing.assert_allclose(found[:, :1], c, rtol=1e-4)
    assert not found[:, 1:].any()
    pulled = first_functions(Flow(short, 3, 4), z, ridge=10.0)
    assert np.linalg.norm(pulled) < 0.5 * np.linalg.norm(found)
