"""Layers of unequal rates and decays: the first are balanced, the second named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bias_cases import descended
from torch_cases import assert_no_false_claim, claims

from identify import Verdict, verify_identifiability
from identify.equations.activation import parse_activation
from identify.equations.layers_apart import ALIKE, at_one_rate
from identify.equations.weights import as_weights

CUBIC = parse_activation(3)


def apart(rho=1.0, **training):
    net = descended(**training)
    weights = as_weights(net.a / rho, net.W / rho, net.init)
    return weights, at_one_rate(weights, CUBIC, rho), net


@pytest.mark.parametrize("output", [0.1, 0.5, 2.0, 10.0])
def test_the_rate_of_the_output_layer_is_found_and_balanced(output):
    weights, (same, found), _ = apart(output=output, rate=2e-3)
    assert found.rate == pytest.approx(output, rel=0.02)
    assert found.decay is None
    assert same.a0 is not None
    assert weights.a0 is not None
    root = np.sqrt(found.rate)
    np.testing.assert_allclose((same.a, same.a0), (weights.a / root, weights.a0 / root))
    np.testing.assert_array_equal(same.W, weights.W)
    assert f"{found.rate:.3g} times the learning rate" in found.sentences(1.0)[0]


@pytest.mark.parametrize("training", [{}, {"rate": 0.02}, {"batch": 2}], ids=str)
def test_equal_rates_are_left_alone(training):
    weights, (same, found), _ = apart(**training)
    assert found == ALIKE
    assert found.sentences(1.0) == ()
    assert same is weights


@pytest.mark.parametrize(("first", "output"), [(0.2, 0.0), (0.0, 0.2), (0.2, 0.05)])
def test_another_decay_is_named(first, output):
    rho, own = ((1 - 5e-3 * decay) ** 300 for decay in (first, output))
    _, (_, found), net = apart(rho, decay=first, output_decay=output)
    assert found.decay == pytest.approx(own, abs=0.04)
    assert "the two decayed unlike" in found.sentences(rho)[0]
    report = verify_identifiability(net.a, net.W, init=net.init)
    assert any("the two decayed unlike" in reason for reason in report.reasons)
    assert any("is determined: 5 of 21" in reason for reason in report.reasons)
    assert_no_false_claim(report, np.hstack([net.x, np.ones((5, 1))]))


def test_equal_decays_are_not_named():
    assert apart((1 - 5e-3 * 0.2) ** 300, decay=0.2)[1][1] == ALIKE


def test_where_nothing_can_be_told():
    weights, _, _ = apart(output=4.0)
    assert at_one_rate(weights, parse_activation([0, 1, 0, 1]), 1.0) == (weights, ALIKE)
    for other in (replace(weights, a=weights.a0), replace(weights, a0=None, W0=None)):
        assert at_one_rate(other, CUBIC, 1.0) == (other, ALIKE)


def test_samples_and_their_weights_come_back_from_unequal_rates():
    """b |x|^3 is what the first layer was moved by, at its own rate: the sum of its residuals."""
    _, _, net = apart(output=5.0, rate=2e-3)
    x = np.hstack([net.x, np.ones((5, 1))])
    report = verify_identifiability(net.a, net.W, init=net.init)
    assert report.verdict in {Verdict.LOCALLY_IDENTIFIABLE, Verdict.GLOBALLY_IDENTIFIABLE}
    assert claims(report) == 5
    assert_no_false_claim(report, x)
    assert any("the output layer at " in said for said in report.hypotheses)
    found = report.recovery
    assert found is not None
    a0, W0 = net.init
    middle, scale = (net.W + W0) / 2, (net.a + a0) / 2
    moved = (3 * (middle @ found.x.T) ** 2 * scale[:, None] * found.b) @ found.x
    factor = float(np.vdot(moved, net.W - W0) / np.vdot(moved, moved))
    assert 0.75 < factor < 1.25, "but for the curvature of the path; a wrong unit is a factor 5"
