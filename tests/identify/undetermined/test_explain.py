"""Where T is not determined: second sets for what is open, none for what is not."""

from __future__ import annotations

from collections import Counter

import cases
import numpy as np
import pytest
from cases import AMBIGUOUS, Case, witness_residual
from truth import coordinates, few_directions, posed, train_exponential

from identify import Verdict, verify_identifiability
from identify.options import Options
from identify.sample_sets import set_distance
from identify.tensor.interpolation import interpolate
from identify.undetermined.explain import explain_deficient
from identify.undetermined.local import local_view
from identify.undetermined.sample_equations import equations_of_samples
from identify.undetermined.work import Work


def naive_jacobian(case: Case) -> np.ndarray:
    """Derivative of a_j sum_i b_i 3 (x_i.w_j)^2 x_i in x_i and b_i, one entry at a time."""
    n, d = case.x.shape
    columns = []
    for i in range(n):
        t = case.W @ case.x[i]
        for k in range(d):
            along = np.outer(6 * case.a * case.b[i] * t * case.W[:, k], case.x[i])
            along[:, k] += 3 * case.a * case.b[i] * t**2
            columns.append(along.ravel())
        columns.append((3 * (case.a * t**2)[:, None] * case.x[i]).ravel())
    return np.array(columns).T


def witnessed(case: Case, report, apart: float) -> float:
    """Both sets satisfy the equations, at least one is not the truth; return that distance."""
    assert report.verdict == Verdict.NOT_IDENTIFIABLE, report.reasons
    for found in (report.recovery, report.witness):
        assert witness_residual(case, found) <= 1e-8
    assert report.witness.distance == pytest.approx(
        set_distance(report.recovery.x, report.witness.x)
    )
    farthest = max(set_distance(case.x, report.recovery.x), set_distance(case.x, report.witness.x))
    assert farthest > apart
    assert not np.isfinite(report.recovery.error_bound).any()
    return farthest


def test_a_hundred_deficient_cubic_points():
    for seed in range(100):
        case = few_directions(np.random.default_rng(seed))
        n, d = case.x.shape
        # the scale of each sample is one more null direction, which is not counted
        assert np.linalg.matrix_rank(naive_jacobian(case), tol=1e-8) < n * d
        known = [{}, {"margin": 1.0}, {"unit_norm": True}][seed % 3]
        report = verify_identifiability(case.a, case.W, **case.options | known)
        witnessed(case, report, 0.1)
        for found in (report.recovery, report.witness):
            assert len(found.x) == n
            assert np.abs(found.b).min() > 1e-6 * np.abs(found.b).max()
            outputs = (found.x @ case.W.T) ** 3 @ case.a
            if "margin" in known:
                np.testing.assert_allclose(np.sign(found.b) * outputs, 1.0, rtol=1e-8)
            if "unit_norm" in known:
                np.testing.assert_allclose(np.linalg.norm(found.x, axis=1), 1.0, rtol=1e-12)
        partial = report.partial
        assert partial.free > 0
        assert partial.motion.max() > 1e-3
        assert partial.determined_functionals <= partial.functionals


def test_a_hundred_identifiable_points_have_no_witness():
    """The rank condition holds, so a search told nothing of it must find the truth only."""
    for seed in range(100):
        case = cases.kkt(np.random.default_rng(seed), 3)
        problem = posed(case)
        options = Options(n_samples=len(case.x))
        interpolation = interpolate(problem.equations, problem.evaluations.rounding)
        assert interpolation.carried_by is not None
        system = equations_of_samples(problem, options)
        X = coordinates(case, system)
        view = local_view(system, X, np.ones(len(X)), Work())
        assert view.values[-1] > 1e-4
        assert np.linalg.norm(system.residual(X, np.ones(len(X)))) < 1e-11
        found = explain_deficient(problem, interpolation, options)
        assert found.witness is None
        assert found.verdict == Verdict.LOCALLY_IDENTIFIABLE
        assert set_distance(case.x, found.recovery.x) < 1e-6


