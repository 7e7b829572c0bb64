"""The report of the rank conditions against ranks in exact rational arithmetic."""

from __future__ import annotations

import itertools
from math import prod

import numpy as np
import pytest
import sympy
from cases import Case, power_sum
from truth import posed

from identify.tensor.conditions import rank_report
from identify.tensor.interpolation import interpolate


def step(points, d, alpha, frozen=False, seed=0, samples=None):
    """A step from given integer points; the samples span all d dimensions if none are given."""
    rng = np.random.default_rng(seed)
    W0, a0 = np.array(points, float), rng.uniform(1, 2, len(points))
    x = rng.standard_normal((d, d)) if samples is None else samples.astype(float)
    b = rng.uniform(1, 2, len(x))
    value, slope = power_sum(np.eye(alpha + 1)[-1], W0, x, b)
    if frozen:
        return Case(a0 + value, W0, {"activation": alpha, "init": (a0, None)}, x, b, "")
    options = {"activation": alpha, "init": (a0, W0)}
    return Case(a0 + value, W0 + a0[:, None] * slope, options, x, b, "")


def monomials(d, k):
    return list(itertools.combinations_with_replacement(range(d), k))


def exact_rank(points, d, k):
    rows = [[prod(int(w[i]) for i in index) for index in monomials(d, k)] for w in points]
    return sympy.Matrix(rows).rank()


def exact_gradient_rank(points, d, alpha):
    rows = []
    for w in points:
        for axis in range(d):
            row = []
            for index in monomials(d, alpha):
                power = index.count(axis)
                rest = list(index)
                if power:
                    rest.remove(axis)
                row.append(power * prod(int(w[i]) for i in rest))
            rows.append(row)
    return sympy.Matrix(rows).rank()


@pytest.mark.parametrize(("d", "alpha"), [(2, 3), (3, 3), (3, 4), (2, 5)])
@pytest.mark.parametrize("fewer", [0, 1])
@pytest.mark.parametrize("frozen", [False, True])
def test_ranks_and_counts(d, alpha, fewer, frozen):
    rng = np.random.default_rng(10 * d + alpha)
    N = len(monomials(d, alpha if frozen else alpha - 1))
    points = rng.integers(-4, 5, (N + 2, d))
    points[~points.any(axis=1)] = 1
    if fewer:  # repeated directions add no rank
        points[N - fewer :] = 2 * points[:1]
    case = step(points, d, alpha, frozen)
    problem = posed(case)
    if not frozen:  # the points as they are read, half way or not, must be the integers
        problem = posed(case, "initial")
    found = interpolate(problem.equations, problem.evaluations.rounding)
    report, sentences = rank_report(problem, found, certify=True)
    said = " ".join(sentences)
    assert (report.dimension, report.row_space) == (d, d)
    assert report.N == report.N_ambient == N
    assert report.symmetric_dimension == len(monomials(d, alpha))
    if frozen:
        assert report.rank == exact_rank(points, d, alpha)
        assert report.exact_rank == report.rank
        assert report.exact_condition == "value"
        return
    gram = exact_rank(points, d, alpha - 1)
    assert report.rank == gram
    assert report.holds == (gram == N)
    by_gradient = found.carried_by is not None and gram < N
    assert report.exact_condition == ("symmetric" if by_gradient else "gram")
    assert report.exact_rank == (exact_gradient_rank(points, d, alpha) if by_gradient else gram)
    assert f"has rank at least {report.exact_rank} " in said
    assert ("holds" in said) == (gram == N)
    assert report.symmetric_rank == exact_gradient_rank(points, d, alpha)
    assert report.symmetric_holds == (found.carried_by is not None)
    values = report.singular_values
    assert report.condition == pytest.approx(values[0] / values[gram - 1])


@pytest.mark.parametrize("alpha", [3, 4])
def test_counts_are_taken_in_the_row_space(alpha):
    r, d = 2, 5
    plane = np.random.default_rng(alpha).integers(-3, 4, (r, d))
    points = np.random.default_rng(0).integers(-4, 5, (3 * alpha, r)) @ plane
    case = step(points, d, alpha, samples=plane)
    problem = posed(case)
    found = interpolate(problem.equations, problem.evaluations.rounding)
    report, sentences = rank_report(problem, found, certify=False)
    assert (report.dimension, report.row_space) == (d, r)
    assert report.N == len(monomials(r, alpha - 1)) < report.N_ambient
    assert report.N_ambient == len(monomials(d, alpha - 1))
    assert report.symmetric_dimension == len(monomials(r, alpha))
    assert report.rank == exact_rank(points, d, alpha - 1) == report.N
    assert report.holds
    assert f"seen in the {r} of {d} dimensions" in " ".join(sentences)
