"""Where T is not determined: second sets for what is open, none for what is not."""

from __future__ import annotations

import ast
import time
from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path

import cases
import numpy as np
import pytest
from cases import AMBIGUOUS, Case, unit, witness_residual
from truth import few_directions, posed, train_exponential

from identify import Verdict, synthesize_kkt, verify_identifiability
from identify.options import Options
from identify.sample_sets import set_distance
from identify.tensor.interpolation import interpolate
from identify.undetermined import search
from identify.undetermined.explain import explain_deficient
from identify.undetermined.knowledge import tensor_knowledge
from identify.undetermined.local import LocalView, local_view
from identify.undetermined.oversized import oversized_set
from identify.undetermined.sample_equations import equations_of_samples
from identify.undetermined.search import new_search
from identify.undetermined.solving import EXACT, project
from identify.undetermined.walking import walk
from identify.undetermined.work import BUDGET, Work, decomposition

NOT = Verdict.NOT_IDENTIFIABLE


def low_degree(rng, alpha) -> Case:
    n = int(rng.integers(3, 6))
    x = cases.orthonormal(rng, n, int(rng.integers(n, 9)), 0.05 * (alpha == 1))
    x *= rng.uniform(0.7, 1.4, (n, 1))
    count = int(rng.integers(1, 4)) + 2 * (alpha == 1)
    point = synthesize_kkt(x, rng.choice([-1, 1], n), alpha, multiplicities=count)
    return Case(point.a, point.W, {"activation": alpha}, point.x, point.b, AMBIGUOUS)


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
    assert report.verdict == NOT, report.reasons
    for found in (report.recovery, report.witness):
        assert witness_residual(case, found) <= 1e-8
    assert report.witness.distance == pytest.approx(
        set_distance(report.recovery.x, report.witness.x)
    )
    farthest = max(set_distance(case.x, report.recovery.x), set_distance(case.x, report.witness.x))
    assert farthest > apart
    assert not np.isfinite(report.recovery.error_bound).any()
    return farthest


@pytest.mark.parametrize("alpha", [1, 2])
def test_a_hundred_points_of_low_degree(alpha):
    for seed in range(100):
        case = low_degree(np.random.default_rng(seed), alpha)
        witnessed(case, verify_identifiability(case.a, case.W, **case.options), 1e-3)


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
        X = case.x * (np.cbrt(case.b))[:, None] @ system.forms.basis * system.forms.sigma
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


FRONTS = [("kkt", 3), ("kkt", 4), ("known", 3), ("known", [0.5, 0, 1, 1]), ("features", 4)]


@pytest.mark.parametrize(("front", "activation"), [*FRONTS, ("features", [0.5, 0, 1, 1])])
def test_the_jacobian_is_the_derivative(front, activation):
    rng = np.random.default_rng(0)
    x, b = cases.samples(rng, 3, 5, norms=True), cases.signed(rng, 3)
    case = cases.gradient_step(rng, x, b, activation, 6)
    if front == "features":
        case = replace(case, W=case.options["init"][1])
    if front == "kkt":
        case = cases.kkt(rng, activation)
    known = {"margin": 1.0, "unit_norm": True} if front == "kkt" else {"unit_norm": True}
    system = equations_of_samples(posed(case), Options(**known))
    X, b = rng.standard_normal((3, system.dimension)), np.array([1.0, -1.0, 1.0])
    J = system.jacobian(X, b)
    for column, step in zip(J.T, np.eye(J.shape[1]), strict=True):
        ahead, behind = (system.residual(*system.moved(X, b, h * step)) for h in (1e-5, -1e-5))
        np.testing.assert_allclose((ahead - behind) / 2e-5, column, atol=1e-7 * np.abs(J).max())


def test_a_residual_of_the_reduced_equations_is_one_of_the_weights():
    case = few_directions(np.random.default_rng(1))
    system = equations_of_samples(posed(case), Options())
    rng = np.random.default_rng(0)
    X, b = rng.standard_normal((4, system.dimension)), np.ones(4)
    x, weights = system.samples(X, b)
    _, gradient = cases.power_sum(np.eye(4)[3], case.W, x, weights)
    miss = np.linalg.norm(case.W - case.a[:, None] * gradient) / np.linalg.norm(case.W)
    assert np.linalg.norm(system.residual(X, b)) == pytest.approx(miss, rel=1e-9)


