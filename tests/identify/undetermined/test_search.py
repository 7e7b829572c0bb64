"""The search for exact sets: what counts as one, and that work, not seconds, ends it."""

from __future__ import annotations

import ast
import time
from dataclasses import replace
from itertools import count
from pathlib import Path

import cases
import numpy as np
import pytest
from cases import AMBIGUOUS, Case
from truth import coordinates, few_directions, posed

from identify import Verdict, verify_identifiability
from identify.options import Options
from identify.tensor.interpolation import interpolate
from identify.undetermined import search
from identify.undetermined.candidates import Candidate
from identify.undetermined.explain import explain_deficient
from identify.undetermined.others import fewest
from identify.undetermined.search import new_search
from identify.undetermined.work import BUDGET, Work, decomposition


def test_only_rounding_passes_for_a_solution():
    case = few_directions(np.random.default_rng(0))
    search = new_search(posed(case), Options())
    X, b = coordinates(case, search.system), np.ones(len(case.x))
    assert search.exact(X, b)
    assert not search.exact(X * (1 + 1e-9), b)
    faint = np.concatenate([X, 1e-5 * X[:1]])
    assert not search.exact(faint, np.ones(len(faint)))


def test_a_set_of_more_samples_than_needed_is_reduced():
    case = few_directions(np.random.default_rng(0))
    search = new_search(posed(case), Options())
    n, X = len(case.x), coordinates(case, search.system)
    padded = Candidate(np.concatenate([X, X[:1] / np.cbrt(2)]), np.ones(n + 1), 0.0, True)
    padded.X[0] /= np.cbrt(2)
    assert search.exact(padded.X, padded.b)
    found = fewest(search, padded, 1)
    assert len(found.X) <= n
    assert search.exact(found.X, found.b)
    assert len(fewest(search, padded, n + 1).X) == n + 1


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
    assert ended.verdict == Verdict.NOT_IDENTIFIABLE


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
