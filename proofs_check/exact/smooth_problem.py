"""The reconstruction loss of section 5 for a map f of which nothing is known; letters as there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy

from proofs_check.exact.formulas import Matrix, Vector
from proofs_check.exact.reconstruction_loss import (
    exact_loss,
    exact_residual,
    flat,
    splitting_matrix,
)


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
        return self._jacobian(sympy.Matrix([exact_loss(self.theta, self.weights, self.features)])).T

    @cached_property
    def hessian(self) -> sympy.Matrix:
        """The second derivatives of L in all coordinates."""
        return self._jacobian(self.gradient)

    @cached_property
    def r(self) -> sympy.Matrix:
        """The residual, P x 1."""
        return sympy.Matrix(exact_residual(self.theta, self.weights, self.features))

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
    """The problem of k samples in d dimensions, named by a letter, and P parameters."""
    x = [sympy.symbols(f"{name}{i}_:{d}") for i in range(k)]
    return SmoothProblem(sympy.symbols(f"theta:{P}"), sympy.symbols(f"lambda:{k}"), x, P)


def block(A: Any, i: int, j: int, d: int) -> Any:
    """The d x d block (i, j) of a symbolic matrix."""
    return A[i * d : i * d + d, j * d : j * d + d]
