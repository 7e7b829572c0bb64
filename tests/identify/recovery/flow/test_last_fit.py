"""identify.recovery.flow.last_fit, linearised and bounds: a planted lag, and the truth inside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flow_cases import CUBIC, MIXED, QUARTIC, Planted, cosines, ended, planted

from identify.recovery.flow.bounds import flow_bounds
from identify.recovery.flow.flow import Drive, Flow
from identify.recovery.flow.last_fit import last_fit
from identify.recovery.flow.linearised import as_samples, linearised, mean_equations

_ROUNDING = 1e-16


def guess(truth, size=0.01, seed=0):
    rng = np.random.default_rng(seed)
    z = truth.drive.z + size * rng.standard_normal(truth.drive.z.shape)
    return Drive(z, truth.drive.c[:, :1])


def distances(truth, x):
    """From every sample found to the nearest true one, modulo sign."""
    sigma = truth.ends.activation
    z = as_samples(truth.drive, sigma.degree, power=sigma.is_power).z
    return np.min([np.linalg.norm(x[:, None] - s * z[None], axis=2) for s in (1, -1)], axis=0).min(
        1
    )


def bounded(truth, last, noise):
    linear = linearised(last, noise)
    bounds, relative = flow_bounds(linear, noise, np.random.default_rng(0))
    return distances(truth, linear.fit.x), bounds, relative


@pytest.mark.parametrize("lag", [0.0, 0.005, 0.02])
@pytest.mark.parametrize("activation", [CUBIC, MIXED], ids=str)
def test_a_planted_lag_is_recovered(activation, lag):
    truth = planted(1, n=4, m=100, activation=activation, lag=lag)
    last = last_fit(truth.ends, guess(truth), noise=_ROUNDING)
    assert last.drive.lag == pytest.approx(lag, abs=1e-4)
    assert np.all(cosines(last.drive.z, truth.drive.z) > 1 - 1e-8)
    assert last.miss < 1e-4


def test_residuals_that_bend_take_another_function():
    """Two functions are enough for straight residuals, not for bent ones."""
    for functions in (2, 3):
        straight = planted(2, n=4, m=100, functions=functions)
        c = straight.drive.c.copy()
        c[:, -1] = 0.4 * c[:, 0] * [1, -1, 1, -1]
        drive = replace(straight.drive, c=c)
        truth = Planted(ended(Flow(straight.ends, functions, 16), drive), drive)
        last = last_fit(truth.ends, guess(truth), noise=_ROUNDING)
        assert last.flow.functions == last.drive.c.shape[1] >= functions
        assert last.miss < 1e-4


def test_neurons_that_moved_far_are_left_out():
    truth = planted(3, n=4, m=100, movement=0.15)
    U, far = truth.ends.U.copy(), [3, 50]
    U[far] += 10
    last = last_fit(replace(truth.ends, U=U), guess(truth), noise=_ROUNDING)
    assert set(last.used) == set(range(100)) - set(far)
    assert np.all(cosines(last.drive.z, truth.drive.z) > 1 - 1e-8)


@pytest.mark.parametrize("activation", [CUBIC, QUARTIC, MIXED], ids=str)
def test_samples_carry_their_weight(activation):
    """sum_i c_i(s) sigma(z_i.u) is the same whichever scale is taken."""
    truth = planted(4, n=4, m=20, activation=activation)
    drive = as_samples(truth.drive, activation.degree, power=activation.is_power)
    u = truth.ends.U0
    before = activation(u @ truth.drive.z.T) @ truth.drive.c
    np.testing.assert_allclose(activation(u @ drive.z.T) @ drive.c, before, rtol=1e-10)
    if activation.is_power:
        np.testing.assert_allclose(np.abs(drive.c[:, 0]), 1)


def test_the_equations_at_the_truth_leave_the_miss_alone():
    truth = planted(5, n=4, m=60, movement=0.15)
    last = last_fit(truth.ends, guess(truth), noise=_ROUNDING)
    drive = as_samples(last.drive, 3, power=True)
    equations = mean_equations(last.flow, drive, np.ones(60))
    left = equations.residual(drive.z, drive.c[:, 0])
    np.testing.assert_allclose(np.abs(left), np.abs(last.flow.miss(drive)[:, 1:]), atol=1e-12)


def hidden(seed, *, activation, level):
    """A problem with more residual functions than the fit takes, and noise on its weights."""
    rng = np.random.default_rng(seed)
    n, functions = int(rng.integers(3, 6)), int(rng.integers(3, 9))
    movement, m = rng.uniform(0.1, 0.45), 20 * n
    truth = planted(seed, n, m, activation=activation, functions=functions, movement=movement)
    c = truth.drive.c.copy()
    c[:, 2:] *= rng.choice([1.0, 4.0])
    drive = Drive(truth.drive.z, c)
    ends = ended(Flow(truth.ends, functions, 16), drive)
    a = ends.a + level * rng.standard_normal(m)
    U = ends.U + level * rng.standard_normal((m, n))
    return Planted(replace(ends, a=a, U=U), drive)


@pytest.mark.parametrize("level", [0.0, 1e-8, 1e-6])
@pytest.mark.parametrize(("activation", "count"), [(CUBIC, 12), (MIXED, 3)], ids=str)
def test_the_truth_is_inside(activation, count, level):
    """45 problems whose model the fit lacks: functions left out, few steps, noise."""
    finite = 0
    for seed in range(count):
        truth = hidden(100 + seed, activation=activation, level=level)
        last = last_fit(truth.ends, guess(truth), noise=max(level, _ROUNDING))
        found, bounds, _ = bounded(truth, last, max(level, _ROUNDING))
        assert np.all(found <= bounds), (seed, found, bounds)
        finite += bool(np.isfinite(bounds).any())
    assert finite >= 0.7 * count


def test_nothing_is_said_under_coarse_noise_or_without_a_spare_equation():
    truth = hidden(0, activation=MIXED, level=1e-3)
    last = last_fit(truth.ends, guess(truth), noise=1e-3)
    assert np.all(np.isinf(bounded(truth, last, 1e-3)[1]))
    few = planted(1, n=4, m=6)
    last = last_fit(few.ends, guess(few, size=1e-4), noise=_ROUNDING)
    _, bounds, relative = bounded(few, last, _ROUNDING)
    assert np.all(np.isinf(bounds))
    assert relative == np.inf


def test_more_noise_gives_larger_bounds():
    """The stated noise counts where the fit leaves less, in proportion."""
    truth = planted(2, n=4, m=100, steps=16)
    last = last_fit(truth.ends, guess(truth), noise=_ROUNDING)
    one, ten = (bounded(truth, last, noise)[1] for noise in (1e-6, 1e-5))
    assert np.all(ten > 5 * one)
