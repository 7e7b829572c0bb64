"""identify.recovery.flow.derivatives and normal: against differences of the flow itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flow_cases import CUBIC, MIXED, QUARTIC, planted

from identify.recovery.flow.derivatives import (
    by_functions,
    by_lag,
    by_samples,
    by_samples_transposed,
)
from identify.recovery.flow.flow import Drive, Flow
from identify.recovery.flow.normal import normal_equations

_STEP = 1e-4
"""Relative step of a central difference: its error is of the order 1e-8, its rounding 1e-12."""


def differences(flow, drive, name):
    """Central differences of the end by every entry of z, c or the lag, (m, q, ...)."""
    value = np.asarray(getattr(drive, name), float)
    found, step = [], _STEP * float(np.abs(value).max() or 1)
    for index in np.ndindex(value.shape):
        ends = []
        for sign in (1, -1):
            moved = value.copy()
            moved[index] += sign * step
            changed = replace(drive, **{name: float(moved) if value.ndim == 0 else moved})
            ends.append(flow.path(changed)[-1])
        found.append((ends[0] - ends[1]) / (2 * step))
    return np.moveaxis(np.array(found), 0, -1).reshape(*found[0].shape, *value.shape)


def case(activation, *, steps, frozen=False, decay=1.0):
    planned = planted(3, n=2, m=6, activation=activation, movement=0.2)
    ends = replace(planned.ends, decay=decay)
    if frozen:
        ends = replace(ends, a=ends.a0)
    return Flow(ends, 3, steps), planned.drive


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    ("activation", "decay"), [(CUBIC, 1.0), (QUARTIC, 1.0), (MIXED, 1.0), (MIXED, 0.8)], ids=str
)
def test_functions_and_samples(activation, decay, frozen):
    """The same to the order of the flow: sixteen times nearer with half the step."""
    for name, derivative in (("c", by_functions), ("z", by_samples)):
        off = []
        for steps in (8, 16):
            flow, drive = case(activation, steps=steps, frozen=frozen, decay=decay)
            truth = differences(flow, drive, name)
            found = derivative(flow, drive, flow.path(drive))
            assert found.shape == truth.shape
            off.append(np.abs(found - truth).max() / np.abs(truth).max())
        assert off[1] < 1e-4
        assert off[1] < max(off[0] / 6, 1e-6)


@pytest.mark.parametrize("lag", [0.0, 0.03])
def test_lag(lag):
    flow, drive = case(CUBIC, steps=6)
    drive = replace(drive, lag=lag)
    truth = differences(flow, drive, "lag")
    found = by_lag(flow, drive, flow.path(drive))
    assert np.abs(found - truth).max() < 1e-3 * np.abs(truth).max()
    assert np.abs(truth).max() > 1e-3


def jacobian(flow, drive, weights, *, lagged):
    names = ("z", "c", "lag") if lagged else ("z", "c")
    parts = [differences(flow, drive, name).reshape(*flow.ends.change.shape, -1) for name in names]
    J = np.concatenate(parts, axis=2) * weights[:, None, None]
    return J.reshape(-1, J.shape[2])


@pytest.mark.parametrize("lagged", [False, True])
@pytest.mark.parametrize("activation", [CUBIC, MIXED], ids=str)
def test_the_normal_equations_of_the_whole_derivative(activation, lagged):
    flow, drive = case(activation, steps=12)
    off = Drive(drive.z + 0.05, drive.c * 1.1)
    weights = np.linspace(0.5, 2, 6)
    J = jacobian(flow, off, weights, lagged=lagged)
    found = normal_equations(flow, off, weights, lagged=lagged, whole=True)
    miss = (flow.miss(off) * weights[:, None]).ravel()
    np.testing.assert_allclose(found.matrix, J.T @ J, atol=2e-4 * np.abs(J.T @ J).max())
    np.testing.assert_allclose(found.gradient, J.T @ miss, atol=2e-4 * np.abs(J.T @ miss).max())


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("activation", [CUBIC, QUARTIC, MIXED], ids=str)
def test_the_transpose_by_samples(activation, frozen):
    flow, drive = case(activation, steps=3, frozen=frozen, decay=0.7)
    path = flow.path(drive)
    e = np.random.default_rng(0).standard_normal(path[0].shape)
    formed = np.einsum("mqnr,mq->nr", by_samples(flow, drive, path), e)
    np.testing.assert_allclose(by_samples_transposed(flow, drive, path, e), formed, rtol=1e-11)


def test_a_large_derivative_is_not_formed(monkeypatch):
    """The gradient stays that of the whole path, and the descent ends where it did."""
    flow, drive = case(CUBIC, steps=4)
    weights = np.linspace(0.5, 2, 6)
    off = Drive(drive.z + 0.05, drive.c * 1.1)
    formed = normal_equations(flow, off, weights, lagged=True, whole=True)
    monkeypatch.setattr("identify.recovery.flow.normal._FORMED", 0)
    found = normal_equations(flow, off, weights, lagged=True, whole=True)
    np.testing.assert_allclose(found.gradient, formed.gradient, rtol=1e-9)
    assert not np.allclose(found.matrix, formed.matrix, rtol=1e-6)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("activation", [CUBIC, QUARTIC, MIXED], ids=str)
def test_the_mean_of_the_path_is_enough_where_it_is_short(activation, frozen):
    """By z the two differ by the movement and by what residual functions of mean 0 do in it."""
    off = []
    for movement in (1e-2, 1e-3):
        planned = planted(5, n=4, m=20, activation=activation, movement=movement)
        ends = replace(planned.ends, a=planned.ends.a0) if frozen else planned.ends
        flow, drive = Flow(ends, 3, 4), planned.drive
        shifted = replace(drive, z=drive.z + 0.1)
        weights = flow.ends.weights()
        whole, mean = (
            normal_equations(flow, shifted, weights, lagged=False, whole=whole)
            for whole in (True, False)
        )
        size = np.sqrt(np.diag(whole.matrix))
        gradient = np.abs(whole.gradient).max()
        off.append((
            np.abs((mean.matrix - whole.matrix) / np.outer(size, size)).max(),
            np.abs(mean.gradient - whole.gradient).max() / gradient,
        ))
    assert max(off[1]) < 0.01
    assert max(off[1]) < 0.2 * max(off[0])