@pytest.mark.parametrize("n", [3, 4, 5])
def test_networks_trained_to_the_max_margin(n):
    verdicts = Counter()
    for seed in range(2):
        rng = np.random.default_rng(100 * n + seed)
        x = cases.samples(rng, n, 10)
        a, W = train_exponential(x, np.where(np.arange(n) % 2, 1.0, -1.0), 50, seed)
        report = verify_identifiability(a, W, n_samples=n)
        verdicts[report.verdict] += 1
        assert report.partial is not None
        case = Case(a, W, {}, x, None, AMBIGUOUS)
        own = abs(3 * a**2 - np.sum(W**2, axis=1)).max() / np.max(3 * a**2)
        assert own > 1e-6, "no KKT point to rounding, so no second set is held against it"
        assert "a KKT point only to" in " ".join(report.reasons)
        if report.witness is not None:
            miss = witness_residual(case, report.witness)
            assert report.witness.residual == pytest.approx(miss)
            assert miss < 3 * own
        if report.verdict == Verdict.LOCALLY_IDENTIFIABLE:
            assert set_distance(x, report.recovery.x) < 0.1
    assert set(verdicts) <= {Verdict.PARTIALLY_IDENTIFIABLE, Verdict.LOCALLY_IDENTIFIABLE}


@pytest.mark.parametrize("activation", [3, 4])
def test_known_initial_weights(activation):
    rng = np.random.default_rng(5)
    x, b = cases.samples(rng, 5, 4, norms=True), cases.signed(rng, 5)
    case = cases.gradient_step(rng, x, b, activation, 4, AMBIGUOUS, n_samples=5)
    witnessed(case, verify_identifiability(case.a, case.W, **case.options), 0.05)


@pytest.mark.parametrize("activation", [[0, 1, 0.5, 1], [0.3, 0.5, -0.2, 1]])
def test_equations_that_nothing_tests_prove_no_second_set(activation):
    rng = np.random.default_rng(2)
    x, b = cases.samples(rng, 5, 4, norms=True), cases.signed(rng, 5)
    case = cases.gradient_step(rng, x, 0.1 * b, activation, 4, AMBIGUOUS, n_samples=5)
    report = verify_identifiability(case.a, case.W, **case.options)
    assert report.verdict == Verdict.PARTIALLY_IDENTIFIABLE
    assert report.witness.residual < 1e-10
    assert "Nothing tests" in " ".join(report.reasons)


def test_random_features():
    rng = np.random.default_rng(2)
    x, b = cases.samples(rng, 4, 5), cases.signed(rng, 4)
    W, a0 = rng.standard_normal((15, 5)), rng.standard_normal(15)
    value, _ = cases.power_sum(np.eye(4)[3], W, x, b)
    case = Case(a0 + value, W, {"init": (a0, None), "n_samples": 4}, x, b, AMBIGUOUS)
    witnessed(case, verify_identifiability(case.a, case.W, **case.options), 0.1)


def test_weights_that_miss_the_equations_are_told_in_part_only():
    rng = np.random.default_rng(3)
    case = cases.noisy(rng, cases.step_few_neurons(rng), 1e-4)
    report = verify_identifiability(case.a, case.W, **case.options, n_samples=2)
    assert report.witness is None
    assert report.verdict in {Verdict.PARTIALLY_IDENTIFIABLE, Verdict.UNDECIDED}
    assert report.recovery is None


def test_the_partial_answer_is_shown(tmp_path):
    case = few_directions(np.random.default_rng(0))
    report = verify_identifiability(case.a, case.W, **case.options)
    written = report.to_dict()["partial"]
    assert written["free"] == report.partial.free
    assert written["pinned"] == report.partial.pinned.tolist()
    assert written["motion"] == report.partial.motion.tolist()
    counted = f"{report.partial.determined_functionals} of the {report.partial.functionals}"
    assert "What is determined all the same" in str(report)
    assert counted in str(report)
    report.to_html(tmp_path / "report.html")
    assert counted in (tmp_path / "report.html").read_text(encoding="utf-8")
