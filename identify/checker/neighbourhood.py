"""In a neighbourhood of samples there is one solution, and all near-solutions lie in small balls.

v = (z_i, b_i, y_i) in the notation of ``linearised``, v0 the samples shown, and U the sets with

    |z_i - z0_i|, |y_i| <= R_i     (with |eta_i| under the first root),

R_i = share |z0_i| or a little more: all with |x_i - B z0_i| <= share |B z0_i| are among them.

Sums over samples have second derivatives of one sample at a time, so with K_k, L_k bounds on how
fast J_k, P_k change over U (``_curvature``), J' the derivative in y, S_i = |Y_i|, S'_i = |Y'_i|,
R~_k = |(R_k, R_k)|, v and v' in U and the differences d_i of z_i (and eta_i), d'_i of y_i,

    d:   e_zz = |1 - Y J|_ik + S_i K_k R~_k,    e_zy = |Y J'|_ik + S_i K_k R~_k,
    d':  e_yz = S'_i L_k R_k,                   e_yy = |1 - Y'P|_ik + S'_i L_k (R~_k + R_k),

(|d|, |d'|) <= e (|d|, |d'|) + |(Y, Y') (F(v) - F(v'))|. Let w > 0 with e w + c < w, w <= R. Then
the spectral radius of e is below 1 (Collatz and Wielandt), and

    1. two sets in U never give the same left-hand sides;
    2. with c_i = S_i eps + |Y F(v0)|_i every set in U with |F| <= eps has |d_i| <= w_i;
    3. v - (Y, Y') F(v) maps the balls of radius w into themselves and contracts: the equations
       combined by (Y, Y') have exactly one solution in U, and it lies in the balls (Krawczyk 1969).

A sample that keeps the whole from closing is set aside: w_i = R_i then, no inequality is asked of
it, and (2) still holds for the others, while (1) and (3) are not claimed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from identify.arrays import BoolArray, FloatArray
from identify.checker.arithmetic import SLACK, near_floats, norm_bound
from identify.checker.ball_equations import BallEquations
from identify.checker.linearised import Linearisation


@dataclass(frozen=True, slots=True)
class Enclosure:
    """What is proved in the neighbourhood.

    Attributes:
        radius: |B z_i + y_i - B z0_i| of every near-solution in U, inf where set aside, (n,).
        share: The neighbourhood: |x_i - B z0_i| at most this share of |B z0_i|.
        whole: Whether no sample was set aside: then there is exactly one solution.
    """

    radius: FloatArray
    share: float
    whole: bool


def enclose_samples(
    equations: BallEquations,
    found: Linearisation,
    z: FloatArray,
    b: FloatArray,
    *,
    error: float,
    share: float,
) -> Enclosure:
    """Prove the theorem above for sets with |F| <= error; ``share`` sets the neighbourhood."""
    n, R = len(z), share * np.linalg.norm(z, axis=1) * found.stretch**2 * SLACK
    matrix = _contraction(equations, found, z, b, R)
    right = np.concatenate([
        found.inverse * error * found.stretch + found.step,
        found.outer_inverse * error * found.stretch + found.outer_step,
    ])
    right = (right + 1e-300) * SLACK
    limits, good = np.concatenate([R, R]), np.ones(2 * n, dtype=bool)
    w = limits.copy()
    while good.any():
        w = _radii(matrix, right, limits, good)
        with np.errstate(invalid="ignore"):
            closes = (SLACK * (matrix @ w + right) < w) & (w <= limits)
        failing = np.flatnonzero(good & ~closes)
        if not len(failing):
            break
        worst = failing[np.argmax(_excess(matrix, right, limits, failing))]
        good[[worst % n, worst % n + n]] = False
    good = good[:n] & good[n:]
    radius = np.hypot(w[:n], w[n:]) * found.stretch * SLACK
    return Enclosure(np.where(good, radius, np.inf), share, bool(good.all()))


def _radii(
    matrix: FloatArray, right: FloatArray, limits: FloatArray, good: BoolArray
) -> FloatArray:
    """Solve e w + c = w on the good ones, a little too large; the limit for the others."""
    inside = matrix[np.ix_(good, good)]
    c = right[good] + matrix[np.ix_(good, ~good)] @ limits[~good]
    try:
        solved = np.linalg.solve(np.eye(len(c)) - inside, c + 1e-9 * c.max())
    except np.linalg.LinAlgError:
        solved = np.full(len(c), np.inf)
    w = limits.copy()
    w[good] = np.where(solved > 0, 1.000001 * solved, np.inf)
    return w


def _excess(
    matrix: FloatArray, right: FloatArray, limits: FloatArray, rows: NDArray[np.intp]
) -> FloatArray:
    with np.errstate(invalid="ignore"):
        return np.nan_to_num((matrix[rows] @ limits + right[rows]) / limits[rows], nan=np.inf)


def _contraction(
    equations: BallEquations, found: Linearisation, z: FloatArray, b: FloatArray, R: FloatArray
) -> FloatArray:
    inside, outside = found.inverse[:, None], found.outer_inverse[:, None]
    moved = np.hypot(R, R) * found.stretch * SLACK
    K, L = _curvature(equations, found, z, b, R, moved)
    zz = found.defect + inside * (K * moved)
    zy = (found.turn + inside * (K * moved)) * np.any(outside)
    yz = outside * (L * R)
    yy = found.outer_defect + outside * (L * (moved + R))
    return np.block([[zz, zy], [yz, yy]]) * SLACK * found.stretch**2


def _curvature(
    equations: BallEquations,
    found: Linearisation,
    z: FloatArray,
    b: FloatArray,
    R: FloatArray,
    moved: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Bound over U how fast sample k's columns J_k and P_k change.

    With s1, s2, s3 the derivatives of sigma at t, the second derivative along unit vectors (delta,
    h) is s b (s3 (u.delta) (u.h) z + s2 ((u.delta) h + (u.h) delta)); its norm over all j is at
    most that of diag(s b s3 |u|) W times |z|, and twice that of diag(s b s2) W.

    Returns:
        The bounds, (n,) each.
    """
    size = np.linalg.norm(z, axis=1) + R
    weight = np.abs(b) + found.kappa * R * equations.free_b
    kappa, length = found.kappa * equations.free_b, equations.lengths[:, None]
    t = _values(equations, found, z) + length * moved * SLACK
    s1, s2, s3 = (equations.majorant(t, q) for q in (1, 2, 3))
    if equations.by_value:
        K = weight * _operator(equations, s2 * length) + 2 * kappa * _operator(equations, s1)
        return K, np.zeros(len(z))
    s = equations.sizes[:, None]
    first, second = norm_bound(s * s1, axis=0), _operator(equations, s * s2)
    K = weight * (_operator(equations, s * s3 * length) * size + 2 * second)
    K += 2 * kappa * (second * size + first)
    return K, weight * second + kappa * first