def blocks(rng) -> tuple[Case, np.ndarray]:
    """Neurons in either of two orthogonal spaces: enough for two samples, too few for the others.

    One gradient step; the first two samples lie in the first space, the last three in the second.
    """
    x = np.zeros((5, 6))
    x[:2, :3], x[2:, 3:] = cases.samples(rng, 2, 3), cases.samples(rng, 3, 3)
    W0 = np.zeros((10, 6))
    W0[:8, :3], W0[8:, 3:] = rng.standard_normal((8, 3)), rng.standard_normal((2, 3))
    a0, b = rng.standard_normal(10), cases.signed(rng, 5)
    value, gradient = cases.power_sum(np.eye(4)[3], W0, x, b)
    case = Case(a0 + value, W0 + a0[:, None] * gradient, {"init": (a0, W0)}, x, b, AMBIGUOUS)
    return case, np.array([True, True, False, False, False])


def test_samples_apart_from_the_open_ones_do_not_move():
    case, still = blocks(np.random.default_rng(0))
    system = equations_of_samples(posed(case), Options())
    X = case.x * np.cbrt(case.b)[:, None] @ system.forms.basis * system.forms.sigma
    view = local_view(system, X, np.ones(5), Work())
    motion = view.motion(X, 1e-10 * view.values[0])
    assert (motion[still] < 1e-8).all()
    assert (motion[~still] > 1e-2).all()


def test_a_change_of_weight_alone_turns_no_sample():
    X = cases.samples(np.random.default_rng(0), 2, 3)
    radial, turning = np.zeros((2, 3)), np.zeros((2, 3))
    radial[0] = X[0]
    turning[1] = np.cross(X[1], X[0]) / np.linalg.norm(np.cross(X[1], X[0]))
    view = LocalView(np.zeros(2), np.array([radial.ravel(), turning.ravel()]), 2, 3)
    np.testing.assert_allclose(view.motion(X, 0.0), [0.0, 1.0], atol=1e-12)


def test_only_rounding_passes_for_a_solution():
    case = few_directions(np.random.default_rng(0))
    search = new_search(posed(case), Options())
    forms = search.system.forms
    X, b = case.x * np.cbrt(case.b)[:, None] @ forms.basis * forms.sigma, np.ones(len(case.x))
    assert search.exact(X, b)
    assert not search.exact(X * (1 + 1e-9), b)
    faint = np.concatenate([X, 1e-5 * X[:1]])
    assert not search.exact(faint, np.ones(len(faint)))


def test_a_walk_stays_on_the_solutions_and_goes_far():
    case = few_directions(np.random.default_rng(0))
    system = equations_of_samples(posed(case), Options())
    X = case.x * np.cbrt(case.b)[:, None] @ system.forms.basis * system.forms.sigma
    start = project(system, X, np.ones(len(X)), Work())
    assert start is not None
    null = local_view(system, *start, Work()).null(1e-10)
    met = []

    def allowed(X, b):
        met.append(np.linalg.norm(system.residual(X, b)))
        return True

    X, b, distance = walk(system, start, null[:1], goal=0.5, allowed=allowed, work=Work())
    assert max(met) < EXACT
    origin = system.samples(*start)[0]
    assert distance == pytest.approx(set_distance(origin, system.samples(X, b)[0]))
    assert distance > 0.1


def test_linear_functions_of_a_tensor_that_is_not_determined():
    case = few_directions(np.random.default_rng(0))
    knowledge = tensor_knowledge(case.a, case.W)
    assert 0 < knowledge.missing < 1
    for w in case.W:
        told = knowledge.power(w)
        assert told.determined
        assert abs(told.value - case.b @ (case.x @ w) ** 3) <= told.bound
        assert told.bound < 1e-10 * max(1.0, abs(told.value))
    v = np.random.default_rng(1).standard_normal(case.x.shape[1])
    inside = np.linalg.pinv(case.W) @ (case.W @ v)
    outward = v - inside
    assert np.linalg.norm(outward) > 0.1
    for direction in (v, inside, case.W[0] + 1e-3 * outward):
        told = knowledge.power(direction)
        assert not told.determined
        assert np.isnan(told.value)
    w, E = case.W[0], np.multiply.outer(np.outer(case.W[0], case.W[0]), case.W.sum(axis=0))
    told = knowledge.inner(E)  # <f(w), sum_j W_j>: gradients at neurons are seen
    f = (case.b * (case.x @ w) ** 2) @ case.x
    assert told.determined
    assert abs(told.value - f @ case.W.sum(axis=0)) <= told.bound
    assert not knowledge.inner(np.random.default_rng(0).standard_normal(E.shape)).determined
    with pytest.raises(ValueError, match="v: found"):
        knowledge.power(np.ones(99))
    with pytest.raises(ValueError, match="E: found"):
        knowledge.inner(np.ones((2, 2)))


