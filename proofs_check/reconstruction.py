"""The reconstruction loss of section 5, its splitting matrices, and Algorithm 1.

arXiv 2602.08723, section 5 and appendix B, with f: R^d -> R^P any smooth map:

    r = theta - sum_i lambda_i f(x_i),   L = |r|^2,   S(x_i) = -2 lambda_i sum_p r_p Hess f_p(x_i)

``residual``, ``loss``, ``splitting_matrix`` and ``offspring`` take scalars of any kind.
``SmoothProblem`` leaves f undefined; what holds there holds for every f that is smooth enough.
``PolynomialMap`` makes L a polynomial in all coordinates, whose derivatives are then exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import sympy
from flint import Ordering, fmpq, fmpq_mat, fmpq_mpoly, fmpq_mpoly_ctx

from proofs_check.formulas import Matrix, Scalar, Vector, combine, dot, monomials

Polynomial: TypeAlias = Any
"""An fmpq_mpoly."""

Split: TypeAlias = Sequence[tuple[Scalar, Vector]]
"""The shares lambda_i^[j] / lambda_i and the directions delta_i^[j] of a sample's offspring."""


def residual(theta: Vector, weights: Vector, features: Matrix) -> list[Scalar]:
    """r_p = theta_p - sum_i lambda_i f_p(x_i), from the f(x_i)."""
    return [t - s for t, s in zip(theta, combine(weights, features), strict=True)]


def loss(theta: Vector, weights: Vector, features: Matrix) -> Scalar:
    """L = |theta - sum_i lambda_i f(x_i)|^2 (5.1), from the f(x_i)."""
    r = residual(theta, weights, features)
    return dot(r, r)


def splitting_matrix(weight: Scalar, r: Vector, hessians: Sequence[Matrix]) -> list[list[Scalar]]:
    """S(x_i) = -2 lambda_i sum_p r_p Hess f_p(x_i) (5.2), from the P Hessians at x_i."""
    rows = [combine(r, [hessian[j] for hessian in hessians]) for j in range(len(hessians[0]))]
    return [[-2 * weight * entry for entry in row] for row in rows]


def offspring(
    x: Matrix, weights: Vector, splits: Sequence[Split], eta: Scalar
) -> tuple[list[list[Scalar]], list[Scalar]]:
    """x_i^[j] = x_i + eta delta_i^[j] and lambda_i^[j] = share_i^[j] lambda_i.

    Args:
        x: k samples.
        weights: Their k weights.
        splits: What becomes of each, k splits.
        eta: Step size.

    Returns:
        The offspring, sample by sample, and their weights.
    """
    points = [
        [s + eta * t for s, t in zip(x_i, delta, strict=True)]
        for x_i, split in zip(x, splits, strict=True)
        for _, delta in split
    ]
    shares = [
        share * weight for weight, split in zip(weights, splits, strict=True) for share, _ in split
    ]
    return points, shares


def keep(d: int) -> Split:
    """The split that leaves a sample as it is."""
    return [(1, [0] * d)]


def binary(v: Vector) -> Split:
    """X +- eta v with half the weight each (section 5.2)."""
    half = fmpq(1, 2)
    return [(half, list(v)), (half, [-t for t in v])]


@dataclass(frozen=True)
class SmoothProblem:
    """Samples and a map f of which nothing is known but that it has derivatives.

    Attributes:
        theta: P symbols.
        weights: k symbols, or expressions in some.
        x: k samples of d symbols.
        P: Number of components of f, undefined functions of d variables.
    """

    theta: Vector
    weights: Vector
    x: Matrix
    P: int

    @property
    def coordinates(self) -> list[sympy.Symbol]:
        """All coordinates of all samples."""
        return flat(self.x)

    @cached_property
    def features(self) -> list[list[sympy.Expr]]:
        """f(x_1), ..., f(x_k)."""
        return [[sympy.Function(f"f{p}")(*x_i) for p in range(self.P)] for x_i in self.x]

    @cached_property
    def gradient(self) -> sympy.Matrix:
        """The first derivatives of L in all coordinates."""
        return self._jacobian(sympy.Matrix([loss(self.theta, self.weights, self.features)])).T

    @cached_property
    def hessian(self) -> sympy.Matrix:
        """The second derivatives of L in all coordinates."""
        return self._jacobian(self.gradient)

    @cached_property
    def r(self) -> sympy.Matrix:
        """The residual, P x 1."""
        return sympy.Matrix(residual(self.theta, self.weights, self.features))

    def J(self, i: int) -> sympy.Matrix:
        """The first derivatives of f at x_i, P x d."""
        return sympy.Matrix(self.features[i]).jacobian(sympy.Matrix(self.x[i]))

    def S(self, i: int) -> sympy.Matrix:
        """The splitting matrix of x_i."""
        hessians = [sympy.hessian(f_p, self.x[i]).tolist() for f_p in self.features[i]]
        return sympy.Matrix(splitting_matrix(self.weights[i], self.r.flat(), hessians))

    def _jacobian(self, column: sympy.Matrix) -> sympy.Matrix:
        return column.jacobian(sympy.Matrix(self.coordinates))


def smooth_problem(k: int, d: int, P: int, name: str = "x") -> SmoothProblem:
    """K samples in d dimensions, named by a letter, and P parameters."""
    x = [sympy.symbols(f"{name}{i}_:{d}") for i in range(k)]
    return SmoothProblem(sympy.symbols(f"theta:{P}"), sympy.symbols(f"lambda:{k}"), x, P)


def vanishes(A: Any) -> bool:
    """Whether every entry of a symbolic matrix expands to 0."""
    return all(sympy.expand(entry) == 0 for entry in A)


