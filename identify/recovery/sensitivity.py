"""How far an error of the equations can move each sample, from an orthogonal factorisation of J.

Symbols: J the Jacobian of the left-hand sides in (x_i, b_i), D the lengths of its columns,
J D^{-1} = Q R = U diag(sigma) V^T. Row block i of J^+ = D^{-1} V diag(1/sigma) U^T moves sample i;
its norm is S_i. The normal matrix R^T R squares the condition: below the square root of the
rounding a damped one hides null directions, and bounds taken from it are too small by any factor.
So J is formed where it fits; where it does not, the smallest eigenvalue of the scaled normal matrix
must be clear of rounding, or every S_i is infinite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigvalsh, solve_triangular

from identify.arrays import Float64, FloatArray
from identify.equations.system import Equations, normal_matrix, residual_gradient
from identify.recovery.fit import Fit

FORMED = 3 * 10**7
"""Largest number of entries of a Jacobian that is formed (240 MB)."""

FACTORED = 2500
"""Largest number of unknowns whose normal matrix is decomposed."""

CLEAR = 1e-11
"""Smallest eigenvalue of a normal matrix, its diagonal scaled to 1, that is clear of rounding."""

_NULL = 1e-13
"""Singular value of J, its columns scaled to 1, below which a direction is not told from zero."""


@dataclass(frozen=True, slots=True)
class Directions:
    """J D^{-1} = U diag(values) V^T.

    Attributes:
        left: U.
        values: Singular values, decreasing.
        moves: D^{-1} V by sample: what each direction does to the unknowns.
    """

    left: Float64[FloatArray, "mc nq"]
    values: Float64[FloatArray, " nq"]
    moves: Float64[FloatArray, "n q nq"]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What an error of norm 1 in the equations does to the least-squares solution, at first order.

    Attributes:
        x: Largest movement of each sample; inf where nothing bounds it.
        b: Largest relative change of each coefficient; 0 where b is fixed.
        step: Length of the step to the least-squares solution that each sample has not taken.
        directions: The singular directions of J, where J was formed, else None.
    """

    x: Float64[FloatArray, " n"]
    b: Float64[FloatArray, " n"]
    step: Float64[FloatArray, " n"]
    directions: Directions | None

    @property
    def known(self) -> bool:
        """Whether every factor is finite."""
        return bool(np.all(np.isfinite(self.x)) and np.all(np.isfinite(self.b)))


def dense_jacobian(
    equations: Equations, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"]
) -> Float64[FloatArray, "mc nq"]:
    """Form the Jacobian of the left-hand sides, with b_i behind x_i where b is free."""
    (n, r), u = x.shape, equations.points
    t = u @ x.T
    if equations.by_value:
        along = (b * equations.activation(t, 1))[:, :, None] * u[:, None, :]
        own = equations.activation(t)[:, :, None]
        parts = [along, own] if equations.free_b else [along]
        return np.concatenate(parts, axis=2).reshape(len(u), -1)
    s = equations.scale[:, None]
    first, second = s * equations.activation(t, 1), s * equations.activation(t, 2)
    blocks = np.empty((len(u), r, n, r + equations.free_b))
    # d/dx_i of b_i s sigma'(x_i.u) x_i = b_i s (sigma'' x_i u^T + sigma' I)
    blocks[..., :r] = x.T[None, :, :, None] * ((b * second)[:, :, None] * u[:, None, :])[:, None]
    diagonal = np.arange(r)
    blocks[:, diagonal, :, diagonal] += (b * first)[None]
    if equations.free_b:
        blocks[..., r] = x.T[None] * first[:, None, :]
    return blocks.reshape(len(u) * r, -1)


def sensitivity(equations: Equations, fit: Fit) -> Sensitivity:
    """Factor J at a fit; the factors are infinite where J is too large for that, or singular."""
    unknowns = fit.unit.size
    if equations.right_side.size * unknowns <= FORMED:
        if equations.right_side.size < unknowns:
            return _unknown(fit)
        J, left = dense_jacobian(equations, fit.x, fit.b), equations.residual(fit.x, fit.b)
        return from_jacobian(J, fit, left.ravel(), free_b=equations.free_b)
    if unknowns <= FACTORED:
        return _from_normal(equations, fit)
    return _unknown(fit)


def _unknown(fit: Fit) -> Sensitivity:
    n = len(fit.x)
    return Sensitivity(np.full(n, np.inf), np.full(n, np.inf), np.zeros(n), None)


def from_jacobian(
    J: Float64[FloatArray, "e p"], fit: Fit, left: Float64[FloatArray, " e"], *, free_b: bool
) -> Sensitivity:
    """Factor a given J at a fit that leaves ``left`` in the equations."""
    directions = _directions(J, fit)
    if directions is None:
        return _unknown(fit)
    step = directions.moves @ (directions.left.T @ left / directions.values)
    return _by_sample(fit, directions.moves / directions.values, step, directions, free_b=free_b)


def _directions(J: Float64[FloatArray, "e p"], fit: Fit) -> Directions | None:
    """Decompose J, or return None where it is singular."""
    D = np.linalg.norm(J, axis=0)
    if not np.all(np.isfinite(D)) or D.min() <= 0:
        return None
    Q, R = np.linalg.qr(J / D)
    left, values, right = np.linalg.svd(R)
    if values[-1] < _NULL * values[0]:
        return None
    moves = (right / D).T.reshape(*fit.unit.shape, len(D))
    return Directions(Q @ left, values, moves)


def _from_normal(equations: Equations, fit: Fit) -> Sensitivity:
    normal = normal_matrix(equations, fit.x, fit.b)
    D = np.sqrt(np.diag(normal))
    if not np.all(np.isfinite(D)) or D.min() <= 0:
        return _unknown(fit)
    normal /= D[:, None] * D
    if eigvalsh(normal, subset_by_index=[0, 0])[0] < CLEAR:
        return _unknown(fit)
    lower = np.linalg.cholesky(normal)  # R^T
    inverse = solve_triangular(lower, np.eye(len(D)), lower=True, check_finite=False)
    along = residual_gradient(equations, fit.x, fit.b, equations.residual(fit.x, fit.b)).ravel()
    step = (inverse.T @ (inverse @ (along / D)) / D).reshape(fit.unit.shape)
    blocks = (inverse.T / D[:, None]).reshape(*fit.unit.shape, len(D))
    return _by_sample(fit, blocks, step, None, free_b=equations.free_b)


def _by_sample(
    fit: Fit,
    blocks: Float64[FloatArray, "n q nq"],
    step: Float64[FloatArray, "n q"],
    directions: Directions | None,
    *,
    free_b: bool,
) -> Sensitivity:
    """Take the norms of the row blocks of J^+, which are given up to a rotation."""
    n, r = fit.x.shape
    x = np.array([np.sqrt(np.linalg.eigvalsh(part @ part.T)[-1]) for part in blocks[:, :r]])
    b = np.zeros(n)
    if free_b:
        b = np.linalg.norm(blocks[:, r], axis=1) / np.maximum(np.abs(fit.b), 1e-300)
    return Sensitivity(x, b, np.linalg.norm(step[:, :r], axis=1), directions)


def beyond_reach(
    found: Sensitivity, change: Float64[FloatArray, "k mc"]
) -> Float64[FloatArray, "k mc"]:
    """Return (I - J J^+) change; half of the change where J was not formed."""
    if found.directions is None:
        return change / 2
    Q = found.directions.left
    left = change - (change @ Q) @ Q.T  # twice, for the digits
    return left - (left @ Q) @ Q.T
