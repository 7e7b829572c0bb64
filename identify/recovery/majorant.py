"""Newton and Kantorovich, direction by direction: bounds where one number for all is too coarse.

Symbols: J D^{-1} = U diag(sigma) V^T with D the lengths of the columns of J, y = D delta the scaled
displacement from the fit to the truth, a = V^T y. The second derivative H of the left-hand sides is
a sum over samples without mixed terms, g_pij = u_p.H[D^{-1} v_i, D^{-1} v_j]. Then

    sigma_p a_p = u_p.e - 1/2 sum_ij g_pij a_i a_j - (third order),

so |a_p| <= alpha_p for the smallest solution alpha of the majorant equations

    sigma_p alpha_p = error + 1/2 sum_ij |g_pij| alpha_i alpha_j + third(alpha).

Near-duplicate samples have directions of tiny sigma_p whose curvature lies in other directions than
u_p: there the single number 4 A error < 1 refuses what this grants.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.system import Equations
from identify.recovery.fit import Fit
from identify.recovery.sensitivity import Sensitivity

LARGEST = 160
"""Number of unknowns up to which the curvature is written out in all directions."""

_ROUNDS = 60
_SETTLED = 1e-3
_RANGE = 0.25
"""Share of its norm that a sample may move for the third order to be bounded by the second."""


def majorant_bounds(
    equations: Equations,
    fit: Fit,
    found: Sensitivity,
    error: float,
    curvature: Float64[FloatArray, " n"],
) -> Float64[FloatArray, " n"] | None:
    """Return bounds on the movement of each sample in the row space by the majorant equations.

    ``curvature`` is K_i with |second derivative along delta| <= K_i |delta|^2. A bound is inf where
    the movement leaves the range of the estimate; None where the majorant has no solution or J is
    too large.
    """
    directions = found.directions
    if directions is None or fit.unit.size > LARGEST or not np.isfinite(error):
        return None
    g = _curvature(equations, fit, directions.left, directions.moves)
    norms = np.linalg.norm(fit.x, axis=1)
    r = fit.x.shape[1]
    reach = np.linalg.norm(directions.moves[:, :r], axis=1)  # how far v_p moves sample i
    linear = error / directions.values
    alpha = linear
    for _ in range(_ROUNDS):
        moved = reach @ alpha
        third = float(np.sum(curvature * moved**3 / norms))
        bent = 0.5 * np.einsum("pij,i,j->p", g, alpha, alpha) + third
        new = linear + bent / directions.values
        if not np.all(np.isfinite(new)) or new.max() > 1e6 * linear.max():
            return None
        settled = np.all(new <= (1 + _SETTLED) * alpha)
        alpha = np.maximum(new, alpha)
        if settled:
            bounds = found.x * error + reach @ (bent / directions.values) * 1.01 + found.step
            return np.where(reach @ alpha < _RANGE * norms, bounds, np.inf)
    return None


def _curvature(
    equations: Equations,
    fit: Fit,
    left: Float64[FloatArray, "mc nq"],
    moves: Float64[FloatArray, "n q nq"],
) -> Float64[FloatArray, "nq nq nq"]:
    """Return |g_pij|."""
    (_, q, count), (m, r) = moves.shape, equations.points.shape
    u, total = equations.points, np.zeros((count, count, count))
    U = left.reshape(m, -1, count)
    s = None if equations.by_value else equations.scale
    for i, x in enumerate(fit.x):
        t = u @ x
        d1, d2, d3 = (equations.activation(t, k) for k in (1, 2, 3))
        if s is None:
            along_x = np.einsum("j,jp,ja,jc->pac", fit.b[i] * d2, U[:, 0], u, u, optimize=True)
            mixed = np.einsum("j,jp,ja->pa", d1, U[:, 0], u, optimize=True)
        else:
            onto = np.einsum("jrp,r->jp", U, x)
            along_x = np.einsum("j,jp,ja,jc->pac", s * d3, onto, u, u, optimize=True)
            turn = np.einsum("j,ja,jcp->pac", s * d2, u, U, optimize=True)
            along_x = fit.b[i] * (along_x + turn + turn.transpose(0, 2, 1))
            mixed = np.einsum("j,jp,ja->pa", s * d2, onto, u, optimize=True)
            mixed += np.einsum("j,jap->pa", s * d1, U, optimize=True)
        H = np.zeros((count, q, q))
        H[:, :r, :r] = along_x
        if q > r:
            H[:, r, :r] = H[:, :r, r] = mixed
        total += np.einsum("pac,ai,cj->pij", H, moves[i], moves[i], optimize=True)
    return np.abs(total)
