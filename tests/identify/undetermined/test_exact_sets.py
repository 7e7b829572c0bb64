"""Where T is not determined: what may not be called a second set, nor pinned."""

from __future__ import annotations

from dataclasses import replace

import cases
import numpy as np
import pytest
from campaign.basic import kkt_few_neurons
from campaign.stationary import stationary_point
from cases import AMBIGUOUS, Case, unit, witness_residual
from scipy import optimize
from truth import few_directions, posed

from identify import Verdict, verify_identifiability
from identify.equations.activation import parse_activation
from identify.equations.pose import pose
from identify.equations.weights import as_weights
from identify.findings import Partial
from identify.options import Options
from identify.sample_sets import clear_distance, set_distance
from identify.tensor.interpolation import interpolate
from identify.undetermined.candidates import Candidate
from identify.undetermined.exact_sets import LARGER_SETS, SQUARE, WRONG_SIGNS, decide
from identify.undetermined.explain import explain_deficient
from identify.undetermined.search import new_search

NOT = Verdict.NOT_IDENTIFIABLE


def open_step(rng, activation=3, n=6, d=5, m=5, **options) -> Case:
    """One exact step with fewer equations than unknowns: a second set is at hand."""
    x, b = cases.samples(rng, n, d), cases.signed(rng, n)
    return cases.gradient_step(rng, x, b, activation, m, AMBIGUOUS, n_samples=n, **options)


def report_of(case: Case, **known):
    return verify_identifiability(case.a, case.W, **case.options | known)


@pytest.mark.parametrize("size", [0.0, 1e-9, 1e-6, 1e-3])
def test_the_output_weights_have_to_agree_too(size):
    """The first layer is exact, so sets that satisfy its equations are found at any size."""
    case = open_step(np.random.default_rng(3))
    a = case.a + size * np.std(case.a) * np.random.default_rng(0).standard_normal(case.a.shape)
    report = report_of(replace(case, a=a))
    miss = witness_residual(replace(case, a=a), report.witness)
    assert report.witness.residual == pytest.approx(miss, abs=1e-12)
    assert (report.verdict == NOT) == (miss <= 1e-8)
    assert (miss <= 1e-8) == (size <= 1e-9)


def test_output_weights_of_polynomials_are_equations_of_their_own():
    """Gradients of several degrees at few points imply no values: with them less is open."""
    rng = np.random.default_rng(0)
    x, b = cases.samples(rng, 4, 4, norms=True), cases.signed(rng, 4)
    case = cases.gradient_step(rng, x, b, [0, 1, 0.5, 1], 4, AMBIGUOUS)
    frozen, sigma = replace(case, a=case.options["init"][0]), parse_activation([0, 1, 0.5, 1])
    trained, hidden = (
        new_search(
            pose(as_weights(one.a, one.W, one.options["init"]), sigma).other(), Options()
        ).system
        for one in (case, frozen)
    )
    assert len(hidden.forms.target) == 4 * 4
    assert len(trained.forms.target) == 4 * 4 + 4
    X = x @ trained.forms.basis * trained.forms.sigma
    assert np.linalg.norm(trained.residual(X, b)) < 1e-12
    power = cases.gradient_step(rng, x, b, 3, 4, AMBIGUOUS)
    assert len(new_search(posed(power), Options()).system.forms.target) == 4 * 4  # Euler


def naive_distance(first, second, degree) -> float:
    (x, b), (y, _) = first, second
    weights = [abs(w) * np.linalg.norm(z) ** degree for z, w in zip(x, b, strict=True)]
    far = []
    for z, weight in zip(x, weights, strict=True):
        if weight >= 0.01 * max(weights):
            u = z / np.linalg.norm(z)
            far.append(
                min(np.linalg.norm(u - s * v / np.linalg.norm(v)) for v in y for s in (1, -1))
            )
    return max(far)


def test_splitting_and_faint_samples_make_no_different_set():
    rng = np.random.default_rng(0)
    x, b = cases.samples(rng, 4, 5, norms=True), cases.signed(rng, 4)
    split = np.concatenate([x, x[:1]]), np.concatenate([b * [0.3, 1, 1, 1], b[:1] * 0.7])
    faint = np.concatenate([x, rng.standard_normal((1, 5))]), np.append(b, 1e-4)
    turned = x + 0.1 * rng.standard_normal(x.shape), b
    for other in (split, faint):
        assert clear_distance((x, b), other, 3) == pytest.approx(0, abs=1e-7)
        assert clear_distance(other, (x, b), 3) == pytest.approx(0, abs=1e-7)
    assert set_distance(x, faint[0]) > 0.1
    # faint in one and not in the other: it is there in both
    assert clear_distance(faint, (faint[0], np.append(b, 10.0)), 3) == pytest.approx(0, abs=1e-7)
    for one, other in (((x, b), turned), (turned, faint), (split, turned)):
        both = max(naive_distance(one, other, 3), naive_distance(other, one, 3))
        assert clear_distance(one, other, 3) == pytest.approx(both, rel=1e-9)
        assert both > 0.05


def test_a_set_of_more_samples_than_needed_is_reduced():
    case = few_directions(np.random.default_rng(0))
    search = new_search(posed(case), Options())
    forms, n = search.system.forms, len(case.x)
    X = case.x * np.cbrt(case.b)[:, None] @ forms.basis * forms.sigma
    padded = Candidate(np.concatenate([X, X[:1] / np.cbrt(2)]), np.ones(n + 1), 0.0, True)
    padded.X[0] /= np.cbrt(2)
    assert search.exact(padded.X, padded.b)
    found = search.fewest(padded, 1)
    assert len(found.X) <= n
    assert search.exact(found.X, found.b)
    assert len(search.fewest(padded, n + 1).X) == n + 1


