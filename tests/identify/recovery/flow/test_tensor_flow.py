"""The flow under a free polynomial: that of samples is one of them, and fits find it."""

from __future__ import annotations

import numpy as np
import pytest
from flow_cases import CUBIC, MIXED, QUARTIC, cosines, neurons, planted, unit_samples

from identify.recovery.flow.flow import Drive, Flow
from identify.recovery.flow.tensor_fit import _Linear, fit_tensor
from identify.recovery.flow.tensor_flow import TensorFlow
from identify.recovery.flow.tensor_start import first_drive
from identify.tensor.features import monomial_features


def polynomial_of(flow, drive):
    """The coefficients of sum_i (c_i0 + c_i1 (2 s - 1)) sigma(u.z_i), written out."""
    gamma, parts = flow.basis(1.0)[1], []
    for k in flow.degrees:
        phi = monomial_features(drive.z, k) * flow.ends.activation.coefficients[k] * flow.size**k
        parts += [drive.c[:, 0] @ phi, drive.c[:, 1] @ phi / gamma]
    return np.concatenate(parts)


def mild(truth):
    return truth.ends.chosen(truth.ends.mild())


@pytest.mark.parametrize("activation", [CUBIC, QUARTIC, MIXED], ids=str)
@pytest.mark.parametrize("trained", [True, False])
def test_the_flow_of_samples_is_that_of_their_polynomial(activation, trained):
    rng = np.random.default_rng(0)
    ends = neurons(rng, 7, 4, activation)
    if not trained:
        ends = type(ends)(ends.a0, ends.U0, ends.a0, ends.U, activation)
    drive = Drive(unit_samples(rng, 3, 4), 0.1 * rng.standard_normal((3, 2)))
    flow = TensorFlow.of(ends)
    path = flow.path(polynomial_of(flow, drive))
    np.testing.assert_allclose(path, Flow(ends, 2, 2).path(drive), rtol=1e-10)


@pytest.mark.parametrize("activation", [CUBIC, MIXED], ids=str)
def test_the_derivative_of_the_end(activation):
    """Against differences of the flow at many steps, and its transpose against itself."""
    rng = np.random.default_rng(1)
    ends = neurons(rng, 5, 3, activation)
    flow = TensorFlow.of(ends, steps=12)
    drive = Drive(unit_samples(rng, 3, 3), 0.1 * rng.standard_normal((3, 2)))
    x, w = polynomial_of(flow, drive), rng.uniform(1, 2, (5, 4))
    J, h = _Linear.at(flow, w, flow.path(x), x), 1e-6
    for along in rng.standard_normal((4, len(x))):
        change = (flow.path(x + h * along)[-1] - flow.path(x - h * along)[-1]) / (2 * h)
        assert np.linalg.norm(J.applied(along) - change * w) < 1e-3 * np.linalg.norm(change * w)
        e = rng.standard_normal((5, 4))
        assert np.sum(e * J.applied(along)) == pytest.approx(J.transposed(e) @ along, rel=1e-10)


@pytest.mark.parametrize(
    ("activation", "n", "m"), [(CUBIC, 5, 60), (CUBIC, 8, 120), (QUARTIC, 4, 60), (MIXED, 4, 60)]
)
@pytest.mark.parametrize("movement", [0.05, 0.3])
def test_samples_from_a_flow_without_any_start(activation, n, m, movement):
    """Directions, lengths where the degrees tell them, and the mean residuals."""
    truth = planted(n, n=n, m=m, activation=activation, movement=movement)
    seen = []
    fit = fit_tensor(TensorFlow.of(mild(truth)), progress=seen.append)
    assert fit.miss == seen[-1] < 0.02
    drive = first_drive(fit, 3, np.random.default_rng(0))
    assert np.all(cosines(drive.z, truth.drive.z) > 0.99)
    nearest = np.argmax(np.abs(truth.drive.z @ drive.z.T), axis=1)
    z, c = drive.z[nearest], drive.c[nearest]
    if activation is MIXED:
        np.testing.assert_allclose(z, truth.drive.z, atol=0.15)
    sign = np.sign(np.sum(z * truth.drive.z, axis=1)) ** activation.degree
    np.testing.assert_allclose(c[:, 0] * sign, truth.drive.c[:, 0], rtol=0.3)


def test_straight_paths_alone_are_not_enough():
    """The same fit without steps misses by many times more: the steps are what is tested."""
    truth = planted(1, n=6, m=100, movement=0.3)
    seen = []
    fit_tensor(TensorFlow.of(mild(truth)), progress=seen.append)
    assert seen[-1] < seen[0] / 2


def test_noise_instead_of_a_flow_leaves_a_miss():
    truth, rng = planted(4, n=5, m=120), np.random.default_rng(0)
    ends = truth.ends
    other = type(ends)(
        ends.a0,
        ends.U0,
        ends.a0 + 0.1 * rng.standard_normal(120),
        ends.U0 + 0.1 * rng.standard_normal((120, 5)),
        CUBIC,
    )
    assert fit_tensor(TensorFlow.of(other)).miss > 0.5