@pytest.mark.parametrize("seed", range(3))
def test_an_oversized_set_fits_whatever_the_samples_were(seed):
    case = cases.kkt(np.random.default_rng(seed), 3)
    for k in (None, 60):
        found = oversized_set(case.a, case.W, k, seed=seed)
        assert len(found.x) > len(case.x)
        assert witness_residual(case, found) < 1e-9
        nearest = np.abs(unit(found.x) @ unit(case.x).T).max(axis=0)
        assert nearest.min() < 0.999
    full = oversized_set(case.a, case.W, seed=seed)
    outputs = (full.x @ case.W.T) ** 3 @ case.a
    assert full.consistent == bool(np.all(full.b * outputs > 0))
    assert full.consistent
    with pytest.raises(ValueError, match="k: found 1"):
        oversized_set(case.a, case.W, 1)


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


# ---- work, not seconds -------------------------------------------------------------------------


def searched(rng) -> Case:
    """Fewer equations than unknowns: fitted from many starts, and walked."""
    x, b = cases.samples(rng, 6, 5), cases.signed(rng, 6)
    return cases.gradient_step(rng, x, b, 3, 5, AMBIGUOUS, n_samples=6)


def said(report) -> tuple:
    found = [report.recovery, report.witness]
    arrays = [part for one in found if one is not None for part in (one.x, one.b)]
    partial = report.partial
    return (report.verdict, report.reasons, *(array.tobytes() for array in arrays),
            partial.pinned.tobytes(), partial.motion.tobytes())  # fmt: skip


def jumping(monkeypatch, seconds: float) -> None:
    """Let every clock jump by that much each time it is read."""
    for name in ("monotonic", "perf_counter", "time", "process_time", "thread_time"):
        reading = count(1e9, seconds)
        monkeypatch.setattr(time, name, reading.__next__)


@pytest.mark.parametrize("build", [searched, few_directions])
def test_no_clock_enters_a_verdict(build, monkeypatch):
    case = build(np.random.default_rng(3))
    expected = said(verify_identifiability(case.a, case.W, **case.options))
    for seconds in (1e-9, 25.0, 1e6):
        jumping(monkeypatch, seconds)
        assert said(verify_identifiability(case.a, case.W, **case.options)) == expected


def test_no_file_of_the_search_knows_a_clock():
    for path in Path(search.__file__).parent.glob("*.py"):
        names = {
            alias.name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in [*node.names, ast.alias(getattr(node, "module", None) or "")]
        }
        assert not names & {"time", "datetime", "signal", "threading"}, path


def test_work_that_is_spent_ends_the_search():
    case = searched(np.random.default_rng(3))
    problem = posed(case)
    interpolation = interpolate(problem.equations, problem.evaluations.rounding)
    full = new_search(problem, Options(n_samples=6))
    found = full.first(6)
    assert full.exact(found.X, found.b)
    spent = BUDGET - full.work.left
    assert spent > 0
    short = replace(full, work=Work(spent / 50), rng=np.random.default_rng(0))
    found = short.first(6)
    assert found is None or not short.exact(found.X, found.b)
    assert short.work.over
    assert short.first(6) is None
    ended = explain_deficient(problem, interpolation, Options(n_samples=6))
    assert ended.verdict == NOT


def test_the_work_is_that_of_the_matrices():
    """Twice as many equations and unknowns: a decomposition costs eight times as much, about."""
    assert 7 < decomposition(2000, 1600) / decomposition(1000, 800) < 8
    assert decomposition(300, 200) == decomposition(200, 300)
    work = Work()
    work.spend(1e9)
    assert BUDGET - 1.01e9 < work.left < BUDGET - 1e9
    assert not work.over
    work.spend(BUDGET)
    assert work.over