def test_sets_of_more_samples_than_the_tensor_needs_prove_nothing():
    """T is known, yet there are many sets of one sample more than the truth has."""
    case = cases.kkt(np.random.default_rng(2), 3)
    n = len(case.x) + 1
    search = new_search(posed(case), Options())
    found = search.first(n)
    while not search.exact(found.X, found.b):
        found = search.first(n)
    partial = Partial(1, 1, 0, np.zeros(0, dtype=bool), np.zeros(0))
    more = decide(search, found, partial, "", least=False)
    assert more.witness is not None
    assert more.verdict == Verdict.UNDECIDED
    assert LARGER_SETS in more.sentences
    told = decide(search, found, partial, "", least=True)
    assert told.verdict == NOT


def test_noise_is_not_fitted_by_more_samples():
    """Two samples fit all but 1e-10; sets of more that fit that, too, are no second data set."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x, b = cases.samples(rng, 2, 3), cases.signed(rng, 2)
        case = cases.gradient_step(rng, x, b, 3, 3, AMBIGUOUS)
        W = case.W + 3e-11 * rng.standard_normal(case.W.shape)
        problem = posed(replace(case, W=W))
        interpolation = interpolate(problem.equations, problem.evaluations.rounding)
        found = explain_deficient(problem, interpolation, Options())
        assert found.verdict != NOT, found.sentences


def test_a_pinned_sample_is_a_true_one():
    """Sets of one sample more than the truth has, and neurons that see some samples alone."""
    pinned = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        case = stationary_point(rng, 3, coherent=True)
        chosen = rng.permutation(len(case.a))[: rng.integers(6, 12)]
        case = replace(case, a=case.a[chosen], W=case.W[chosen])
        report = report_of(case, n_samples=len(case.x) + 1)
        if report.recovery is None or report.verdict == Verdict.LOCALLY_IDENTIFIABLE:
            continue
        apart = np.linalg.norm(unit(report.recovery.x)[:, None] - unit(case.x)[None], axis=2)
        apart = np.minimum(apart, 2 - apart).min(axis=1)
        assert np.all(apart[report.partial.pinned] < 0.02)
        pinned += report.partial.pinned.sum()
        unknown = report_of(case)  # two samples of a plane can stand for three of it
        assert unknown.partial is None or not unknown.partial.pinned.any()
    assert pinned >= 2


def test_nothing_is_pinned_where_nothing_is_decided():
    """As many equations as unknowns, so that something fits whatever the truth was."""
    undecided = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x, b = cases.samples(rng, 3, 2), cases.signed(rng, 3)
        case = cases.gradient_step(rng, x, b, [0, 0, 1, 1], 1, AMBIGUOUS, frozen=True)
        report = report_of(case, n_samples=1)
        if report.verdict == Verdict.UNDECIDED and report.recovery is not None:
            undecided += 1
            assert not report.partial.pinned.any()
    assert undecided


def test_non_negative_weights_that_are_not_found_end_nothing(monkeypatch):
    case = few_directions(np.random.default_rng(0))

    def circles(matrix, target):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(optimize, "nnls", circles)
    report = report_of(case)
    assert report.verdict == NOT
    assert witness_residual(case, report.witness) < 1e-8


def test_a_square_system_has_other_solutions():
    """Sixteen equations for sixteen unknowns: the isolated set that is found is not always true."""
    wrong = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x, b = cases.samples(rng, 4, 4), cases.signed(rng, 4)
        case = cases.gradient_step(rng, x, b, 4, 4, AMBIGUOUS, n_samples=4)
        report = report_of(case)
        if report.verdict == Verdict.LOCALLY_IDENTIFIABLE:
            assert SQUARE in report.reasons
            assert "none is excluded" in " ".join(report.reasons)
            assert witness_residual(case, report.recovery) < 1e-9
            assert not np.isfinite(report.recovery.error_bound).any()
            wrong += set_distance(x, report.recovery.x) > 0.1
    assert wrong


def test_an_isolated_set_that_almost_any_weights_have_excludes_no_larger_ones():
    """A neuron on each sample alone: as many equations as unknowns, and no number is stated."""
    for seed in range(4):
        case = kkt_few_neurons(np.random.default_rng(seed))
        report = report_of(case)
        assert report.verdict == NOT, report.reasons
        assert len(report.witness.x) > len(case.x)
        for found in (report.recovery, report.witness):
            assert witness_residual(case, found) < 1e-8


def test_sets_with_margins_of_the_wrong_sign_prove_nothing():
    """They are stationary, as under weight decay, but no max-margin problem has them."""
    case = few_directions(np.random.default_rng(0))
    search = new_search(posed(case), Options(n_samples=len(case.x)))
    found = search.first(len(case.x))
    assert found.consistent
    partial = Partial(1, 2, 0, np.zeros(0, dtype=bool), np.zeros(0))
    assert decide(search, found, partial, "", least=True).verdict == NOT
    wrong = decide(search, replace(found, consistent=False), partial, "", least=True)
    assert wrong.witness is not None
    assert wrong.verdict == Verdict.UNDECIDED
    assert WRONG_SIGNS in wrong.sentences
