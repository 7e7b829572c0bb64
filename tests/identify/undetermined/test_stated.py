"""Degrees 1 and 2: when there is no second set, and what a second set has to keep."""

from __future__ import annotations

from dataclasses import replace

import cases
import numpy as np
import pytest
from cases import AMBIGUOUS, Case, witness_residual
from truth import assert_witnessed, low_degree_point

from identify import Verdict, synthesize_kkt, verify_identifiability
from identify.equations.activation import parse_activation
from identify.equations.pose import pose
from identify.equations.weights import as_weights
from identify.options import Options
from identify.undetermined.stated import satisfies

ACTIVATIONS = [1, 2, [0, 3], [0, 0, 0.5], [0, 1, 1], [0, -0.5, 2], [1, 1], [1, 0, 1], [0.5, 1, 1]]
"""Powers and polynomials of degree 1 and 2; constants enter the output weights only."""


def verify(case: Case, **options):
    report = verify_identifiability(case.a, case.W, **case.options | options)
    assert report.verdict == Verdict.NOT_IDENTIFIABLE, report.reasons
    return report


def one_step(activation, seed=0, *, unit=False, **how) -> Case:
    rng = np.random.default_rng(seed)
    x, b = cases.samples(rng, 3, 5, norms=not unit), cases.signed(rng, 3)
    return cases.gradient_step(rng, x, 0.3 * b, activation, 30, AMBIGUOUS, **how)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_both_sets_satisfy_the_equations_of_both_layers(activation):
    for seed in range(4):
        case = one_step(activation, seed)
        assert_witnessed(case, verify(case))


@pytest.mark.parametrize("layer", ["W", "a"])
@pytest.mark.parametrize("size", [1e-7, 1e-5, 1e-3, 1e-2])
@pytest.mark.parametrize("activation", [1, 2, [0, 1, 1]])
def test_weights_with_noise_have_no_second_set(activation, size, layer):
    """The moments fit best among all sets, yet no set satisfies these weights to rounding."""
    case, rng = one_step(activation), np.random.default_rng(1)
    changed = getattr(case, layer)
    noisy = replace(case, **{layer: changed + size * rng.standard_normal(changed.shape)})
    assert witness_residual(noisy, case) > 1e-8
    report = verify_identifiability(noisy.a, noisy.W, **noisy.options)
    assert report.verdict == Verdict.UNDECIDED, report.reasons
    assert report.witness is None
    assert "miss the weights' equations by" in report.reasons[-1]
    assert "no set is singled out" in report.reasons[-1]


@pytest.mark.parametrize("activation", [1, 2, [0, 1, 1]])
def test_two_steps_have_no_second_set(activation):
    """Along a path of two steps no point makes the equations exact."""
    case, (a, W) = one_step(activation), (0, 0)
    c = cases.coefficients(activation)
    a, W = case.options["init"]
    for _ in range(2):
        value, gradient = cases.power_sum(c, W, case.x, 0.1 * case.b)
        a, W = a + value, W + a[:, None] * gradient
    report = verify_identifiability(a, W, **case.options)
    assert report.verdict == Verdict.UNDECIDED, report.reasons
    assert report.witness is None


@pytest.mark.parametrize("activation", [1, 2, [0, 1, 1]])
def test_rounding_of_the_type_of_the_numbers_is_allowed_up_to_a_limit(activation):
    case = one_step(activation)
    single = replace(case, a=case.a.astype(np.float32), W=case.W.astype(np.float32))
    hidden = replace(single, a=single.a.astype(float), W=single.W.astype(float))
    for told in (single, hidden):
        report = verify(told)
        for found in (report.recovery, report.witness):
            assert 1e-9 < witness_residual(told, found) <= 1e-6
    half = replace(case, a=case.a.astype(np.float16), W=case.W.astype(np.float16))
    third = replace(hidden, W=hidden.W + (hidden.W - case.W) / 3)  # of no type: noise
    for told in (half, third):
        report = verify_identifiability(told.a, told.W, **told.options)
        assert report.verdict == Verdict.UNDECIDED, report.reasons


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("activation", [[0, 1, 1], [0, -0.5, 2], [0, 3], [0.5, 1, 1]])
def test_stated_norms_are_kept(activation, seed):
    case = one_step(activation, seed, unit=True)
    report = verify(case, unit_norm=True)
    assert_witnessed(case, report)
    for found in (report.recovery, report.witness):
        np.testing.assert_allclose(np.linalg.norm(found.x, axis=1), 1, rtol=0, atol=1e-8)


