"""Weighted polynomial interpolation: from evaluations to the tensor, with its rank conditions.

Symbols: u_j points in the r coordinates of the row space, s_j weights, D = diag(s), k c_k the
factor of degree k in sigma', V = [phi_{k-1}(u_j) k c_k]_k the feature matrix, g_j the values of
s_j grad P(u_j). The Gram test asks for full column rank of D V (paper, eq. 4.2, on the row space):
then f_k = A_k phi_{k-1} is determined by D V A = g. The symmetric test uses that f is a gradient:
the
unknown is the form p with C(r+alpha-1, alpha) coefficients, against m r equations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigvalsh

from identify.arrays import FloatArray
from identify.equations.system import Equations
from identify.tensor.features import form_dimension, gradient_features, monomial_features
from identify.tensor.implicit import ImplicitTensor
from identify.tensor.rank import rounding_tolerance

SVD_LIMIT = 1500
"""Columns up to which the system is solved by a singular value decomposition."""

ENTRY_LIMIT = 2 * 10**8
"""Largest number of entries of a matrix that is formed (1.6 GB)."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A linear least-squares solution with what its quality rests on.

    Attributes:
        columns: Number of unknowns N per right-hand side.
        rank: Singular values counted.
        singular_values: Decreasing.
        tolerance: Singular values at or below it were not counted.
        noise: Root mean square of the residual per spare equation, the rounding of the right-hand
            sides at least.
        spare: Number of equations beyond the unknowns.
        residual: Relative residual of the best fit, before anything was left out as noise; nan
            where none was computed.
        dual: Coefficients C with solution A = (D V)^T C, (rows, right-hand sides).
    """

    columns: int
    rank: int
    singular_values: FloatArray
    tolerance: float
    noise: float
    spare: int
    residual: float
    dual: FloatArray

    @property
    def determined(self) -> bool:
        """Whether every unknown is determined."""
        return self.rank == self.columns


@dataclass(frozen=True, slots=True)
class Interpolation:
    """The forms of P by degree and the two tests.

    Attributes:
        tensors: Implicit tensor of sum_i b_i x_i^{(x) k} for every degree k that is determined;
        empty
            where neither test holds.
        gram: The Gram test, or None where the matrix was too large.
        symmetric: The symmetric test, or None where it was not needed or too large.
        dimension: N of the Gram test.
        symmetric_dimension: Number of unknowns of the symmetric test.
    """

    tensors: dict[int, ImplicitTensor]
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
    """Interpolate P from its evaluations.

    Args:
        equations: The equations in the coordinates of the row space.
        rounding: Rounding noise of the right-hand sides, root mean square per entry.

    Returns:
        The forms by degree, as far as they are determined, and both tests.
    """
    activation, r = equations.activation, equations.points.shape[1]
    degrees = activation.support
    unknowns = sum(form_dimension(r, k) for k in degrees)
    if equations.by_value:
        constant = int(activation.coefficients[0] != 0)
        return _interpolate_values(equations, rounding, degrees, unknowns + constant)
    dimension = sum(form_dimension(r, k - 1) for k in degrees)
    gram = None
    if dimension * len(equations.points) <= ENTRY_LIMIT:
        sigma = _typical(equations.points)
        blocks = [
            monomial_features(equations.points / sigma, k - 1)
            * (equations.scale * (k * activation.coefficients[k]))[:, None]
            for k in degrees
        ]
        matrix = np.concatenate(blocks, axis=1) if len(blocks) > 1 else blocks[0]
        gram = solve(matrix, equations.right_side, rounding)
        if gram.determined:
            tensors = _from_gram(equations, gram, blocks, sigma)
            return Interpolation(tensors, gram, None, dimension, unknowns)
    symmetric = None
    if unknowns * equations.points.size <= ENTRY_LIMIT and unknowns <= 5 * SVD_LIMIT:
        tensors, symmetric = _interpolate_symmetric(equations, rounding, unknowns)
        if symmetric.determined:
            return Interpolation(tensors, gram, symmetric, dimension, unknowns)
    return Interpolation({}, gram, symmetric, dimension, unknowns)


def _typical(points: FloatArray) -> float:
    return float(np.sqrt(np.mean(points**2))) or 1.0


def _from_gram(
    equations: Equations, gram: Solution, blocks: list[FloatArray], sigma: float
) -> dict[int, ImplicitTensor]:
    """Write each f_k = A_k phi_{k-1} as a sum over the points (kernel form)."""
    coefficients = equations.activation.coefficients
    nodes = equations.points / sigma
    if len(blocks) == 1:
        k = equations.activation.support[0]
        dual = gram.dual * equations.scale[:, None] * (k * coefficients[k])
        return {k: ImplicitTensor(k, nodes / sigma, dual)}
    tensors = {}
    for k, block in zip(equations.activation.support, blocks, strict=True):
        features = monomial_features(nodes, k - 1)
        dual = np.linalg.pinv(features).T @ (block.T @ gram.dual)
        tensors[k] = ImplicitTensor(k, nodes / sigma, dual)
    return tensors


def _interpolate_symmetric(
    equations: Equations, rounding: float, unknowns: int
) -> tuple[dict[int, ImplicitTensor], Solution]:
    activation, (m, r) = equations.activation, equations.points.shape
    sigma = _typical(equations.points)
    nodes = equations.points / sigma
    blocks = []
    for k in activation.support:
        block = gradient_features(nodes, k) * equations.scale[:, None, None]
        blocks.append(block.reshape(m * r, -1) * activation.coefficients[k])
    matrix = np.concatenate(blocks, axis=1) if len(blocks) > 1 else blocks[0]
    solution = solve(matrix, equations.right_side.reshape(m * r, 1), rounding)
    assert solution.columns == unknowns
    tensors = {}
    dual = solution.dual.reshape(m, r) * equations.scale[:, None]
    for k, block in zip(activation.support, blocks, strict=True):
        weight = k * activation.coefficients[k]
        if len(blocks) > 1:  # a coefficient block may not be spanned by the points alone: re-expand
            tensors[k] = _expand(sigma * (block.T @ solution.dual[:, 0]), k, r, sigma)
        else:
            tensors[k] = ImplicitTensor(k, nodes / sigma, dual * weight)
    return tensors, solution


def _interpolate_values(
    equations: Equations, rounding: float, degrees: tuple[int, ...], unknowns: int
) -> Interpolation:
    m, r = equations.points.shape
    if unknowns * m > ENTRY_LIMIT:
        return Interpolation({}, None, None, unknowns, unknowns)
    sigma = _typical(equations.points)
    coefficients = equations.activation.coefficients
    nodes = equations.points / sigma
    blocks = [monomial_features(nodes, k) * coefficients[k] for k in degrees]
    parts = [*blocks, np.full((m, 1), coefficients[0])] if coefficients[0] else blocks
    matrix = np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
    solution = solve(matrix, equations.right_side, rounding)
    tensors = {}
    if solution.determined:
        for k, block in zip(degrees, blocks, strict=True):
            tensors[k] = _expand(block.T @ solution.dual[:, 0], k, r, sigma)
    return Interpolation(tensors, None, solution, unknowns, unknowns)


def _expand(coefficients: FloatArray, k: int, r: int, sigma: float) -> ImplicitTensor:
    """Write the form q . phi_k(w / sigma) as a sum of k-th powers of random directions."""
    rng = np.random.default_rng(0)
    nodes = rng.standard_normal((2 * len(coefficients) + 8, r))
    nodes /= np.linalg.norm(nodes, axis=1, keepdims=True)
    features = monomial_features(nodes, k)
    powers = np.linalg.pinv(features).T @ coefficients
    return ImplicitTensor(k, nodes / sigma, nodes * (powers / sigma)[:, None])


def solve(matrix: FloatArray, right_side: FloatArray, rounding: float) -> Solution:
    """Solve matrix A = right_side in least squares, judging the rank against the noise.

    Args:
        matrix: D V, (rows, N).
        right_side: (rows, q).
        rounding: Rounding noise of the right-hand side, root mean square per entry.

    Returns:
        The solution; where the rank is deficient, of minimal norm.
    """
    rows, columns = matrix.shape
    if columns <= SVD_LIMIT or rows < columns:
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        inverse = None
    else:
        left = right = None
        normal = matrix.T @ matrix
        try:
            inverse = cho_factor(normal)
        except LinAlgError:
            inverse = None
        values = _spectrum(normal, inverse)
    floor = rounding_tolerance(values, matrix.shape)
    if inverse is not None:
        floor = max(floor, float(values[0]) * 1e-7)  # squares: half of the digits
    if inverse is None and left is None:
        return _unsolved(matrix, right_side, values, floor)
    rank, smallest = int(np.sum(values > floor)), np.inf
    while True:
        if inverse is not None:
            coefficients = cho_solve(inverse, matrix.T @ right_side)
            coefficients += cho_solve(inverse, matrix.T @ (right_side - matrix @ coefficients))
            dual = matrix @ cho_solve(inverse, coefficients)
        else:
            assert left is not None
            assert right is not None
            rotated = left[:, :rank].T @ right_side / values[:rank, None]
            coefficients = right[:rank].T @ rotated
            dual = left[:, :rank] @ (rotated / values[:rank, None])
        error = float(np.linalg.norm(right_side - matrix @ coefficients))
        smallest = min(smallest, error)
        spare = (rows - rank) * right_side.shape[1]
        noise = max(rounding, error / np.sqrt(spare) if spare > 0 else 0.0)
        tolerance = max(floor, _drowning(noise, coefficients))
        counted = int(np.sum(values > tolerance))
        if counted >= rank or inverse is not None or counted == 0:
            rank = counted
            break
        rank = counted
    norm = float(np.linalg.norm(right_side)) or 1.0
    return Solution(columns, rank, values, tolerance, noise, spare, smallest / norm, dual)


def _spectrum(normal: FloatArray, inverse: tuple[FloatArray, bool] | None) -> FloatArray:
    """Return the singular values of a matrix from its large normal matrix, decreasing.

    Single precision serves for the bulk, of which only the picture is shown; the smallest, which
    decides, comes from inverse iteration in double precision.
    """
    if inverse is None:
        return np.sqrt(np.maximum(eigvalsh(normal), 0.0)[::-1])
    squares = eigvalsh(normal.astype(np.float32)).astype(np.float64)[::-1]
    vector = np.random.default_rng(0).standard_normal((len(normal), 8))
    for _ in range(30):
        vector = np.linalg.qr(cho_solve(inverse, vector))[0]
    size = float(np.linalg.eigvalsh(vector.T @ (normal @ vector))[0])
    return np.sqrt(np.append(np.maximum(squares[:-1], size), size))


def _drowning(noise: float, coefficients: FloatArray) -> float:
    """Singular value at which the noise of one coefficient equals a typical coefficient.

    One right singular direction carries a vector of q coefficients; noise perturbs it by
    noise sqrt(q) / sigma, against a typical norm |A| / sqrt(N).

    Returns:
        The singular value.
    """
    size = float(np.linalg.norm(coefficients))
    if size == 0:
        return 0.0
    return noise * float(np.sqrt(coefficients.size)) / size


def _unsolved(
    matrix: FloatArray, right_side: FloatArray, values: FloatArray, floor: float
) -> Solution:
    rank = min(int(np.sum(values > floor)), matrix.shape[1] - 1)
    dual = np.zeros((len(matrix), right_side.shape[1]))
    return Solution(matrix.shape[1], rank, values, floor, 0.0, 0, np.nan, dual)
