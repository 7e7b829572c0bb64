"""The bias as an input that is always 1: when it may be read so, and what it then fixes."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch
from bias_cases import descended
from torch_cases import claims
from weight_cases import refuse, write

from identify import Verdict, verify_identifiability
from identify.equations.activation import parse_activation
from identify.equations.bias import bias_rate, without_odd_bias
from identify.equations.weights import as_weights, read_states, with_bias

CUBIC = parse_activation(3)


def weights_of(net):
    return with_bias(as_weights(net.a, net.W, net.init), bias=True)


@pytest.mark.parametrize("ratio", [0.5, 0.95, 1.0, 1.2, 3.0])
def test_the_rate_of_the_bias_is_read_off_the_weights(ratio):
    found = bias_rate(weights_of(descended(bias=ratio)), CUBIC)
    assert found is not None
    assert found[0] == pytest.approx(ratio, rel=0.01)
    assert abs(found[0] - ratio) < 10 * found[1] < 0.1 * ratio, "steps of finite size show"


def test_where_nothing_tells_the_rate():
    weights = weights_of(descended())
    assert weights.a0 is not None
    assert bias_rate(weights, parse_activation([0, 1, 0, 1])) is None
    assert bias_rate(replace(weights, a=weights.a0), CUBIC) is None
    assert bias_rate(replace(weights, W0=None), CUBIC) is None


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"bias": 1.5}, "moved 1.5"),
        ({"bias": 0.0}, "did not move"),
        ({"decay": 0.2, "bias_decay": 0.0}, "and its bias did not"),
        ({"decay": 0.2, "bias_decay": 0.1}, "and its bias did not"),
    ],
)
def test_a_bias_trained_otherwise_is_left_out_and_nothing_is_claimed(training, words):
    net = descended(**training)
    kept, why = without_odd_bias(weights_of(net), CUBIC)
    assert why is not None
    assert words in why
    assert kept.W.shape == (120, 20)
    assert not kept.bias
    report = verify_identifiability(net.a, net.W, init=net.init, bias=True)
    assert report.verdict is Verdict.PARTIALLY_IDENTIFIABLE, "the span of the inputs is certain"
    assert report.recovery is None
    assert any("is determined: 5 of 20" in reason for reason in report.reasons)
    assert any(words in reason for reason in report.reasons)


@pytest.mark.parametrize("training", [{}, {"decay": 0.2}, {"batch": 2}, {"bias": 1.04}], ids=str)
def test_the_constant_fixes_the_norms_and_the_signs(training):
    """A rate that is a little off is within the bounds, which know how well it was seen."""
    net = descended(**training)
    assert without_odd_bias(weights_of(net), CUBIC)[1] is None
    report = verify_identifiability(net.a, net.W, init=net.init, bias=True)
    found = report.recovery
    assert found is not None
    assert found.x.shape == net.x.shape
    assert found.norm_known
    assert found.equivalences == ("permutation of the samples",)
    apart = np.linalg.norm(found.x[:, None] - net.x, axis=2)
    assert np.all(apart.min(axis=1) <= found.error_bound)
    assert sorted(apart.argmin(axis=1)) == list(range(5))
    assert claims(report) >= 4 or "bias" in training
    assert apart.min(axis=1).max() < 0.1
    assert any("The bias of the first layer was trained like" in said for said in report.hypotheses)


def test_lower_degrees_and_the_constant_agree():
    sigma = (0.0, 0.5, 0.7, 1.0)
    net = descended(n=3, sigma=sigma, rate=1e-3, steps=100)
    report = verify_identifiability(net.a, net.W, init=net.init, bias=True, activation=sigma)
    found = report.recovery
    assert found is not None
    apart = np.linalg.norm(found.x[:, None] - net.x, axis=2).min(axis=1)
    assert np.all(apart <= found.error_bound)
    off = descended(n=3, sigma=sigma, rate=1e-3, steps=100, bias=2.0)
    other = verify_identifiability(off.a, off.W, init=off.init, bias=True, activation=sigma)
    if other.recovery is not None:
        wrong = np.linalg.norm(other.recovery.x[:, None] - off.x, axis=2).min(axis=1)
        assert np.all(wrong <= other.recovery.error_bound)


def state(net, end, output_bias):
    a, W = (net.a, net.W) if end else net.init
    parts = {"0.weight": W[:, :-1], "0.bias": W[:, -1], "2.weight": a[None]}
    parts["2.bias"] = np.array([output_bias])
    return {name: torch.tensor(value) for name, value in parts.items()}


@pytest.mark.parametrize("form", ["state dict", ".safetensors", ".pt"])
def test_checkpoints_with_biases_are_read(tmp_path, form):
    net = descended(steps=3)
    states = [state(net, end, 0.25 * end) for end in (True, False)]
    if form != "state dict":
        states = [write(tmp_path / f"{k}{form}", s) for k, s in enumerate(states)]
    found = read_states(*states)
    assert found.bias
    assert found.output_bias
    np.testing.assert_array_equal(found.W, net.W)
    np.testing.assert_array_equal(found.W0, net.init[1])


def test_biases_that_are_0_or_did_not_move():
    net = descended(steps=3)
    after, before = state(net, True, 0.5), state(net, False, 0.5)
    assert not read_states(after, before).output_bias
    for one in (after, before):
        one["0.bias"] = torch.zeros(120, dtype=torch.float64)
    found = read_states(after, before)
    assert not found.bias
    assert found.W.shape == (120, 20)


def test_biases_that_one_checkpoint_lacks_are_named():
    net = descended(steps=3)
    for name, which in (("0.bias", "first"), ("2.bias", "second")):
        after, before = state(net, True, 0.5), state(net, False, 0.0)
        del before[name]
        refuse(
            lambda after=after, before=before: read_states(after, before),
            f"init: found no bias of the {which} layer, where the trained network has one; pass",
        )
        refuse(
            lambda after=after, before=before: read_states(before, after),
            f"init: found a bias of the {which} layer, where the trained network has none; pass",
        )


def test_a_bias_needs_initial_weights():
    net, number = descended(steps=3), cast("bool", 1)
    refuse(
        lambda: verify_identifiability(net.a, net.W, bias=True), "bias: found True in the kkt", "; "
    )
    refuse(
        lambda: verify_identifiability(net.a, net.W, init=net.init, bias=number),
        "bias: found 1; pass True or False",
    )
    refuse(
        lambda: verify_identifiability(net.a, net.W, init=net.init, bias=True, activation="relu"),
        "bias: found True with activation='relu'; pass two checkpoints to verify_network",
    )