@pytest.mark.parametrize("alpha", [1, 2])
def test_norms_and_margin_are_kept_together(alpha):
    """Samples of norm 1 on the margin: what is scaled to the margin has no norm 1 any more."""
    kept = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x = cases.orthonormal(rng, 3, 5, 0.05 * (alpha == 1))
        point = synthesize_kkt(
            x, rng.choice([-1, 1], 3), alpha, multiplicities=4 if alpha == 1 else 2
        )
        case = Case(point.a, point.W, {"activation": alpha}, point.x, point.b, AMBIGUOUS)
        report = verify_identifiability(
            case.a, case.W, **case.options, margin=1.0, unit_norm=True, n_samples=3
        )
        if report.verdict != Verdict.NOT_IDENTIFIABLE:
            continue
        kept += 1
        assert_witnessed(case, report)
        for found in (report.recovery, report.witness):
            outputs = np.sign(found.b) * ((found.x @ case.W.T) ** alpha @ case.a)
            np.testing.assert_allclose(outputs, 1.0, rtol=1e-7)
            np.testing.assert_allclose(np.linalg.norm(found.x, axis=1), 1, rtol=0, atol=1e-8)
    assert kept >= 4


@pytest.mark.parametrize("alpha", [1, 2])
def test_unbalanced_weights_have_no_second_set(alpha):
    """With a off by a factor other b satisfy the first layer, but not a_j = P(W_j)."""
    case = low_degree_point(np.random.default_rng(0), alpha)
    for factor in (1 + 1e-6, 1 + 1e-3):
        report = verify_identifiability(factor * case.a, case.W, **case.options)
        assert report.verdict == Verdict.UNDECIDED, report.reasons


@pytest.mark.parametrize("seed", range(20))
def test_margins_keep_the_signs_of_the_labels(seed):
    """A quadratic stationary point with both classes: any weights b_i, so margins are unequal."""
    rng = np.random.default_rng(seed)
    x, b = cases.samples(rng, 3, 4), np.abs(cases.signed(rng, 3)) * [1, -1, 1]
    mu, u = np.linalg.eigh((x.T * b) @ x)
    mu, u = mu[np.abs(mu) > 1e-9], u[:, np.abs(mu) > 1e-9]
    a = 1 / (2 * mu)
    case = Case(a, (np.sqrt(2) * np.abs(a) * u).T, {"activation": 2}, x, b, AMBIGUOUS)
    assert witness_residual(case, case) < 1e-10
    report = verify(case)
    assert_witnessed(case, report)
    for found in (report.recovery, report.witness):
        assert np.all(found.b * ((found.x @ case.W.T) ** 2 @ case.a) > 0)


def test_a_lone_quadratic_sample_on_its_margin_has_no_rival():
    """x x^T is a sum of three squares of a plane, but with a weight whose margin is negative."""
    case = low_degree_point(np.random.default_rng(0), 2, n=1)
    report = verify_identifiability(case.a, case.W, activation=2)
    assert report.verdict == Verdict.UNDECIDED, report.reasons


def test_what_a_set_has_to_satisfy():
    case = low_degree_point(np.random.default_rng(1), 2)
    problem = pose(as_weights(case.a, case.W), parse_activation(2))

    def good(x, b, **known) -> bool:
        return satisfies(problem, Options(**known), (x, b))

    x, b = case.x, case.b
    norms = np.linalg.norm(x, axis=1)
    unit = x / norms[:, None], b * norms**2
    assert good(x, b, n_samples=3, margin=1.0)
    assert good(*unit, unit_norm=True)
    assert not good(x, b, unit_norm=True)
    assert not good(*unit, margin=1.0)
    assert not good(x, b, n_samples=4)
    assert not good(x, b * [1, 1, 1 + 1e-7])
    assert good(x, b * [1, 1, 1 + 1e-10])
    twice = np.concatenate([x, x[:1]])
    assert good(twice, np.concatenate([b * [0.5, 1, 1], b[:1] / 2]))
    assert not good(twice, np.concatenate([b * [1 - 1e-5, 1, 1], b[:1] * 1e-5]))  # a faint one
    assert not good(twice, np.concatenate([b * [1.5, 1, 1], -b[:1] / 2]))  # a margin below 0
    assert not good(x * np.nan, b)
