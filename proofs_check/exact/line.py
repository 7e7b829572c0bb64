"""The reconstruction loss along a line in the space of all candidates, for every k, d, P and f.

Along x_i + t v_i the component p of sum_i lambda_i f(x_i) is one function g(t), so L is the sum
over p of (theta_p - g(t))^2, and what holds for one undefined g holds for all k, d, P and f:

    g'(0)  = sum_i lambda_i (J_i v_i)_p          g''(0) = sum_i lambda_i v_i^T Hess f_p(x_i) v_i
    |g'|^2 summed over p = |sum_i lambda_i J_i v_i|^2,   -2 r.g'' = sum_i v_i^T S(x_i) v_i.

The values v^T H v for all v determine the symmetric H, and its blocks.
"""

from __future__ import annotations

from typing import Any

import sympy

t = sympy.Symbol("t", real=True)
eta = sympy.Symbol("eta", positive=True)
theta_p = sympy.Symbol("theta_p", real=True)
g = sympy.Function("g")


def loss_on_line(weight: Any = 1) -> Any:
    """(theta_p - weight g(t))^2."""
    return (theta_p - weight * g(t)) ** 2


def residual_on_line(weight: Any = 1) -> Any:
    """r_p = theta_p - weight g(t)."""
    return theta_p - weight * g(t)


def line_gradient(weight: Any = 1) -> bool:
    """Whether the first derivative is -2 weight r_p g'."""
    found = sympy.diff(loss_on_line(weight), t)
    return sympy.expand(found + 2 * weight * residual_on_line(weight) * g(t).diff(t)) == 0


def line_hessian() -> bool:
    """Whether the second derivative is 2 g'^2 - 2 r_p g''."""
    found = sympy.diff(loss_on_line(), t, 2)
    return (
        sympy.expand(found - 2 * g(t).diff(t) ** 2 + 2 * residual_on_line() * g(t).diff(t, 2)) == 0
    )


def second_order_in_shares() -> list[bool]:
    """What the shares s_j of three offspring make of g', g'': the zero-mean and S conditions.

    g(t) = lambda (s_1 h(d_1 t) + s_2 h(d_2 t) + s_3 h(d_3 t)) for one function h through x_i; the
    term of each offspring has the factor s_j alone, so three stand for any number of them.

    Returns:
        g'(0) = lambda h'(0) sum_j s_j d_j, and g''(0) = lambda h''(0) sum_j s_j d_j^2.
    """
    weight, shares, moves = sympy.Symbol("lambda"), sympy.symbols("s_1:4"), sympy.symbols("d_1:4")
    h, u = sympy.Function("h"), sympy.Symbol("u")
    terms = [s * h(u).subs(u, d * t) for s, d in zip(shares, moves, strict=True)]
    whole = weight * sum(terms)
    outcomes = []
    for order in (1, 2):
        found = sympy.diff(whole, t, order).doit().subs(t, 0).doit()
        slope = sympy.Subs(h(u).diff(u, order), u, 0).doit()
        mean = sum(s * d**order for s, d in zip(shares, moves, strict=True))
        outcomes.append(sympy.simplify((found - weight * slope * mean).doit()) == 0)
    return outcomes


def taylor_remainder(power: int = 3, divisor: int = 6) -> list[bool]:
    """Taylor's theorem for one undefined function: the remainder is at most M eta^3 / 6.

    Returns:
        The integral form of the remainder, differentiated, and the integral of its weight.
    """
    value = g(t) + g(t).diff(t) * (eta - t) + g(t).diff(t, 2) * (eta - t) ** 2 / 2
    weight = (eta - t) ** (power - 1) / 2
    return [
        sympy.expand(sympy.diff(value, t) - g(t).diff(t, power) * weight) == 0,
        sympy.integrate(weight, (t, 0, eta)) == eta**power / divisor,
    ]
