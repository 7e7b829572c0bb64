"""A map that meets Assumption 5.1 literally: f(x) = (cos x, sin x), theta = 0, one candidate.

L(x, lambda) = lambda^2 for all x in R and lambda in R, so every derivative in x is 0 and any l > 0
and rho > 0 bound them. For k >= 2 there is no such example: see "assumption-5.1".
"""

from __future__ import annotations

from typing import Any

import sympy

from proofs_check.exact.formulas import Scalar
from proofs_check.exact.line import t
from proofs_check.exact.reconstruction_loss import exact_loss, exact_residual, splitting_matrix

CIRCLE = (sympy.cos(t), sympy.sin(t))


def circle_is_admissible(rho: Scalar) -> bool:
    """Whether L(x, lambda) is constant in x for every lambda, so that any rho > 0 bounds it."""
    weight = sympy.Symbol("lambda", real=True)
    return bool(rho > 0) and sympy.simplify(exact_loss([0, 0], [weight], [CIRCLE]).diff(t)) == 0


def circle_split(weight: Scalar, eta: Scalar) -> tuple[Scalar, Scalar, Any]:
    """For a sample at 0: loss before, S, loss after the binary split, weight^2 cos^2 eta."""
    values = [s.subs(t, 0) for s in CIRCLE]
    r = exact_residual([0, 0], [weight], [values])
    S = splitting_matrix(weight, r, [[[s.diff(t, 2).subs(t, 0)]] for s in CIRCLE])[0][0]
    moved = [[s.subs(t, sign * sympy.Rational(eta)) for s in CIRCLE] for sign in (1, -1)]
    half = sympy.Rational(weight) / 2
    return exact_loss([0, 0], [weight], [values]), S, exact_loss([0, 0], [half, half], moved)
