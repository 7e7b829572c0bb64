"""Norms and figures that err on the safe side, at the ends of the range of float64 too."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from identify.checker.arithmetic import ceiling_text, floor_text, norm_bound
from identify.checker.ball_equations import BallEquations
from identify.checker.neighbourhood import _operator


def squared(values) -> Fraction:
    return sum((Fraction(float(v)) ** 2 for v in np.ravel(values)), Fraction(0))


@pytest.mark.parametrize("power", [-1074, -1060, -600, -520, 0, 520, 1000])
def test_norms_are_bounded_from_above_at_every_size(power):
    rng = np.random.default_rng(power + 2000)
    for _ in range(50):
        values = np.ldexp(rng.uniform(0, 1, (3, 4)) * 10.0 ** rng.integers(-9, 1, 4), power)
        for axis, parts in ((None, [values]), (0, values.T), (1, values)):
            bounds = np.atleast_1d(norm_bound(values, axis=axis))
            for part, bound in zip(parts, bounds, strict=True):
                exact = squared(part)
                assert Fraction(float(bound)) ** 2 >= exact
                assert power < -1000 or Fraction(float(bound)) ** 2 <= exact * Fraction(1.00001)
    assert norm_bound(np.array([1.0, np.inf])) == np.inf


@pytest.mark.parametrize("power", [-900, -540, 0, 400])
def test_the_operator_is_bounded_at_every_size(power):
    from flint import arb_mat

    rng = np.random.default_rng(0)
    points, size = rng.standard_normal((6, 3)), 2.0**power
    none, nothing = np.zeros(0), arb_mat(0, 0)
    equations = BallEquations((), arb_mat(points.tolist()), nothing, nothing, False, none, none)
    factors = rng.standard_normal((6, 2))
    for column, bound in zip(factors.T, _operator(equations, factors * size), strict=True):
        norm = np.linalg.norm(column[:, None] * points, 2)
        assert norm * (1 - 1e-12) <= bound / size <= 1.15 * norm  # r^(1/16) at most


def test_figures_in_sentences_are_rounded_to_the_safe_side():
    rng = np.random.default_rng(0)
    for value in (*rng.uniform(0, 1, 50) * 10.0 ** rng.integers(-30, 30, 50), 0.3, 1e-300):
        low, high = floor_text(float(value)), ceiling_text(float(value))
        assert float(low) <= value <= float(high)
        assert float(high) <= float(low) * 1.011
    assert ceiling_text(1.2345e-8) == "1.24e-08"
    assert floor_text(1.2399e-8) == "1.23e-08"
    assert (floor_text(0.3), ceiling_text(0.0), ceiling_text(np.inf)) == ("0.3", "0", "inf")
