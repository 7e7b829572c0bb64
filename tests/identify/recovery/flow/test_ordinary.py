"""Ordinary training end to end: networks of plain torch, and those the flow does not explain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch_cases import assert_no_false_claim, claims, records, trained, turned

from identify import verify_identifiability
from identify.findings import Verdict
from identify.recovery.flow import ordinary
from identify.training import Training

RECIPES = {
    "plain": {"lr": 2e-3},
    "momentum": {"lr": 2e-4, "momentum": 0.9},
    "decay": {"lr": 2e-3, "weight_decay": 0.05},
}
LAGS = {"plain": 0.5 / 400, "momentum": 9.5 / 400, "decay": 0.5 / 400}
WORDS = "span of the training samples is determined"


def verified(net, **options):
    return verify_identifiability(net.a, net.W, init=net.init, **options)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("recipe", RECIPES)
def test_all_samples_of_an_ordinary_training(recipe, kind):
    net = trained(records(0), kind=kind, **RECIPES[recipe])
    report = verified(net)
    assert report.rank.row_space == len(report.recovery.x) == 6
    found, _ = turned(report, net.x)
    assert np.all(1 - found**2 / 2 > 0.9999)
    assert_no_false_claim(report, net.x)
    course = report.course
    assert course.confirmed.all()
    assert course.decay == pytest.approx((1 - 1e-4) ** 400 if recipe == "decay" else 1, abs=1e-5)
    assert course.lag == pytest.approx(LAGS[recipe], rel=0.2)
    if kind == torch.float64:
        assert report.verdict is Verdict.LOCALLY_IDENTIFIABLE
        assert claims(report) == 6
    else:  # what float32 hides between two samples may leave some of them open
        assert report.verdict in {Verdict.LOCALLY_IDENTIFIABLE, Verdict.PARTIALLY_IDENTIFIABLE}


def missing(honest, monkeypatch, *, spoil):
    """Let the flow of the tensor's samples miss by .015, its first sample spoiled or not."""
    calls = []

    def last_fit(*arguments, **options):
        last = honest(*arguments, **options)
        calls.append(last.miss)
        return last if len(calls) > 1 else replace(last, drive=spoil(last.drive), miss=0.015)

    monkeypatch.setattr(ordinary, "last_fit", last_fit)
    monkeypatch.setattr(ordinary, "_TRUSTED", np.inf)


def elsewhere(drive):
    z = drive.z.copy()
    z[0] = z[1] + 0.3 * np.random.default_rng(0).standard_normal(z.shape[1])
    return replace(drive, z=z)


def test_wrong_samples_of_the_tensor_do_not_stay(monkeypatch):
    net = trained(records(0), **RECIPES["plain"])
    missing(ordinary.last_fit, monkeypatch, spoil=elsewhere)
    report = verified(net)
    found, _ = turned(report, net.x)
    assert np.all(1 - found**2 / 2 > 0.9999)
    assert report.course.confirmed.all()
    assert claims(report) == 6


def test_samples_of_the_tensor_that_miss_are_claimed_where_a_search_confirms_them(monkeypatch):
    net, honest = trained(records(0), **RECIPES["plain"]), ordinary.search

    def search(*arguments, **options):
        found = honest(*arguments, **options)
        return replace(found, drive=elsewhere(found.drive), miss=0.1)

    missing(ordinary.last_fit, monkeypatch, spoil=lambda drive: drive)
    monkeypatch.setattr(ordinary, "search", search)
    report = verified(net)
    assert report.course.confirmed.sum() == 5
    assert claims(report) == 5
    assert any("A search confirms 5 of 6" in reason for reason in report.reasons)
    assert_no_false_claim(report, net.x)


def test_what_is_stated_is_held_against_the_weights():
    net = trained(records(1), **RECIPES["decay"])
    right = Training(rate=2e-3, weight_decay=0.05, steps=400, targets=[1.0] * 6)
    report = verified(net, training=right)
    assert not any("not trained as stated" in reason for reason in report.reasons)
    wrong = verified(net, training=Training(rate=2e-3, weight_decay=0.0, steps=400))
    assert any("not trained as stated" in reason for reason in wrong.reasons)
    few = verified(net, training=replace(right, targets=[1.0] * 5))
    assert few.verdict in {Verdict.UNDECIDED, Verdict.PARTIALLY_IDENTIFIABLE}
    assert claims(few) == 0


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("batch", [1, 2])
def test_mini_batches_make_no_claim_false(batch, seed):
    net = trained(records(seed), batch=batch, seed=seed, lr=2e-3)
    report = verified(net)
    assert report.rank.row_space == 6
    assert_no_false_claim(report, net.x)
    if claims(report) < 6:
        assert report.verdict is Verdict.PARTIALLY_IDENTIFIABLE
        assert claims(report) or any(WORDS in reason for reason in report.reasons)


@pytest.mark.parametrize("kind", ["adam", "other start", "noisy start"])
def test_what_no_flow_explains_is_refused(kind):
    net = trained(records(0, d=16), adam=kind == "adam", lr=2e-3)
    rng, (a0, W0) = np.random.default_rng(9), net.init
    if kind == "other start":
        net = replace(net, init=(rng.permutation(a0), rng.permutation(W0)))
    elif kind == "noisy start":
        net = replace(net, init=(a0, W0 + 0.02 * rng.standard_normal(W0.shape)))
    report = verified(net)
    assert report.verdict in {Verdict.MODEL_REJECTED, Verdict.UNDECIDED}
    assert claims(report) == 0
    assert report.course is None
    assert not any(WORDS in reason for reason in report.reasons)


@pytest.mark.parametrize("sigma", [torch.tanh, lambda t: t**3 + 0.7 * t**2 + 0.5 * t])
def test_another_activation_leaves_the_span_alone(sigma):
    net = trained(records(1, d=16), sigma=sigma, seed=1, lr=2e-3)
    report = verified(net)
    assert claims(report) == 0
    assert report.verdict is Verdict.MODEL_REJECTED
    assert any(WORDS in reason for reason in report.reasons)


def test_a_frozen_output_layer():
    net = trained(records(1, d=16), frozen=True, seed=1, lr=2e-3)
    np.testing.assert_array_equal(net.a, net.init[0])
    report = verified(net)
    found, _ = turned(report, net.x)
    assert claims(report) == 6
    assert np.all(1 - found**2 / 2 > 0.9999)
    assert_no_false_claim(report, net.x)


@pytest.mark.parametrize("apart", [1e-2, 1e-4, 0.0])
def test_near_duplicates(apart):
    """What is claimed lies by a true sample; a sample used twice is one."""
    x = records(1, d=16)
    x[1] = x[0] + apart * records(7, 1, 16)[0]
    report = verified(trained(x, seed=1, lr=2e-3))
    assert_no_false_claim(report, x)
    assert report.rank.row_space == (6 if apart else 5)
    if apart == 0:
        assert claims(report) == 5
