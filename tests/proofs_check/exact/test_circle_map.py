"""The map to the circle, by hand: L = lambda^2, S = -2 lambda^2, cos^2 eta after the split."""

from fractions import Fraction

import pytest
import sympy

from proofs_check.exact.circle_map import CIRCLE, circle_is_admissible, circle_split
from proofs_check.exact.line import t


def test_the_circle_has_norm_one():
    assert sympy.simplify(CIRCLE[0] ** 2 + CIRCLE[1] ** 2) == 1
    assert [s.subs(t, 0) for s in CIRCLE] == [1, 0]


@pytest.mark.parametrize(("weight", "eta"), [(1, Fraction(9, 5)), (2, 1), (-3, Fraction(1, 7))])
def test_a_split_on_the_circle(weight, eta):
    before, S, after = circle_split(weight, eta)
    assert (before, S) == (weight**2, -2 * weight**2)
    assert sympy.simplify(after - weight**2 * sympy.cos(sympy.Rational(eta)) ** 2) == 0


@pytest.mark.parametrize(("rho", "expected"), [(1, True), (Fraction(1, 9), True), (0, False),
                                               (-1, False)])  # fmt: skip
def test_any_positive_bound_will_do(rho, expected):
    assert circle_is_admissible(rho) is expected
