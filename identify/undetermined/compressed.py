"""The equations reduced to independent linear functions of T.

Symbols: phi_k weighted monomials of degree k, X_i = sigma x_i samples in the units of the points
u_j / sigma, q_k = sum_i b_i phi_k(X_i) the coefficients of the form of degree k. The equations of
every setting are linear in q = (q_k)_k: M q = g. With M = U S V^T they are L q = y, L = S V^T,
y = U^T g: as many as are independent, and lengths of residuals are kept.

Coordinates are those of the row space and one direction e orthogonal to it, where there is one:
samples that can leave the row space can do so along e, and (x, b) is pinned in the full space if
and only if it is pinned there, because the equations outside the row space read
sum_i s_j b_i sigma'(x_i.w_j) <x_i, e> = 0 for each e alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.equations.pose import Problem, equations_in
from identify.equations.system import Equations
from identify.tensor.features import form_dimension, gradient_features, monomial_features

MAX_ENTRIES = 2 * 10**7
"""Largest linear system that is decomposed."""


@dataclass(frozen=True, slots=True)
class Forms:
    """The linear equations M q = g in singular coordinates, relative to |g|.

    Attributes:
        degrees: The degrees k with a block in q.
        sizes: Number of coefficients of each block.
        values: Singular values that are not rounding, decreasing, (rho,).
        rows: V^T, (rho, sum of sizes).
        target: U^T g / |g|, (rho,).
        outside: Norm of what no q explains, relative to |g|.
        count: Number of scalar equations before the reduction.
        norm: |g|.
        sigma: Unit of the points.
        basis: Orthonormal columns the coordinates refer to, (d, r) or (d, r + 1).
        wide: Whether the last column lies outside the row space.
    """

    degrees: tuple[int, ...]
    sizes: tuple[int, ...]
    values: FloatArray
    rows: FloatArray
    target: FloatArray
    outside: float
    count: int
    norm: float
    sigma: float
    basis: FloatArray
    wide: bool

    def blocks(self) -> list[tuple[int, FloatArray]]:
        """Return L by degree: pairs (k, L_k), L_k of shape (rho, sizes[k])."""
        cuts = np.cumsum(self.sizes)[:-1]
        split = np.split(self.values[:, None] * self.rows, cuts, axis=1)
        return list(zip(self.degrees, split, strict=True))


def forms_size(problem: Problem, *, wider: bool) -> int:
    """Return the number of entries of M, ``wider`` with a direction outside the row space."""
    q = problem.equations.points.shape[1] + int(wider and _widens(problem))
    columns = sum(form_dimension(q, k) for k in problem.equations.activation.support)
    return len(problem.equations.points) * (1 if problem.equations.by_value else q) * columns


def compress(problem: Problem, *, wider: bool, seed: int = 0) -> Forms:
    """Return the equations as independent linear functions of the forms.

    ``wider`` adds one direction outside the row space, drawn by ``seed``, where there is one.
    """
    basis = problem.space.basis
    if wider and _widens(problem):
        basis = np.column_stack([basis, direction_outside(basis, np.random.default_rng(seed))])
    equations = equations_in(problem.evaluations, basis)
    sigma = float(np.sqrt(np.mean(equations.points**2))) or 1.0
    degrees, blocks, right = _linear_equations(equations, problem.evaluations.values, sigma)
    # M / |g| = U S V^T without what is rounding; the rows of S V^T q = U^T g / |g| are independent
    matrix, norm = np.concatenate(blocks, axis=1), float(np.linalg.norm(right)) or 1.0
    left, singular, rows = np.linalg.svd(matrix / norm, full_matrices=False)
    floor = singular[0] * max(matrix.shape) * np.finfo(float).eps * 10
    rho = int(np.sum(singular > floor))
    target = left[:, :rho].T @ right / norm
    outside = float(np.linalg.norm(right / norm - left[:, :rho] @ target))
    return Forms(
        degrees=degrees,
        sizes=tuple(block.shape[1] for block in blocks),
        values=singular[:rho],
        rows=rows[:rho],
        target=target,
        outside=outside,
        count=len(right),
        norm=norm,
        sigma=sigma,
        basis=basis,
        wide=basis.shape[1] > problem.space.basis.shape[1],
    )


def _widens(problem: Problem) -> bool:
    d, r = problem.space.basis.shape
    return problem.evaluations.gradients is not None and r < d


def direction_outside(basis: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw a vector of norm 1, (d,), orthogonal to the orthonormal columns (d, r), r < d."""
    e = rng.standard_normal(len(basis))
    for _ in range(2):
        e -= basis @ (basis.T @ e)
        e /= np.linalg.norm(e)
    return e


def _linear_equations(
    equations: Equations, values: FloatArray | None, sigma: float
) -> tuple[tuple[int, ...], list[FloatArray], FloatArray]:
    """Return the degrees with a block in q, M by degree, and g.

    The constant enters through output values alone; where sigma is a power, gradients imply them.
    """
    coefficients, degrees = equations.activation.coefficients, equations.activation.support
    trained = values if values is not None and np.any(values) else None
    if trained is not None and coefficients[0] != 0:
        degrees = (0, *degrees)
    blocks, right = _blocks(equations, degrees, sigma)
    if trained is not None and not equations.activation.is_power and not equations.by_value:
        nodes = equations.points / sigma
        seen = [coefficients[k] * monomial_features(nodes, k) for k in degrees]
        blocks = [np.concatenate(pair) for pair in zip(blocks, seen, strict=True)]
        right = np.concatenate([right, trained])
    return degrees, blocks, right


def _blocks(
    equations: Equations, degrees: tuple[int, ...], sigma: float
) -> tuple[list[FloatArray], FloatArray]:
    """Return M by degree, and g, of g(w) = sum_k c_k q_k.grad_w phi_k(w / sigma)."""
    nodes, c = equations.points / sigma, equations.activation.coefficients
    if equations.by_value:
        return [c[k] * monomial_features(nodes, k) for k in degrees], equations.right_side[:, 0]
    weight = equations.scale[:, None, None] / sigma
    found = [(c[k] * weight * gradient_features(nodes, k)).reshape(nodes.size, -1) for k in degrees]
    return found, equations.right_side.ravel()
