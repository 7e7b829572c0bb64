"""identify.recovery.flow.derivatives and normal: against differences of the flow itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flow_cases import CUBIC, MIXED, QUARTIC, planted

from identify.recovery.flow.derivatives import by_functions, by_lag, by_samples
from identify.recovery.flow.descent import descend
from identify.recovery.flow.flow import Drive, Flow
from identify.recovery.flow.normal import normal_equations
from identify.recovery.flow.products import EndProducts

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


@pytest.mark.parametrize("lagged", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("activation", [CUBIC, QUARTIC, MIXED], ids=str)
def test_products_are_those_of_the_formed_derivative(activation, frozen, lagged):
    flow, drive = case(activation, steps=3, frozen=frozen, decay=0.7)
    path, weights = flow.path(drive), np.linspace(0.5, 2, 6)
    parts = [by(flow, drive, path).reshape(*path[0].shape, -1) for by in (by_samples, by_functions)]
    if lagged:
        parts.append(by_lag(flow, drive, path)[..., None])
    J = np.concatenate(parts, axis=2) * weights[:, None, None]
    products = EndProducts(flow, drive, path, weights, lagged=lagged)
    rng = np.random.default_rng(0)
    step, e = rng.standard_normal(J.shape[2]), rng.standard_normal(path[0].shape)
    np.testing.assert_allclose(products.times(step), J @ step, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(products.transposed_times(e), np.einsum("mqp,mq->p", J, e), 1e-10)


@pytest.mark.parametrize("activation", [CUBIC, MIXED], ids=str)
def test_a_step_by_products_is_that_of_the_formed_derivative(activation, monkeypatch):
    """The first step of a descent, to the share at which conjugate gradients end."""
    flow, drive = case(activation, steps=4)
    off = Drive(drive.z + 0.02, drive.c * 1.02)

    def descended():
        return descend(flow, off, size=1e-8, lagged=True, whole=True, damping=1e-8, max_steps=1)

    formed = descended().drive
    monkeypatch.setattr("identify.recovery.flow.descent._SHARE", 1e-8)
    monkeypatch.setattr("identify.recovery.flow.normal._FORMED", 0)
    found = descended().drive
    for name in ("z", "c", "lag"):
        one, two, before = (np.asarray(getattr(at, name)) for at in (found, formed, off))
        assert np.abs(one - two).max() < 1e-5 * np.abs(two - before).max()
    monkeypatch.setattr("identify.recovery.flow.descent._MOST", 0)  # the mean of the path alone
    mean = descended().drive
    assert np.abs(mean.z - formed.z).max() > 1e-3 * np.abs(formed.z - off.z).max()


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
