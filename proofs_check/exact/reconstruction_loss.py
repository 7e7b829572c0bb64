"""The reconstruction loss of section 5, its splitting matrices, and the offspring of a split.

arXiv 2602.08723, section 5 and appendix B, with f: R^d -> R^P any smooth map, scalars of any kind:

    r = theta - sum_i lambda_i f(x_i),   L = |r|^2,   S(x_i) = -2 lambda_i sum_p r_p Hess f_p(x_i)

``smooth_problem`` leaves f undefined; what holds there holds for every f that is smooth enough.
``polynomial_map`` makes L a polynomial in all coordinates, whose derivatives are then exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from flint import fmpq

from proofs_check.exact.formulas import Matrix, Scalar, Vector, combine, dot

Split: TypeAlias = Sequence[tuple[Scalar, Vector]]
"""The shares lambda_i^[j] / lambda_i and the directions delta_i^[j] of a sample's offspring."""


def exact_residual(theta: Vector, weights: Vector, features: Matrix) -> list[Scalar]:
    """r_p = theta_p - sum_i lambda_i f_p(x_i), from the f(x_i)."""
    return [t - s for t, s in zip(theta, combine(weights, features), strict=True)]


def exact_loss(theta: Vector, weights: Vector, features: Matrix) -> Scalar:
    """L = |theta - sum_i lambda_i f(x_i)|^2 (5.1), from the f(x_i)."""
    r = exact_residual(theta, weights, features)
    return dot(r, r)


def splitting_matrix(weight: Scalar, r: Vector, hessians: Sequence[Matrix]) -> list[list[Scalar]]:
    """S(x_i) = -2 lambda_i sum_p r_p Hess f_p(x_i) (5.2), from the P Hessians at x_i."""
    rows = [combine(r, [hessian[j] for hessian in hessians]) for j in range(len(hessians[0]))]
    return [[-2 * weight * entry for entry in row] for row in rows]


def offspring(
    x: Matrix, weights: Vector, splits: Sequence[Split], eta: Scalar
) -> tuple[list[list[Scalar]], list[Scalar]]:
    """All x_i^[j] = x_i + eta delta_i^[j], and lambda_i^[j] = share_i^[j] lambda_i likewise."""
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
    """Two offspring x +- eta v with half the weight each (section 5.2)."""
    half = fmpq(1, 2)
    return [(half, list(v)), (half, [-t for t in v])]


def flat(x: Matrix) -> list[Scalar]:
    """All coordinates, sample by sample."""
    return [entry for x_i in x for entry in x_i]