def block(A: Any, i: int, j: int, d: int) -> Any:
    """The d x d block (i, j) of a symbolic matrix."""
    return A[i * d : i * d + d, j * d : j * d + d]


@dataclass(frozen=True, slots=True)
class PolynomialMap:
    """A polynomial map with rational coefficients.

    Attributes:
        components: The P polynomials f_p.
        d: Number of variables.
    """

    components: tuple[Polynomial, ...]
    d: int

    def __call__(self, x: Vector) -> list[Scalar]:
        """f(x), for rational numbers or for polynomials x."""
        if isinstance(x[0], fmpq_mpoly):
            return [f_p.compose(*x) for f_p in self.components]
        return [f_p(*x) for f_p in self.components]

    def hessians(self, x: Vector) -> list[fmpq_mat]:
        """The P matrices Hess f_p(x)."""
        return [hessian(f_p, x) for f_p in self.components]

    def splitting_matrices(self, theta: Vector, weights: Vector, x: Matrix) -> list[fmpq_mat]:
        """S(x_1), ..., S(x_k)."""
        r = residual(theta, weights, [self(x_i) for x_i in x])
        tables = [[h.tolist() for h in self.hessians(x_i)] for x_i in x]
        return [
            fmpq_mat(splitting_matrix(weight, r, table))
            for weight, table in zip(weights, tables, strict=True)
        ]

    def loss_polynomial(self, theta: Vector, weights: Vector) -> Polynomial:
        """L as a polynomial in the coordinates of all samples, sample by sample."""
        count = len(weights) * self.d
        x = variables(count)
        points = [x[i : i + self.d] for i in range(0, count, self.d)]
        return loss(theta, weights, [self(point) for point in points])

    def expansion(
        self, theta: Vector, weights: Vector, x: Matrix, splits: Sequence[Split]
    ) -> Polynomial:
        """The loss after the split, a polynomial in eta."""
        (eta,) = variables(1)
        points, shares = offspring(x, weights, splits, eta)
        return loss(theta, shares, [self(point) for point in points])


def bilinear(u: Vector, A: fmpq_mat, v: Vector) -> Scalar:
    """u^T A v."""
    return dot(u, [dot(row, v) for row in A.tolist()])


def variables(count: int) -> tuple[Polynomial, ...]:
    """Polynomial variables."""
    return fmpq_mpoly_ctx.get(("x", count), Ordering.lex).gens()


def gradient(p: Polynomial, x: Vector) -> list[fmpq]:
    """The first derivatives of a polynomial at x."""
    return [p.derivative(j)(*x) for j in range(len(x))]


def hessian(p: Polynomial, x: Vector) -> fmpq_mat:
    """The second derivatives of a polynomial at x."""
    n = len(x)
    return fmpq_mat([[p.derivative(j).derivative(k)(*x) for k in range(n)] for j in range(n)])


def third_derivative_square(p: Polynomial, x: Vector) -> fmpq:
    """The sum of the squares of all third derivatives at x; its root bounds the operator norm."""
    indices = product(range(len(x)), repeat=3)
    entries = (p.derivative(a).derivative(b).derivative(c)(*x) for a, b, c in indices)
    return sum((entry**2 for entry in entries), start=fmpq(0))


def is_positive_semidefinite(A: fmpq_mat, shift: Scalar = 0) -> bool:
    """Whether A + shift I is positive semidefinite.

    Args:
        A: (n, n), symmetric.
        shift: Added to the diagonal.

    Returns:
        True if no coefficient of det(t I + A + shift I) is negative: all roots being real, this is
        so if and only if none of them is positive.
    """
    n = A.nrows()
    shifted = A + shift * fmpq_mat([[int(j == k) for k in range(n)] for j in range(n)])
    return all(coefficient >= 0 for coefficient in (-shifted).charpoly().coeffs())


def random_map(rng: np.random.Generator, d: int, P: int, degree: int) -> PolynomialMap:
    """A map with integer coefficients of absolute value at most 3."""
    x = variables(d)
    basis = [term for k in range(degree + 1) for term in monomials(x, k)]
    coefficients = rng.integers(-3, 4, (P, len(basis))).tolist()
    return PolynomialMap(tuple(combine(row, [[t] for t in basis])[0] for row in coefficients), d)


def random_rationals(rng: np.random.Generator, *shape: int) -> Any:
    """Fractions p / 4 with p from -8 to 8, p not 0, as nested lists."""
    signs, sizes = rng.choice([-1, 1], shape), rng.integers(1, 9, shape)
    return _quarters((signs * sizes).tolist())


def _quarters(values: Any) -> Any:
    return [_quarters(v) for v in values] if isinstance(values, list) else fmpq(values, 4)


def random_split(rng: np.random.Generator, d: int, count: int) -> Split:
    """Offspring with positive shares of sum 1, sum_j share_j delta_j = 0 and |delta_j| <= 1."""
    parts = rng.integers(1, 6, count).tolist()
    shares = [fmpq(part, sum(parts)) for part in parts]
    deltas = random_rationals(rng, count - 1, d)
    deltas.append([-t / shares[-1] for t in combine(shares[:-1], deltas)])
    scale = max(sum(abs(t) for t in delta) for delta in deltas)
    return [(s, [t / scale for t in delta]) for s, delta in zip(shares, deltas, strict=True)]


def random_problem(rng: np.random.Generator, k: int, d: int, P: int, degree: int) -> tuple:
    """A random map with theta, weights and samples."""
    f = random_map(rng, d, P, degree)
    return f, random_rationals(rng, P), random_rationals(rng, k), random_rationals(rng, k, d)


def flat(x: Matrix) -> list[Scalar]:
    """All coordinates, sample by sample."""
    return [entry for x_i in x for entry in x_i]
