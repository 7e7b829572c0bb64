"""Degrees 1 and 2: what is not identifiable is shown by a second set that fits."""

from __future__ import annotations

import cases
import numpy as np
import pytest
from cases import AMBIGUOUS, Case
from truth import assert_witnessed, low_degree_point, posed

from identify import Verdict, verify_identifiability
from identify.equations.activation import parse_activation
from identify.options import Options
from identify.tensor.interpolation import interpolate
from identify.undetermined.low_degree import determined_part, why_no_pair, witness_pair


def verify(case: Case, **options):
    report = verify_identifiability(case.a, case.W, **case.options | options)
    assert report.verdict == Verdict.NOT_IDENTIFIABLE, report.reasons
    return report


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("known", [{}, {"n_samples": 3}, {"n_samples": 4}])
@pytest.mark.parametrize("alpha", [1, 2])
def test_kkt(alpha, known, seed):
    case = low_degree_point(np.random.default_rng(seed), alpha)
    assert_witnessed(case, verify(case, **known))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("alpha", [1, 2])
def test_the_margin_given_is_kept(alpha, seed):
    case = low_degree_point(np.random.default_rng(seed), alpha)
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
        case = low_degree_point(rng, alpha, n=1)
        options = {"margin": margin}
    else:
        case = cases.gradient_step(rng, cases.samples(rng, 1, 4), np.array([0.3]), alpha, 20)
        options = {}
    report = verify_identifiability(case.a, case.W, **case.options, n_samples=1, **options)
    assert report.verdict != Verdict.NOT_IDENTIFIABLE


@pytest.mark.parametrize("alpha", [1, 2])
def test_a_hundred_points(alpha):
    for seed in range(100):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(3, 6))
        case = low_degree_point(rng, alpha, n, int(rng.integers(n, 9)))
        assert_witnessed(case, verify(case))


def pair(case: Case, **known):
    """The pair of sets and the reason for none."""
    problem = posed(case)
    interpolation = interpolate(problem.equations, problem.evaluations.rounding)
    options = Options(**known)
    found = witness_pair(problem, interpolation, options)
    return found, why_no_pair(problem, interpolation, options)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("alpha", [1, 2])
def test_both_sets_have_the_moments_of_the_truth(alpha, seed):
    case = low_degree_point(np.random.default_rng(seed), alpha)
    found, reason = pair(case)
    assert "none is excluded" in reason
    true = case.b @ case.x if alpha == 1 else (case.x.T * case.b) @ case.x
    for one in found:
        moment = one.b @ one.x if alpha == 1 else (one.x.T * one.b) @ one.x
        np.testing.assert_allclose(moment, true, atol=1e-12 * np.abs(true).max())


def test_no_pair_of_weights_that_no_set_satisfies():
    case = low_degree_point(np.random.default_rng(0), 2)
    found, reason = pair(Case(case.a * 1.01, case.W, case.options, case.x, case.b, AMBIGUOUS))
    assert found is None
    assert "miss the weights' equations by" in reason


@pytest.mark.parametrize(
    ("activation", "words"),
    [(1, "sum of b_i x_i (section 4.1)"), (2, "moment matrix"), ([0, 1, 1], "through the moments")],
)
def test_what_is_determined_is_named(activation, words):
    assert words in determined_part(parse_activation(activation))