def _operator(equations: BallEquations, factors: FloatArray) -> FloatArray:
    """Bound the spectral norm of diag(factors) times the points, column by column of the factors.

    |A|^2 = |A^T A| <= |(A^T A)^8|_F^(1/8).

    Returns:
        The bounds, one per column.
    """
    points, found = near_floats(equations.points), []
    for column in factors.T:
        A = column[:, None] * points
        top = float(np.max(np.abs(A), initial=0.0)) or 1.0
        A = A / top  # so that no square underflows
        total = float(np.sum(A**2)) * SLACK
        power = A.T @ A / total if total > 0 else np.zeros((1, 1))
        rest = 1e-9  # more than rounding and underflow can hide
        for _ in range(3):
            power = power @ power
        found.append(top * np.sqrt(total * (np.linalg.norm(power) ** 0.125 + rest) * SLACK))
    return np.array(found)


def _values(equations: BallEquations, found: Linearisation, z: FloatArray) -> FloatArray:
    """Bound |w_j.B z_k| from float64, with more than its rounding."""
    points = near_floats(equations.points)
    placed = z if found.basis is None else z @ found.basis.T
    rounding = 1e-9 * equations.lengths[:, None] * np.linalg.norm(z, axis=1)
    return np.abs(points @ placed.T) + rounding * found.stretch
