"""Weighted polynomial interpolation: from evaluations to the tensor, with its rank conditions.

Symbols: u_j points in the r coordinates of the row space, s_j weights, D = diag(s), k c_k the
factor of degree k in sigma', V = [phi_{k-1}(u_j) k c_k]_k the feature matrix, g_j the values of
s_j grad P(u_j). The Gram test asks for full column rank of D V (paper, eq. 4.2, on the row space):
then f_k = A_k phi_{k-1} is determined by D V A = g. The symmetric test uses that f is a gradient:
the unknown is the form p with C(r+alpha-1, alpha) coefficients, against m r equations. Values alone
ask for the coefficients of P, with that of degree 0. Points are divided by their typical entry
first, so that features of different degrees are of one size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.system import Equations
from identify.tensor.features import (
    form_dimension,
    gradient_features,
    monomial_features,
    monomial_indices,
)
from identify.tensor.implicit import ImplicitTensor
from identify.tensor.least_squares import SVD_LIMIT, Solution, solve_least_squares
from identify.tensor.normal import RowBlocks

ENTRY_LIMIT = 2 * 10**8
"""Largest number of entries of a matrix that is formed (1.6 GB)."""

COLUMN_LIMIT = 25_000
"""Largest number of features whose normal matrix is formed (2.5 GB in single precision)."""

Tensors = dict[int, ImplicitTensor]
"""Implicit tensor of sum_i b_i x_i^{(x) k} by degree k."""


@dataclass(frozen=True, slots=True)
class Interpolation:
    """The forms of P by degree and the two tests.

    Attributes:
        tensors: Those that are determined; empty where neither test holds.
        gram: The Gram test, or None where the matrix was too large.
        symmetric: The symmetric test, or None where it was not needed or too large.
        dimension: N of the Gram test.
        symmetric_dimension: Number of unknowns of the symmetric test.
    """

    tensors: Tensors
    gram: Solution | None
    symmetric: Solution | None
    dimension: int
    symmetric_dimension: int

    @property
    def carried_by(self) -> Solution | None:
        """The test the tensors rest on, or None."""
        for solution in (self.gram, self.symmetric):
            if solution is not None and solution.determined:
                return solution
        return None


def interpolate(equations: Equations, rounding: float) -> Interpolation:
    """Interpolate P, with the rounding of the right-hand sides, root mean square per entry."""
    activation, (m, r) = equations.activation, equations.points.shape
    N_sym = sum(form_dimension(r, k) for k in activation.support)
    if equations.by_value:
        N_sym += activation.coefficients[0] != 0
        if N_sym * m > ENTRY_LIMIT:
            return Interpolation({}, None, None, N_sym, N_sym)
        tensors, solution = _by_values(equations, rounding)
        return Interpolation(tensors, None, solution, N_sym, N_sym)
    N = sum(form_dimension(r, k - 1) for k in activation.support)
    gram = symmetric = None
    if N * m <= ENTRY_LIMIT or m >= N <= COLUMN_LIMIT:
        tensors, gram = _by_gram(equations, rounding)
        if gram.determined:
            return Interpolation(tensors, gram, None, N, N_sym)
    if N_sym * m * r <= ENTRY_LIMIT and N_sym <= 5 * SVD_LIMIT:
        tensors, symmetric = _by_form(equations, rounding)
        if symmetric.determined:
            return Interpolation(tensors, gram, symmetric, N, N_sym)
    return Interpolation({}, gram, symmetric, N, N_sym)


def _by_gram(equations: Equations, rounding: float) -> tuple[Tensors, Solution]:
    """Solve D V A = g, with f_k = A_k phi_{k-1}."""
    c, degrees, s = equations.activation.coefficients, equations.activation.support, equations.scale
    sigma = _typical(equations.points)
    nodes = equations.points / sigma

    def part(rows: slice) -> FloatArray:
        """Return rows of D V, a block for each degree."""
        weights = [(s[rows] * (k * c[k]))[:, None] for k in degrees]
        features = [monomial_features(nodes[rows], k - 1) for k in degrees]
        return _beside([V * weight for V, weight in zip(features, weights, strict=True)])

    N = [form_dimension(nodes.shape[1], k - 1) for k in degrees]
    matrix = RowBlocks((len(nodes), sum(N)), part)
    gram = solve_least_squares(matrix, equations.right_side, rounding, dual=degrees != (3,))
    if not gram.determined:
        return {}, gram
    # one degree: f(w) = sum_j (u_j.w)^{k-1} k c_k s_j C_j without more ado
    if len(degrees) == 1 and gram.dual is not None:
        (k,) = degrees
        return {k: ImplicitTensor(k, nodes / sigma, gram.dual * s[:, None] * (k * c[k]))}, gram
    if degrees == (3,):
        return {3: _of_quadratic_forms(gram.A, sigma)}, gram
    tensors = {}
    for k, A in zip(degrees, np.split(gram.A, np.cumsum(N)[:-1]), strict=True):
        tensors[k] = ImplicitTensor(
            k, nodes / sigma, np.linalg.pinv(monomial_features(nodes, k - 1)).T @ A
        )
    return tensors, gram


def _of_quadratic_forms(A: Float64[FloatArray, "N r"], sigma: float) -> ImplicitTensor:
    """Write f(w) = A^T phi_2(w / sigma) with the nodes e_i and e_i + e_k, fewer than neurons."""
    r = A.shape[1]
    first, second = monomial_indices(r, 2).T
    # w_i w_k = ((w_i + w_k)^2 - w_i^2 - w_k^2) / 2
    nodes, dual, mixed = np.eye(r)[first], A.copy(), first != second
    nodes[mixed] += np.eye(r)[second[mixed]]
    dual[mixed] /= np.sqrt(2)
    for end in (first, second):
        np.subtract.at(dual, np.flatnonzero(~mixed)[end[mixed]], dual[mixed])
    return ImplicitTensor(3, nodes / sigma, dual)


def _by_form(equations: Equations, rounding: float) -> tuple[Tensors, Solution]:
    """Solve s_j grad p(u_j) = g_j for the coefficients of the forms p of every degree."""
    c, degrees, s = equations.activation.coefficients, equations.activation.support, equations.scale
    m, r = equations.points.shape
    sigma = _typical(equations.points)
    nodes = equations.points / sigma
    blocks = [
        (gradient_features(nodes, k) * s[:, None, None]).reshape(m * r, -1) * c[k] for k in degrees
    ]
    solution = solve_least_squares(
        _formed(_beside(blocks)), equations.right_side.reshape(m * r, 1), rounding
    )
    if not solution.determined:
        return {}, solution
    if len(degrees) == 1:
        (k,) = degrees
        assert solution.dual is not None
        dual = solution.dual.reshape(m, r) * s[:, None]
        return {k: ImplicitTensor(k, nodes / sigma, dual * (k * c[k]))}, solution
    # the points alone may not span a block of the coefficients: expand it in other directions
    q = _by_degree(solution, degrees, r)
    return {k: _expand(sigma * q[k], k, r, sigma) for k in degrees}, solution


def _by_values(equations: Equations, rounding: float) -> tuple[Tensors, Solution]:
    """Solve P(u_j) = v_j for the coefficients of P."""
    c, degrees = equations.activation.coefficients, equations.activation.support
    m, r = equations.points.shape
    sigma = _typical(equations.points)
    blocks = [monomial_features(equations.points / sigma, k) * c[k] for k in degrees]
    constant = [np.full((m, 1), c[0])] if c[0] else []
    matrix = _formed(_beside([*blocks, *constant]))
    solution = solve_least_squares(matrix, equations.right_side, rounding)
    if not solution.determined:
        return {}, solution
    q = _by_degree(solution, degrees, r)
    return {k: _expand(q[k], k, r, sigma) for k in degrees}, solution


def _by_degree(solution: Solution, degrees: tuple[int, ...], r: int) -> dict[int, FloatArray]:
    """Return the coefficients of the forms of every degree."""
    ends = np.cumsum([form_dimension(r, k) for k in degrees])
    parts = np.split(solution.A[:, 0], ends)
    return dict(zip(degrees, parts[: len(degrees)], strict=True))


def _typical(points: Float64[FloatArray, "m r"]) -> float:
    return float(np.sqrt(np.mean(points**2))) or 1.0


def _formed(matrix: FloatArray) -> RowBlocks:
    return RowBlocks((matrix.shape[0], matrix.shape[1]), lambda rows: matrix[rows])


def _beside(blocks: list[FloatArray]) -> FloatArray:
    return np.concatenate(blocks, axis=1) if len(blocks) > 1 else blocks[0]


def _expand(q: Float64[FloatArray, " N"], k: int, r: int, sigma: float) -> ImplicitTensor:
    """Write the form q . phi_k(w / sigma) as a sum of k-th powers of random directions."""
    nodes = np.random.default_rng(0).standard_normal((2 * len(q) + 8, r))
    nodes /= np.linalg.norm(nodes, axis=1, keepdims=True)
    powers = np.linalg.pinv(monomial_features(nodes, k)).T @ q
    return ImplicitTensor(k, nodes / sigma, nodes * (powers / sigma)[:, None])
