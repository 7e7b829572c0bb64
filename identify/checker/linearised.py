"""The linearisation of the equations at given samples, with an approximate inverse Y of it.

Letters: B (d, r) the basis; samples x_i = B z_i + y_i with B^T y_i = 0, an exact decomposition.
In the coordinates (B^T B)^-1 B^T of the span the equations of neuron j and their derivative are,
with u_j = B^T w_j and t_ji = w_j.x_i,

    sum_i P_ji z_i,  P_ji = s_j b_i sigma'(t_ji);
    J_i (h, eta) = Q_ji (u_j.h) z_i + P_ji h + eta kappa_i P_ji z_i / b_i,  Q_ji = s_j b_i sigma''

(the last term where b is unknown: b_i + kappa_i eta), and outside the span sum_i P_ji y_i. By
values J_i (h, eta) = b_i sigma'(t_ji) u_j.h + eta kappa_i sigma(t_ji). With C near (J^T J)^-1,
Y = C J^T; with C' near (P^T P)^-1, Y' = C' P^T.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from identify.arrays import FloatArray
from identify.checker.arithmetic import (
    SLACK,
    ball_matrix,
    block_bounds,
    exact_matrix,
    exact_midpoints,
    identity_minus,
    norm_bound,
    upper_floats,
)
from identify.checker.ball_equations import BallEquations

if TYPE_CHECKING:
    from flint import arb, arb_mat

_MOST_BALLS = 2 * 10**6
"""Largest matrix of balls for the turning of the span (seconds); norms stand for a larger one."""


@dataclass(frozen=True, slots=True)
class Linearisation:
    """Norms of what the approximate inverse leaves, upper ends.

    Attributes:
        basis: B, or None.
        kappa: Unit of each b_i, (n,).
        defect: |(1 - Y J)_ik|, (n, n).
        inverse: |Y_i|, (n,).
        step: |(Y F)_i| at the samples, (n,).
        miss: |F| in the span at the samples.
        turn: |(Y J')_ik|, J' the derivative in y of the equations in the span, (n, n).
        outer_defect: The same four outside the span, zeros where there is nothing outside.
        outer_inverse: |Y'_i|, (n,).
        outer_step: Norm of row i of Y' g outside the span, (n,).
        outer_miss: |g| outside the span.
        stretch: The largest of |B| and 1 / sigma_min(B).
    """

    basis: FloatArray | None
    kappa: FloatArray
    defect: FloatArray
    inverse: FloatArray
    step: FloatArray
    miss: float
    turn: FloatArray
    outer_defect: FloatArray
    outer_inverse: FloatArray
    outer_step: FloatArray
    outer_miss: float
    stretch: float


def linearise(
    equations: BallEquations, basis: FloatArray | None, z: FloatArray, b: FloatArray
) -> Linearisation | None:
    """Linearise at samples B z_i (at z_i without a basis); None where J has no inverse in balls."""
    placed = _placed(equations, basis)
    if placed is None:
        return None
    u, right, outer, stretch = placed
    kappa = 2.0 ** np.round(np.log2(np.abs(b) / np.linalg.norm(z, axis=1)))
    Z, weights = exact_matrix(z), exact_matrix(np.tile(b, (u.nrows(), 1)))
    t = u * Z.transpose()
    first = equations.derivative(t, 1)
    try:
        if equations.by_value:
            plain = equations.derivative(t, 0)
            F = plain * exact_matrix(b[:, None]) - right
            J = _by_value(equations, u, _times(first, weights), plain, kappa)
            _, inside = _inverted(J.transpose() * J, J.transpose() * F, F, len(z))
            return Linearisation(basis, kappa, *inside, *_nothing(len(z)), stretch)
        scaled = _scaled(equations, weights)
        P, Q = _times(first, scaled), _times(equations.derivative(t, 2), scaled)
        F = P * Z - right
        H, gradient = _normal(equations, u, P, Q, Z, b, kappa, F)
        C, inside = _inverted(H, gradient, F, len(z))
        if outer is None:
            return Linearisation(basis, kappa, *inside, *_nothing(len(z)), stretch)
        turn = _turn(equations, u, P, Q, Z, b, kappa, C)
        if turn is None:  # |Y_i| |J'_k|
            sizes = norm_bound(equations.lengths[:, None] * upper_floats(Q), axis=0)
            turn = inside[1][:, None] * sizes * np.linalg.norm(z, axis=1) * SLACK
        beyond = _inverted(P.transpose() * P, P.transpose() * outer, outer, len(z))[1]
        return Linearisation(basis, kappa, *inside, turn, *beyond, stretch)
    except ZeroDivisionError:
        return None


def _placed(
    equations: BallEquations, basis: FloatArray | None
) -> tuple[arb_mat, arb_mat, arb_mat | None, float] | None:
    """Return u, the right-hand sides in the span and outside it, and the stretch of the basis."""
    if basis is None:
        return equations.points, equations.right, None, 1.0
    B = exact_matrix(basis)
    gram = B.transpose() * B
    off = float(norm_bound(upper_floats(identity_minus(gram))))
    if not off < 1e-6:
        return None
    right = equations.right * B * gram.inv()
    outer = equations.right - right * B.transpose()
    return equations.points * B, right, outer, (1 + off) * SLACK


def _inverted(
    H: arb_mat, gradient: arb_mat, F: arb_mat, n: int
) -> tuple[arb_mat, tuple[FloatArray, FloatArray, FloatArray, float]]:
    """Return C near H^-1, and the norms of 1 - C H, of Y_i, of row i of Y F, and of F."""
    q, C = H.nrows() // n, exact_midpoints(H.inv())
    CH = C * H
    inverse = np.sqrt(np.diag(block_bounds(CH * C.transpose(), q))) * SLACK
    step = norm_bound(upper_floats(C * gradient).reshape(n, -1), axis=1)
    miss = float(norm_bound(upper_floats(F)))
    return C, (block_bounds(identity_minus(CH), q), inverse, step, miss)


def _nothing(n: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, float]:
    return np.zeros((n, n)), np.zeros((n, n)), np.zeros(n), np.zeros(n), 0.0


def _times(A: arb_mat, B: arb_mat) -> arb_mat:
    entries = [s * t for s, t in zip(A.entries(), B.entries(), strict=True)]
    return ball_matrix(A.nrows(), A.ncols(), entries)


def _scaled(equations: BallEquations, weights: arb_mat) -> arb_mat:
    n = weights.ncols()
    s = ball_matrix(weights.nrows(), n, [t for t in equations.scale.entries() for _ in range(n)])
    return _times(s, weights)


def _spread(Q: arb_mat, u: arb_mat) -> arb_mat:
    """The products Q_ji u_j, (m, n r)."""
    rows = zip(Q.tolist(), u.tolist(), strict=True)
    entries = [q * t for Q_j, u_j in rows for q in Q_j for t in u_j]
    return ball_matrix(Q.nrows(), Q.ncols() * u.ncols(), entries)


def _by_value(
    equations: BallEquations, u: arb_mat, slope: arb_mat, plain: arb_mat, kappa: FloatArray
) -> arb_mat:
    entries = []
    for slope_j, plain_j, u_j in zip(slope.tolist(), plain.tolist(), u.tolist(), strict=True):
        for q, value, unit in zip(slope_j, plain_j, kappa.tolist(), strict=True):
            entries += [q * t for t in u_j]
            entries += [value * unit] if equations.free_b else []
    return ball_matrix(u.nrows(), len(entries) // u.nrows(), entries)


def _normal(
    equations: BallEquations,
    u: arb_mat,
    P: arb_mat,
    Q: arb_mat,
    Z: arb_mat,
    b: FloatArray,
    kappa: FloatArray,
    F: arb_mat,
) -> tuple[arb_mat, arb_mat]:
    """Return J^T J and J^T F, from their structure."""
    n, r = Z.nrows(), Z.ncols()
    spread = _spread(Q, u)
    curved = (spread.transpose() * spread).tolist()
    c = (spread.transpose() * P).tolist()  # c_(ia),k = sum_j Q_ji u_ja P_jk
    PP, zz, x = (P.transpose() * P).tolist(), (Z * Z.transpose()).tolist(), Z.tolist()
    FZ = F * Z.transpose()
    along = (_times(Q, FZ).transpose() * u + P.transpose() * F).tolist()
    by_b = [sum(row[1:], row[0]) for row in _times(P, FZ).transpose().tolist()]
    unit = [k / t for k, t in zip(map(_ball, kappa), map(_ball, b), strict=True)]
    free = equations.free_b
    entries, gradient = [], []
    for i in range(n):
        for a in range(r):
            row = curved[i * r + a]
            c_row = c[i * r + a]
            for k in range(n):
                part = [
                    row[k * r + e] * zz[i][k] + c_row[k] * x[i][e] + x[k][a] * c[k * r + e][i]
                    for e in range(r)
                ]
                part[a] += PP[i][k]
                entries += part
                if free:
                    entries.append(unit[k] * (zz[i][k] * c_row[k] + x[k][a] * PP[i][k]))
            gradient.append(along[i][a])
        if free:
            for k in range(n):
                entries += [
                    unit[i] * (zz[i][k] * c[k * r + e][i] + x[i][e] * PP[i][k]) for e in range(r)
                ]
                entries.append(unit[i] * unit[k] * zz[i][k] * PP[i][k])
            gradient.append(unit[i] * by_b[i])
    size = len(gradient)
    return ball_matrix(size, size, entries), ball_matrix(size, 1, gradient)


def _turn(
    equations: BallEquations,
    u: arb_mat,
    P: arb_mat,
    Q: arb_mat,
    Z: arb_mat,
    b: FloatArray,
    kappa: FloatArray,
    C: arb_mat,
) -> FloatArray | None:
    """Bound |(Y J')_ik|; None where that takes too many balls."""
    n = Z.nrows()
    if C.nrows() * n * equations.points.ncols() > _MOST_BALLS:
        return None
    turn = upper_floats(C * _across(equations, u, P, Q, Z, b, kappa))
    return norm_bound(turn.reshape(n, -1, n, equations.points.ncols()), axis=(1, 3))


def _across(
    equations: BallEquations,
    u: arb_mat,
    P: arb_mat,
    Q: arb_mat,
    Z: arb_mat,
    b: FloatArray,
    kappa: FloatArray,
) -> arb_mat:
    """Return J^T J', J'_k y = Q_jk (w_j.y) z_k: at row (i, a), column (k, e)."""
    n, r, d = Z.nrows(), Z.ncols(), equations.points.ncols()
    spread = _spread(Q, equations.points)
    curved = (_spread(Q, u).transpose() * spread).tolist()
    c = (P.transpose() * spread).tolist()  # sum_j P_ji Q_jk w_je
    zz, x, entries = (Z * Z.transpose()).tolist(), Z.tolist(), []
    for i in range(n):
        for a in range(r):
            row = curved[i * r + a]
            for k in range(n):
                own = range(k * d, (k + 1) * d)
                entries += [row[e] * zz[i][k] + c[i][e] * x[k][a] for e in own]
        if equations.free_b:
            unit = _ball(kappa[i]) / _ball(b[i])
            for k in range(n):
                entries += [unit * zz[i][k] * c[i][e] for e in range(k * d, (k + 1) * d)]
    return ball_matrix(len(entries) // (n * d), n * d, entries)


def _ball(value: float) -> arb:
    from flint import arb

    return arb(float(value))
