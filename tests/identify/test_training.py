"""identify.training: what is stated is checked, used, and held against the weights."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from weight_cases import refuse

from identify import verify_identifiability
from identify.options import Options, check_options
from identify.training import LOSSES, NOT_SO, UNKNOWN, Shown, Training, contradictions

BAD = {
    "loss": ["mse", "", 1, True],
    "rate": [0, -1e-3, np.inf, np.nan, "0.1", True, None],
    "momentum": [-0.1, 1, 1.5, np.nan, "0.9", False],
    "weight_decay": [-1e-9, np.inf, np.nan, "0", True],
    "steps": [0, -1, 1.0, np.inf, "10", True],
    "batch": [-1, 2.0, np.nan, "5", True],
    "targets": [[], [np.nan], [1, np.inf], [[1.0], [2.0]], 1.0, "ab", ["1"], [True], [None], [1j]],
}


@pytest.mark.parametrize(
    ("name", "value"), [(n, v) for n, values in BAD.items() for v in values if v is not None]
)
def test_a_bad_field_is_named_with_what_to_pass(name, value):
    error = refuse(lambda: Training(**{name: value}), f"training: {name}: found ", "; pass ")
    assert str(error).count("; pass ") == 1
    assert len(str(error)) < 250


def test_every_field_has_its_bad_values_and_may_be_left_out():
    assert {field.name for field in fields(Training)} == set(BAD)
    assert Training() == UNKNOWN
    assert Training(**dict.fromkeys(BAD)) == UNKNOWN


@pytest.mark.parametrize(
    "good",
    [
        *({"loss": loss} for loss in LOSSES),
        {"rate": np.float32(1e-3)},
        {"rate": 10**30},
        {"momentum": 0},
        {"momentum": 0.999},
        {"weight_decay": 0.0},
        {"steps": np.int64(1)},
        {"batch": 0},
        {"targets": np.array([1.0, -2.0])},
        {"targets": (1, 2, 3)},
    ],
)
def test_edges_that_are_good(good):
    ((name, value),) = good.items()
    assert getattr(Training(**good), name) is value


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ({}, True),
        ({"loss": "squared", "batch": 0}, True),
        ({"batch": 5}, False),
        ({"loss": "logistic"}, False),
    ],
)
def test_full_batches_on_the_squared_loss_are_not_excluded(given, full):
    assert Training(**given).full_batch_squared is full


def test_the_decay_is_the_product_over_the_steps():
    training = Training(rate=0.03, weight_decay=0.02, steps=400)
    left = 1.0
    for _ in range(400):
        left -= 0.03 * 0.02 * left
    assert training.decay == pytest.approx(left, rel=1e-12)
    assert Training(weight_decay=0).decay == 1.0
    for name in ("rate", "weight_decay", "steps"):
        known = {"rate": 0.03, "weight_decay": 0.02, "steps": 400}
        del known[name]
        assert Training(**known).decay is None


@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_the_decay_with_momentum_is_that_of_its_steps(beta):
    """torch.optim.SGD written out for a weight without a gradient, but for its start from rest."""
    rate, decay, steps = 1e-3, 1e-2, 20_000
    weight, momentum = 1.0, 0.0
    for _ in range(steps):
        momentum = beta * momentum + decay * weight
        weight -= rate * momentum
    stated = Training(rate=rate, weight_decay=decay, steps=steps, momentum=beta).decay
    assert stated is not None
    late = beta / (1 - beta) / steps  # the momentum is still to come
    assert abs(stated - weight) < 2 * late * (1 - weight)
    assert stated < 0.9


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_the_lag_is_half_a_step_and_the_mean_age_of_the_momentum(beta):
    age, weight = 0.0, 1 - beta
    for past in range(2000):
        age += weight * past
        weight *= beta
    lag = Training(momentum=beta, steps=50).lag
    assert lag == pytest.approx((0.5 + age) / 50)
    assert Training(momentum=beta).lag is None
    assert Training(steps=50).lag is None


def said(training, n_samples=None, **shown):
    return contradictions(training, Shown(**shown), n_samples)


def test_a_decay_that_the_weights_contradict():
    training = Training(rate=0.1, weight_decay=0.01, steps=100)
    shown = (1 - 0.001) ** 100
    assert said(training, decay=shown) == ()
    assert said(training, decay=1 - 0.96 * (1 - shown)) == ()
    assert said(training) == ()
    for other in (1.0, 1 - 0.9 * (1 - shown), 1 - 1.2 * (1 - shown)):
        (sentence,) = said(training, decay=other)
        assert f"{other:.6g}" in sentence
        assert f"{shown:.6g}" in sentence
        assert sentence.endswith(NOT_SO)
    assert said(UNKNOWN, decay=0.5, samples=5, lag=(0.1, 1e-7), common=0.5, outputs=9) == ()
    assert said(Training(weight_decay=0), decay=0.9)
    assert said(Training(weight_decay=0), decay=1.0) == ()


def test_more_samples_than_the_stated_steps_use():
    training = Training(steps=3, batch=4)
    assert said(training, samples=12) == ()
    (sentence,) = said(training, samples=13)
    assert "12 samples at the most; 13 stand" in sentence
    assert said(Training(steps=3), samples=13) == (), "full batches may hold any number"


def test_no_gap_where_the_stated_descent_leaves_one():
    for training in (Training(rate=0.1), Training(momentum=0.9), Training(weight_decay=0.0)):
        (sentence,) = said(training, 10, room=20)
        assert "the 10 samples stated" in sentence
        assert said(training, 21, room=20) == (), "so many leave none"
        assert said(training, None, room=20) == ()
        assert said(training, 10, samples=10) == (), "a gap shows"
    assert said(Training(loss="squared"), 10, room=20) == ()


@pytest.mark.parametrize("beta", [0.0, 0.9])
def test_the_lag_that_the_flow_shows(beta):
    training = Training(momentum=beta, steps=1000)
    assert training.lag is not None
    for factor, fine in ((1, True), (30, True), (0.4, True), (0.2, False)):
        assert (said(training, lag=(training.lag * factor, 1e-7)) == ()) is fine
    assert said(training, lag=(0.2 * training.lag, training.lag)) == (), "too little is known"
    assert said(Training(momentum=beta), lag=(1.0, 1e-7)) == ()


def test_cross_entropy_moves_all_outputs_together():
    training = Training(loss="cross-entropy")
    assert said(training, outputs=10, common=1e-5) == ()
    assert said(training, outputs=10) == ()
    assert "add up to 0" in said(training, outputs=10, common=0.3)[0]
    assert "needs two outputs" in said(training, outputs=1)[0]
    assert said(Training(loss="squared"), outputs=10, common=0.3) == ()


def test_targets_give_the_number_of_samples():
    three = Training(targets=[1, -1, 1])
    assert check_options(Options(training=three), "known-init").n_samples == 3
    assert check_options(Options(3, training=three), "known-init").n_samples == 3
    refuse(
        lambda: check_options(Options(4, training=three), "known-init"),
        "training: targets: found 3",
        "n_samples=4",
    )


@pytest.mark.parametrize("init", [None, "frozen"])
def test_training_goes_with_known_initial_weights(init):
    rng = np.random.default_rng(0)
    a, W = rng.standard_normal(5), rng.standard_normal((5, 3))
    given = None if init is None else (a + 1, None)
    setting = "kkt" if init is None else "random-features"
    for training in (Training(steps=3), Training(targets=[1])):
        error = refuse(
            lambda training=training: verify_identifiability(a, W, init=given, training=training),
            "training: found Training(",
            "init=(a0, W0)",
        )
        assert setting in str(error)


def test_training_has_to_be_one():
    stated: Any = {"steps": 3}
    refuse(
        lambda: check_options(Options(training=stated), "known-init"),
        "training: found {'steps': 3}; pass a Training",
    )
    assert check_options(Options(training=Training()), "kkt").n_samples is None
