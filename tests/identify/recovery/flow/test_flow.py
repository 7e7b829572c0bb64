"""identify.recovery.flow.flow and ends: the flow is that of the definition, and that of descent."""

from __future__ import annotations

from dataclasses import replace

import flow_cases
import numpy as np
import pytest
from flow_cases import CUBIC, MIXED, QUARTIC, neurons, residual, unit_samples
from scipy.integrate import solve_ivp

from identify.equations.activation import Polynomial
from identify.recovery.flow.ends import Ends
from identify.recovery.flow.flow import Drive, Flow


def drawn(activation, *, n=3, m=4, functions=3, size=0.05, decay=1.0):
    rng = np.random.default_rng(7)
    ends = neurons(rng, m, n, activation, decay)
    c = size * rng.standard_normal((n, functions))
    return ends, Drive(unit_samples(rng, n, n), c)


def integrated(ends, drive, activation, *, pull=0.0):
    """The end of d theta / ds = v(theta) + pull theta, to the precision of the integrator."""
    shape = (len(ends.a0), ends.U0.shape[1] + 1)

    def velocity(s, theta):
        theta = theta.reshape(shape)
        rho = residual(drive.c, s)
        return (flow_cases.field(theta, drive.z, rho, activation) + pull * theta).ravel()

    start = np.column_stack([ends.a0, ends.U0]).ravel()
    return solve_ivp(velocity, (0, 1), start, rtol=1e-11, atol=1e-12).y[:, -1].reshape(shape)


@pytest.mark.parametrize("activation", [CUBIC, QUARTIC, MIXED], ids=str)
def test_the_path_is_the_flow_of_the_definition(activation):
    ends, drive = drawn(activation)
    truth = integrated(ends, drive, activation)
    errors = [np.abs(Flow(ends, 3, k).path(drive)[-1] - truth).max() for k in (16, 32)]
    assert np.abs(truth[:, 1:] - ends.U0).max() > 0.05
    assert errors[1] < 1e-8
    assert errors[0] > 10 * errors[1]  # of fourth order: 16, of third 8


def test_the_middles_of_the_steps_lie_on_the_path():
    ends, drive = drawn(CUBIC)
    coarse, fine = Flow(ends, 3, 8), Flow(ends, 3, 16)
    np.testing.assert_allclose(coarse.times, np.linspace(0, 1, 17), atol=1e-15)
    off = np.abs(coarse.path(drive) - fine.path(drive)[::2]).max()
    assert off < 1e-4
    straight = (coarse.path(drive)[:-2:2] + coarse.path(drive)[2::2]) / 2
    assert off < 0.05 * np.abs(straight - coarse.path(drive)[1::2]).max()


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_the_lag_is_that_of_steps_and_momentum(beta):
    """To second order: half the step, four times nearer; without the lag only twice."""
    ends, drive = drawn(MIXED, functions=1)
    late, plain = [], []
    for steps in (100, 200):
        truth = flow_cases.descended(ends, drive.z, drive.c[:, 0], steps, beta=beta)
        behind = beta / (1 - beta) / steps
        # the momentum starts from nothing: the last of it is still to come
        c = drive.c * (1 - behind)
        for lag, errors in ((0.5 / steps + behind, late), (0.0, plain)):
            end = Flow(ends, 1, 32).path(Drive(drive.z, c, lag))[-1]
            errors.append(np.linalg.norm(end - truth))
    assert 3.4 < late[0] / late[1] < 4.8
    assert 1.7 < plain[0] / plain[1] < 2.3
    assert late[1] < 0.1 * plain[1]


@pytest.mark.parametrize("activation", [MIXED, Polynomial((0.0, 1.0, 0.0, 0.3))], ids=str)
def test_decay_turns_a_polynomial_over_time(activation):
    """Descent with weight decay, divided by what the initial weights decayed to."""
    ends, drive = drawn(activation, functions=1)
    factor, extrapolated = 0.8, 0.0
    for steps, weight in ((1500, -1), (3000, 2)):  # its error is of first order in the step
        shrink = factor ** (1 / steps)
        end = flow_cases.descended(ends, drive.z, drive.c[:, 0], steps, shrink=shrink)
        extrapolated = extrapolated + weight * end / factor
    decayed = replace(ends, decay=factor)
    end = Flow(decayed, 1, 24).path(drive)[-1]
    assert np.abs(end - extrapolated).max() < 1e-5
    ignored = Flow(ends, 1, 24).path(drive)[-1]
    assert np.abs(ignored - extrapolated).max() > 1e-2


def test_decay_of_a_power_is_a_change_of_its_residuals():
    factor, (ends, drive) = 0.7, drawn(CUBIC, functions=1)
    truth = integrated(ends, drive, CUBIC, pull=np.log(factor)) / factor
    nodes = np.linspace(-1, 1, 50)
    series = np.polynomial.legendre.legfit(nodes, factor ** (nodes + 1), 6)
    power = Flow(replace(ends, decay=factor), 7, 16)
    end = power.path(Drive(drive.z, drive.c * series))[-1]
    assert np.abs(end - truth).max() < 1e-6


def test_an_output_layer_that_is_frozen_stays():
    ends, drive = drawn(MIXED)
    frozen = replace(ends, a=ends.a0)
    path = Flow(frozen, 3, 6).path(replace(drive, lag=0.01))
    np.testing.assert_array_equal(path[-1, :, 0], ends.a0)
    assert np.abs(path[-1, :, 1:] - ends.U0).max() > 0.01


def test_the_miss_counts_from_the_final_weights():
    ends, drive = drawn(CUBIC)
    flow = Flow(flow_cases.ended(Flow(ends, 3, 6), drive), 3, 6)
    assert not flow.miss(drive).any()
    moved = replace(flow.ends, U=flow.ends.U + 0.25)
    np.testing.assert_allclose(Flow(moved, 3, 6).miss(drive)[:, 1:], 0.25)


def test_the_neurons_that_moved_least_for_their_size():
    a0, U0 = np.zeros(4), np.array([[1.0], [10.0], [1.0], [1e3]])
    ends = Ends(a0, U0, a0 + 1e-9, U0 + np.array([[0.1], [0.2], [0.5], [900.0]]), CUBIC)
    np.testing.assert_array_equal(ends.least_moved(2).U0, [[1.0], [10.0]])
    np.testing.assert_array_equal(ends.least_moved(3).U0[:, 0], [1.0, 10.0, 1.0])


def test_weights_make_movements_one_but_not_those_of_noise():
    rng = np.random.default_rng(0)
    ends = neurons(rng, 40, 3)
    change = rng.standard_normal((40, 3)) * np.geomspace(1e-6, 1, 40)[:, None]
    ends = replace(ends, a=ends.a0 + 1e-9, U=ends.U0 + change)
    shown = ends.movement * ends.weights()
    large = ends.movement > 0.1 * np.median(ends.movement)
    np.testing.assert_allclose(shown[large], 1)
    assert np.all(shown[~large] < 1)
    noisy = ends.movement * ends.weights(0.05)
    assert np.all(noisy[ends.movement < 0.05 * 2] < 1)


def test_outputs_are_those_of_the_network():
    ends, drive = drawn(MIXED)
    for x, value in zip(drive.z, ends.outputs(drive.z), strict=True):
        terms = [a * sum(k * (u @ x) ** p for p, k in enumerate(MIXED.coefficients))
                 for a, u in zip(ends.a, ends.U, strict=True)]  # fmt: skip
        assert value == pytest.approx(sum(terms))
