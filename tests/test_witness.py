"""Degrees 1 and 2: what is not identifiable is shown by a second set that fits."""

from __future__ import annotations

import cases
import numpy as np
import pytest
from cases import AMBIGUOUS, Case, witness_residual

from identify import Verdict, synthesize_kkt, verify_identifiability


def verify(case: Case, **options):
    report = verify_identifiability(case.a, case.W, **case.options | options)
    assert report.verdict == Verdict.NOT_IDENTIFIABLE, report.reasons
    return report


def assert_witnessed(case: Case, report) -> None:
    """Both sets satisfy the equations, and they differ."""
    for fitted in (report.recovery, report.witness):
        assert witness_residual(case, fitted) <= 1e-8
    one, other = (
        s.x / np.linalg.norm(s.x, axis=1)[:, None] for s in (report.recovery, report.witness)
    )
    chords = np.sqrt(np.maximum(2 - 2 * np.abs(one @ other.T), 0))
    distance = max(chords.min(axis=0).max(), chords.min(axis=1).max())
    assert distance > 1e-3
    assert report.witness.distance == pytest.approx(distance, rel=1e-6)
    assert not np.isfinite(report.recovery.error_bound).any()


def kkt(rng, alpha, n=3, d=5) -> Case:
    x = cases.orthonormal(rng, n, d, 0.05 * (alpha == 1)) * rng.uniform(0.7, 1.4, (n, 1))
    labels = rng.choice([-1, 1], n)
    count = 4 if alpha == 1 else 2
    point = synthesize_kkt(x, labels, alpha, multiplicities=count, seed=int(rng.integers(99)))
    return Case(point.a, point.W, {"activation": alpha}, point.x, point.b, AMBIGUOUS)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("known", [{}, {"n_samples": 3}, {"n_samples": 4}])
@pytest.mark.parametrize("alpha", [1, 2])
def test_kkt(alpha, known, seed):
    case = kkt(np.random.default_rng(seed), alpha)
    assert_witnessed(case, verify(case, **known))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("alpha", [1, 2])
def test_the_margin_given_is_kept(alpha, seed):
    case = kkt(np.random.default_rng(seed), alpha)
    report = verify(case, margin=1.0)
    assert_witnessed(case, report)
    for fitted in (report.recovery, report.witness):
        outputs = ((fitted.x @ case.W.T) ** alpha) @ case.a
        np.testing.assert_allclose(np.sign(fitted.b) * outputs, 1.0, rtol=1e-8)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("activation", [1, 2, [0, 1, 1], [0, -0.5, 2], [0, 3], [0, 0, 0.5]])
def test_known_initial_weights(activation, seed):
    rng = np.random.default_rng(seed)
    x, b = cases.samples(rng, 3, 5, norms=True), cases.signed(rng, 3)
    case = cases.gradient_step(rng, x, 0.01 * b, activation, 30, AMBIGUOUS)
    assert_witnessed(case, verify(case))


@pytest.mark.parametrize("activation", [[1, 1], [1, 0, 1], [0.5, 1, 1]])
def test_a_constant_term_enters_the_output_weights(activation):
    rng = np.random.default_rng(1)
    x, b = cases.samples(rng, 3, 5), cases.signed(rng, 3)
    case = cases.gradient_step(rng, x, 0.01 * b, activation, 30, AMBIGUOUS)
    report = verify_identifiability(case.a, case.W, **case.options)
    if report.verdict == Verdict.NOT_IDENTIFIABLE:
        assert_witnessed(case, report)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("activation", [1, 2, [0, 1, 1], [0.5, 1, 1]])
def test_random_features(activation, seed):
    rng = np.random.default_rng(seed)
    x, b = cases.samples(rng, 3, 4), cases.signed(rng, 3)
    W, a0 = rng.standard_normal((30, 4)), rng.standard_normal(30)
    value, _ = cases.power_sum(cases.coefficients(activation), W, x, b)
    options = {"activation": activation, "init": (a0, None)}
    case = Case(a0 + value, W, options, x, b, AMBIGUOUS)
    report = verify_identifiability(case.a, case.W, **case.options)
    if report.verdict == Verdict.NOT_IDENTIFIABLE:
        assert_witnessed(case, report)


@pytest.mark.parametrize("alpha", [1, 2])
@pytest.mark.parametrize("front", ["kkt", "known-init"])
@pytest.mark.parametrize("margin", [None, 1.0])
def test_one_sample_may_be_determined(alpha, front, margin):
    rng = np.random.default_rng(0)
    if front == "kkt":
        case = kkt(rng, alpha, n=1)
        options = {"margin": margin}
    else:
        case = cases.gradient_step(rng, cases.samples(rng, 1, 4), np.array([0.3]), alpha, 20)
        options = {}
    report = verify_identifiability(case.a, case.W, **case.options, n_samples=1, **options)
    assert report.verdict != Verdict.NOT_IDENTIFIABLE
