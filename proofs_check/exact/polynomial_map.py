"""The reconstruction loss of section 5 for polynomial maps f: its derivatives are exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from flint import Ordering, fmpq, fmpq_mat, fmpq_mpoly, fmpq_mpoly_ctx

from proofs_check.exact.formulas import Matrix, Scalar, Vector, combine, dot, monomials
from proofs_check.exact.reconstruction_loss import (
    Split,
    exact_loss,
    exact_residual,
    offspring,
    splitting_matrix,
)

Polynomial: TypeAlias = Any
"""An fmpq_mpoly."""


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
        r = exact_residual(theta, weights, [self(x_i) for x_i in x])
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
        return exact_loss(theta, weights, [self(point) for point in points])

    def expansion(
        self, theta: Vector, weights: Vector, x: Matrix, splits: Sequence[Split]
    ) -> Polynomial:
        """The loss after the split, a polynomial in eta."""
        (eta,) = variables(1)
        points, shares = offspring(x, weights, splits, eta)
        return exact_loss(theta, shares, [self(point) for point in points])


def bilinear(u: Vector, A: fmpq_mat, v: Vector) -> Scalar:
    """u^T A v."""
    return dot(u, [dot(row, v) for row in A.tolist()])


def variables(count: int) -> tuple[Polynomial, ...]:
    """Polynomial variables."""
    return fmpq_mpoly_ctx.get(("x", count), Ordering.lex).gens()


def polynomial_gradient(p: Polynomial, x: Vector) -> list[fmpq]:
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
    """Whether a symmetric A + shift I is: no coefficient of det(t I + A + shift I) is negative."""
    # all roots are real, so this is so if and only if none of them is positive
    n = A.nrows()
    shifted = A + shift * fmpq_mat([[int(j == k) for k in range(n)] for j in range(n)])
    return all(coefficient >= 0 for coefficient in (-shifted).charpoly().coeffs())


def lower_bound(matrices: Sequence[fmpq_mat]) -> Scalar:
    """A number below the smallest eigenvalue of all matrices by 1/1000 or less."""
    width = fmpq(1, 1000)
    size = sum(abs(entry) for matrix in matrices for entry in matrix.entries())
    low, high = -size, size + width
    while high - low > width:
        middle = (low + high) / 2
        below = all(is_positive_semidefinite(matrix, -middle) for matrix in matrices)
        low, high = (middle, high) if below else (low, middle)
    return low


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


def random_offspring(rng: np.random.Generator, d: int, count: int) -> Split:
    """Offspring with positive shares of sum 1, sum_j share_j delta_j = 0 and |delta_j| <= 1."""
    parts = rng.integers(1, 6, count).tolist()
    shares = [fmpq(part, sum(parts)) for part in parts]
    deltas = random_rationals(rng, count - 1, d)
    deltas.append([-t / shares[-1] for t in combine(shares[:-1], deltas)])
    scale = max(sum(abs(t) for t in delta) for delta in deltas)
    return [(s, [t / scale for t in delta]) for s, delta in zip(shares, deltas, strict=True)]


def random_problem(rng: np.random.Generator, k: int, d: int, P: int, degree: int) -> tuple:
    """A random map f with theta, weights and samples."""
    f = random_map(rng, d, P, degree)
    return f, random_rationals(rng, P), random_rationals(rng, k), random_rationals(rng, k, d)
