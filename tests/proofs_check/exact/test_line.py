"""The loss along a line: what is said of one undefined function, at functions that are known."""

import pytest
import sympy

from proofs_check.exact.line import (
    g,
    line_gradient,
    line_hessian,
    loss_on_line,
    residual_on_line,
    second_order_in_shares,
    t,
    taylor_remainder,
    theta_p,
)


@pytest.mark.parametrize("f", [t**3 - 2 * t, sympy.cos(t), sympy.exp(2 * t)])
def test_the_derivatives_at_a_known_function(f):
    assert line_gradient()
    assert line_hessian()
    loss = loss_on_line().subs(g(t), f).doit()
    r = residual_on_line().subs(g(t), f).doit()
    assert loss == (theta_p - f) ** 2
    second = 2 * sympy.diff(f, t) ** 2 - 2 * r * sympy.diff(f, t, 2)
    assert sympy.simplify(sympy.diff(loss, t, 2) - second) == 0


def test_offspring_with_mean_zero_leave_the_second_moment():
    assert second_order_in_shares() == [True, True]


@pytest.mark.parametrize(("power", "divisor", "expected"), [
    (3, 6, [True, True]), (3, 24, [True, False]), (3, 5, [True, False]),
])  # fmt: skip
def test_the_remainder_has_a_sixth_and_no_other_constant(power, divisor, expected):
    assert taylor_remainder(power, divisor) == expected
