"""The KKT conditions of section 3, for Phi(x) = sum_j a_j c (W_j.x)^alpha.

With b_i = lambda_i y_i and theta = (a, W), a KKT point of the max-margin problem has

    stationarity               theta = sum_i b_i grad_theta Phi(theta; x_i),
    primal feasibility         y_i Phi(x_i) >= 1,
    dual feasibility           lambda_i >= 0,
    complementary slackness    lambda_i (y_i Phi(x_i) - 1) = 0.

``stationarity`` differentiates the network, and ``residuals`` are the same equations written out;
the claim "eq-4.1" compares the two. The scalars may be exact or symbolic. Where the neurons have
irrational lengths (``exact_kkt``), the functions at the end ask about other samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import comb
from typing import NamedTuple

import sympy

from proofs_check.exact.exact_kkt import ExactPoint
from proofs_check.exact.formulas import (
    Matrix,
    Scalar,
    Vector,
    contraction,
    dot,
    form,
    gram,
    network,
)
from proofs_check.exact.rational import Rational, Rows, identity, rank


class Point(NamedTuple):
    """Parameters of a network, and the samples and signed weights that go with it."""

    a: Vector
    W: Matrix
    b: Vector
    x: Matrix


HALF, THIRD = Fraction(1, 2), Fraction(1, 3)

POINTS = {
    2: Point([1], [[1, 1]], [HALF, HALF], [[1, 0], [0, 1]]),
    3: Point([1], [[1, 1, 1]], [THIRD] * 3, identity(3)),
    4: Point([1], [[2]], [1], [[HALF]]),
    5: Point([1], [[2, 1]], [HALF, HALF], [[0, 1], [Fraction(4, 5), Fraction(-3, 5)]]),
}
"""By alpha, a KKT point for t^alpha with one neuron and all margins 1."""


def stationarity(
    a: Vector, W: Matrix, b: Vector, x: Matrix, alpha: int, c: Scalar = 1
) -> list[Scalar]:
    """All entries of theta - sum_i b_i grad_theta Phi(theta; x_i), a_j and then W_j per neuron."""
    d = len(W[0])
    theta = [t for a_j, W_j in zip(a, W, strict=True) for t in (a_j, *W_j)]
    names = sympy.symbols(f"theta:{len(theta)}")
    neurons = [names[j : j + d + 1] for j in range(0, len(theta), d + 1)]
    outputs, rows = [t for t, *_ in neurons], [row for _, *row in neurons]
    total = sum(b_i * network(outputs, rows, x_i, alpha, c) for b_i, x_i in zip(b, x, strict=True))
    at = dict(zip(names, theta, strict=True))
    return [t - sympy.diff(total, name).subs(at) for name, t in at.items()]


def residuals(
    a: Vector, W: Matrix, b: Vector, x: Matrix, alpha: int, c: Scalar = 1
) -> list[Scalar]:
    """The same entries written out: a_j - c p(W_j) and W_j - alpha c a_j f(W_j)."""
    found = []
    for a_j, W_j in zip(a, W, strict=True):
        f = contraction(b, x, W_j, alpha)
        found += [a_j - c * form(b, x, W_j, alpha)]
        found += [w - alpha * c * a_j * f_k for w, f_k in zip(W_j, f, strict=True)]
    return found


def violated(alpha: int, a: Vector, W: Matrix, x: Matrix, y: Vector, lam: Vector) -> list[str]:
    """Which of the four KKT conditions do not hold."""
    b = [y_i * lam_i for y_i, lam_i in zip(y, lam, strict=True)]
    excess = [y_i * network(a, W, x_i, alpha) - 1 for y_i, x_i in zip(y, x, strict=True)]
    holds = {
        "stationarity": all(t == 0 for t in stationarity(a, W, b, x, alpha)),
        "primal feasibility": all(t >= 0 for t in excess),
        "dual feasibility": all(t >= 0 for t in lam),
        "complementary slackness": all(s * t == 0 for s, t in zip(lam, excess, strict=True)),
    }
    return [name for name, value in holds.items() if not value]


def satisfies_kkt(a: Vector, W: Matrix, b: Vector, x: Matrix, alpha: int, c: Scalar = 1) -> bool:
    """Whether all KKT conditions hold with y_i = sign b_i, lambda_i = |b_i| > 0 and margins 1."""
    stationary = all(t == 0 for t in residuals(a, W, b, x, alpha, c))
    return stationary and all(
        ((b_i > 0) - (b_i < 0)) * network(a, W, x_i, alpha, c) == 1
        for b_i, x_i in zip(b, x, strict=True)
    )


def point_symbols(n: int, m: int, d: int) -> Point:
    """Sympy symbols for n samples and m neurons."""
    W = [sympy.symbols(f"w{j}_:{d}") for j in range(m)]
    return Point(sympy.symbols(f"a:{m}"), W, *symbolic_samples(n, d))


def symbolic_samples(n: int, d: int) -> tuple[Vector, Matrix]:
    """Sympy symbols b (n) and x (n, d)."""
    return sympy.symbols(f"b:{n}"), [sympy.symbols(f"x{i}_:{d}") for i in range(n)]


def vanish(*terms: Scalar) -> bool:
    """Whether all terms expand to 0."""
    return all(sympy.expand(t) == 0 for t in terms)


def identical(found: Vector, expected: Vector) -> list[bool]:
    """Whether each difference expands to 0."""
    return [vanish(s - t) for s, t in zip(found, expected, strict=True)]


def agree(found: Vector, expected: Vector) -> bool:
    """Whether symbolic vectors are the same."""
    return all(identical(found, expected))


def gram_has_full_rank(W: Matrix, alpha: int) -> bool:
    """Whether rank(K) = N (4.2)."""
    return rank(gram(W, alpha)) == comb(len(W[0]) + alpha - 2, alpha - 1)


def meets_theorem(point: ExactPoint) -> bool:
    """Whether a network and its samples meet every hypothesis of Theorem 4.1."""
    return (
        point.alpha >= 3
        and point.kkt()
        and gram_has_full_rank(point.u, point.alpha)
        and independent_units(point.x)
    )


def independent_units(x: Rows) -> bool:
    """Whether the samples are linearly independent and have norm 1."""
    return rank(x) == len(x) and all(dot(x_i, x_i) == 1 for x_i in x)


def stationary_with(point: ExactPoint, x: Rows, b: Sequence[Rational]) -> bool:
    """Whether other samples x with signed weights b satisfy the stationarity of a network."""
    other = replace(point, x=list(map(list, x)), b=list(b))
    return all(other.stationary(j) for j in range(len(point.u)))


def margins_with(
    point: ExactPoint, x: Rows, b: Sequence[Rational]
) -> list[dict[Fraction, Fraction]]:
    """The margins y_i Phi(x_i) of a network for other samples x with labels y_i = sign b_i."""
    labels = [1 if t > 0 else -1 for t in b]
    return replace(point, x=list(map(list, x)), b=labels).margins()
