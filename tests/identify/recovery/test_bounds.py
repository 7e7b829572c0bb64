"""Instances built to be taken for certain wrongly: what is said of them, and what it rests on."""

from __future__ import annotations

from dataclasses import replace

import cases
import numpy as np
import pytest

from identify import Verdict, synthesize_kkt, verify_identifiability

GLOBALLY = Verdict.GLOBALLY_IDENTIFIABLE


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def distances(x, y):
    """Of unit samples modulo sign, (len(y), len(x))."""
    x, y = unit(x), unit(y)
    return np.min([np.linalg.norm(y[:, None] - s * x[None], axis=2) for s in (1, -1)], axis=0)


def with_pair(rng, n, d, angle):
    x = cases.samples(rng, n, d)
    u = cases.samples(rng, 1, d)[0]
    u -= (u @ x[0]) * x[0]
    x[1] = np.cos(angle) * x[0] + np.sin(angle) * u / np.linalg.norm(u)
    return x


def verified(case, **options):
    return verify_identifiability(case.a, case.W, **(case.options | options))


@pytest.mark.parametrize("activation", [[0, 1, 0, 1], [0, 0.5, -0.2, 1]])
@pytest.mark.parametrize("angle", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
@pytest.mark.parametrize("seed", range(3))
def test_near_duplicates_of_a_polynomial(activation, angle, seed):
    rng = np.random.default_rng(seed)
    x = with_pair(rng, 3, 4, angle)
    case = cases.gradient_step(rng, x, cases.signed(rng, 3), activation, 200)
    recovery = verified(case).recovery
    if recovery is None:
        return
    table = np.linalg.norm(recovery.x[:, None] - x[None], axis=2)
    if activation[2] == 0:
        table = np.minimum(table, np.linalg.norm(recovery.x[:, None] + x[None], axis=2))
    claimed = recovery.error_bound < 0.1 * np.linalg.norm(recovery.x, axis=1)
    assert np.all(table.min(axis=1)[claimed] <= recovery.error_bound[claimed])
    if angle >= 1e-3:
        assert claimed.all()


@pytest.mark.parametrize(
    ("angle", "dtype"), [(1e-4, np.float32), (1e-6, np.float32), (1e-7, float)]
)
@pytest.mark.parametrize("seed", range(6))
def test_a_pair_that_passes_for_one_is_covered_by_the_bound(angle, dtype, seed):
    rng = np.random.default_rng(seed)
    x = with_pair(rng, 5, 10, angle)
    case = cases.gradient_step(rng, x, cases.signed(rng, 5), 3, 200)
    report = verify_identifiability(
        case.a.astype(dtype), case.W.astype(dtype), **case.options
    )  # the initial weights keep their digits, the change does not
    recovery = report.recovery
    if recovery is None:
        return
    ratio = distances(x, recovery.x) / recovery.error_bound[:, None]
    claimed = recovery.error_bound < 0.1
    assert np.all(ratio.min(axis=1)[claimed] <= 1)
    if report.verdict is GLOBALLY:
        assert np.all(ratio.min(axis=0) <= 1)  # both members of the pair


def test_with_the_number_given_no_pair_is_allowed_for():
    rng = np.random.default_rng(0)
    x = cases.samples(rng, 4, 8)
    case = cases.gradient_step(rng, x, cases.signed(rng, 4), 3, 100)
    free, stated = verified(case), verified(case, n_samples=4)
    assert free.verdict is stated.verdict is GLOBALLY
    assert stated.recovery.error_bound.max() < 1e-11
    assert free.recovery.error_bound.min() > 1e-8  # about the square root of the rounding
    assert "Exactly 4 training samples enter" in " ".join(stated.hypotheses)
    assert "At most 4 training samples enter" in " ".join(free.hypotheses)


def test_coplanar_samples_lie_outside_what_is_said_to_be_assumed():
    """Three samples of a plane and two others of it have the same cubic: no method tells."""
    rng = np.random.default_rng(1)
    x = cases.samples(rng, 6, 10)
    x[2] = unit((rng.standard_normal(2) @ x[:2])[None])[0]
    case = cases.gradient_step(rng, x, cases.signed(rng, 6), 3, 200)
    report = verified(case)
    assert report.assumed is not None
    assert len(report.recovery.x) == report.assumed.samples == 5
    said = " ".join(report.hypotheses)
    assert "At most 5 training samples enter" in said
    assert "linearly independent" in said
    for i in range(6):  # the truth breaks what is assumed, by far
        others = np.delete(x, i, axis=0)
        left = x[i] - others.T @ np.linalg.lstsq(others.T, x[i], rcond=None)[0]
        if i < 3:
            assert np.linalg.norm(left) < 0.1 * report.assumed.independence
    assert verified(case, n_samples=6).verdict is not GLOBALLY


def test_independent_samples_keep_what_is_assumed():
    rng = np.random.default_rng(2)
    case = cases.gradient_step(rng, cases.samples(rng, 5, 9), cases.signed(rng, 5), 3, 150)
    assumed = verified(case).assumed
    assert assumed.independence < 1e-9
    assert assumed.faintest < 1e-9


def stationary(margin_spread, seed=0):
    """An exact stationary point whose samples have the margins 1 to ``margin_spread``."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((9, 4)))[0].T
    point = synthesize_kkt(basis, np.array([1, -1, 1, 1]), 3)
    factors = np.linspace(1.0, margin_spread, 4) ** (1 / 3)
    return point.a, point.W, basis * factors[:, None]


def test_unequal_margins_fix_no_norm_unless_the_caller_vouches():
    """Weight decay leaves each sample its own margin: the same weights, other norms."""
    a, W, x = stationary(1.5)
    report = verify_identifiability(a, W)
    assert report.verdict is GLOBALLY
    assert not report.recovery.norm_known
    assert np.all(distances(x, report.recovery.x).min(axis=1) <= report.recovery.error_bound)
    assert "not assumed to be equal" in " ".join(report.hypotheses)
    vouched = verify_identifiability(a, W, margin=1.0)
    assert vouched.recovery.norm_known
    assert "same margin 1, as stated" in " ".join(vouched.hypotheses)


@pytest.mark.parametrize("factor", [1 + 1e-6, 1 + 1e-4, 1.002, 1.02])
def test_the_balance_of_the_layers_enters_the_bounds(factor):
    a, W, _ = stationary(1.0)
    x = verify_identifiability(a, W, margin=1.0).recovery.x
    recovery = verify_identifiability(factor * a, W, margin=1.0).recovery
    table = np.linalg.norm(recovery.x[:, None] - x[None], axis=2)
    table = np.minimum(table, np.linalg.norm(recovery.x[:, None] + x[None], axis=2))
    assert np.all(table.min(axis=1) <= recovery.error_bound)
    assert table.min(axis=1).max() > 0.2 * (factor - 1)  # the norms did move


def test_two_statements_that_contradict_each_other_void_the_claims():
    a, W, x = stationary(1.0)
    norms = np.linalg.norm(verify_identifiability(a, W, margin=1.0).recovery.x, axis=1)
    margin = 1 / norms[0] ** 3  # for which the samples have norm 1 (they share one norm)
    np.testing.assert_allclose(norms, norms[0], rtol=1e-12)
    agreed = verify_identifiability(a, W, margin=margin, unit_norm=True)
    assert agreed.verdict is GLOBALLY
    assert len(x) == len(agreed.recovery.x)
    against = verify_identifiability(a, W, margin=1.1 * margin, unit_norm=True)
    assert against.verdict is Verdict.UNDECIDED
    assert any("contradict each other" in reason for reason in against.reasons)


@pytest.mark.parametrize("activation", [3, 4, [0, 1, 0, 1], 2])
def test_a_change_below_the_rounding_is_undecided(activation):
    rng = np.random.default_rng(0)
    W0 = rng.standard_normal((50, 6)).astype(np.float32)
    a0 = rng.standard_normal(50).astype(np.float32)
    W, a = W0.copy(), a0.copy()
    W[3, 2] = np.nextafter(W[3, 2], np.float32(9))
    a[1] += np.float32(1e-6)
    report = verify_identifiability(a, W, init=(a0, W0), activation=activation)
    assert report.verdict is Verdict.UNDECIDED
    assert any("lies within what the rounding" in reason for reason in report.reasons)


def test_an_odd_polynomial_with_a_constant_leaves_the_signs_open_to_gradients():
    """Frozen output weights: the constant is never seen, so (x, b) ~ (-x, -b)."""
    rng = np.random.default_rng(5)
    x, b = cases.samples(rng, 4, 9), cases.signed(rng, 4)
    case = cases.gradient_step(rng, x, b, [-0.1, 0.2, 0.0, 0.01], 200)
    frozen = replace(case, a=case.options["init"][0])
    report = verified(frozen)
    assert any(text.startswith("sign:") for text in report.recovery.equivalences)
