"""No set of at most n samples, wherever it is, satisfies the equations to eps unless it is near z.

For sigma = c t^alpha, alpha >= 3, gradients, and n samples in a span of n dimensions; b_i = +-1
and x_i = B z_i + y_i stand for |b_i|^(1/alpha) x_i. Letters as in ``linearised``: M and G' the
right-hand sides in the span and outside it, F0 what the shown samples leave, norms spectral.

1. P Z = M + E, |E| <= eps. As s = sigma_n(M) - eps > 0, fewer than n samples are excluded and Z is
   invertible. Outside P Y = G' + E', so Y = Z Theta with |Theta| <= theta = (|G'| + eps) / s, and
   w_j.x_i = z_i.u'_j with |u'_j - u_j| <= theta |w_j|.
2. From here in coordinates where the z0_i are the unit vectors: u becomes Z0 u, the equations are
   multiplied by Z0^-1, T0 = sum_i b0_i e_i^{(x) alpha}. T = sum_i b_i z_i^{(x) alpha} solves the
   linear equations s_j alpha c T(., u'_j, ..., u'_j) = M_j + E_j. With a the smallest singular
   value of that system at u and Delta its change,
   |T - T0| <= delta = ((eps + |F0|) / sigma_n(Z0) + Delta sqrt(n)) / (a - Delta).
3. Slices at v, v' with v_i = 1, v'_i^(alpha-2) = i/n: M(v)^-1 M(v') = diag(i/n) + Delta', of norm
   |Delta'| <= kappa = 2 d / (1 - d), d = delta n^((alpha-2)/2). For kappa < 1/(4n) each disc around
   i/n holds one eigenvalue (Bauer and Fike), with an eigenvector q_i, q_ii = 1, whose rest has norm
   at most tau = rho / sqrt(1 - rho^2), rho = kappa / (1/n - kappa). The q_i are dual to the z_i
   (eq. A.6).
4. So z_i = d_i (e_i + h_i), |h_i| <= omega / (1 - omega), omega = sqrt(n) tau. T(q_i, ..., q_i) =
   b_i d_i^alpha differs from b0_i by at most zeta = delta (1 + tau^2)^(alpha/2) + tau^alpha: after
   the choice of a sign |d_i - 1| <= zeta < 1/2.
5. Better: let f bound the norms of all z_i without entry i, g all |z_ii - 1|. T(., e_i, ..., e_i)
   without entry i is at most delta and T(e_i, ..., e_i) differs from b0_i by delta, so that
   f <= (delta + (1 + g) sqrt(n) f^2 + n f^3) / (1 - g)^(alpha-1) and g <= delta + n f^3, again and
   again.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import comb, factorial, prod

import numpy as np

from identify.arrays import FloatArray
from identify.checker.arithmetic import (
    SLACK,
    exact_matrix,
    near_floats,
    norm_bound,
)
from identify.checker.ball_equations import BallEquations
from identify.checker.linearised import Linearisation
from identify.checker.singular_values import singular_value_bounds

_MOST_ENTRIES, _FLOATS = 2 * 10**7, 1e-13
"""Largest system that is decomposed; what computing its entries in float64 errs by, relatively."""

_ROUNDS = 20
"""Rounds of step 5; each is a proof, and they converge quadratically."""


def farthest_sets(
    equations: BallEquations, found: Linearisation, z: FloatArray, b: FloatArray, *, error: float
) -> tuple[FloatArray, FloatArray] | None:
    """Bound how far any set of at most n samples with |F| <= error is from the one shown.

    Args:
        equations: The equations.
        found: Their linearisation at the samples.
        z: The samples, (n, n).
        b: Their signs, (n,).
        error: eps.

    Returns:
        Bounds on |z_i - z0_i| and |y_i| up to order and sign, (n,) each; None where a condition of
        the theorem above fails.
    """
    n, alpha = len(z), len(equations.coefficients) - 1
    fits = not equations.by_value and not equations.free_b and alpha >= 3
    if not fits or z.shape[1] != n or len(equations.sizes) < n or not np.all(np.abs(b) == 1):
        return None
    eps = error * found.stretch * SLACK
    lengths = np.linalg.norm(z, axis=1) * SLACK
    u, right = _in_span(equations, found.basis)
    s = singular_value_bounds(right)[0][n - 1] - eps - _FLOATS * np.linalg.norm(right)
    low, high = singular_value_bounds(z)
    if not (s > 0 and low[-1] > 0):
        return None
    theta = (found.outer_miss + eps) / s * SLACK
    delta = _tensor_distance(equations, u, z, theta * high[0], (eps + found.miss) / low[-1] * SLACK)
    turned = None if delta is None else _turned(delta, n, alpha)
    if turned is None:
        return None
    inside = turned * high[0] * SLACK
    return np.full(n, inside), theta * (lengths + inside) * SLACK


def _in_span(equations: BallEquations, basis: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Return u and M in float64, each entry to its own precision."""
    if basis is None:
        return near_floats(equations.points), near_floats(equations.right)
    B = exact_matrix(basis)
    gram = (B.transpose() * B).inv()  # bases that are off by 1e-6 have no linearisation
    return near_floats(equations.points * B), near_floats(equations.right * B * gram)


def _tensor_distance(
    equations: BallEquations, u: FloatArray, z: FloatArray, moved: float, miss: float
) -> float | None:
    """Step 2: |T - T0|; points move by at most ``moved`` |w_j|."""
    alpha, c = len(equations.coefficients) - 1, abs(equations.coefficients[-1])
    s, w, t = equations.sizes, equations.lengths, u @ z.T
    # computing t in float64 moves the points as well
    shift = (moved + _FLOATS * np.linalg.norm(z)) * w
    grown = np.linalg.norm(t, axis=1) + shift
    Delta = alpha * c * norm_bound(s * (alpha - 1) * grown ** (alpha - 2) * shift) * SLACK
    entries = alpha * c * norm_bound(s * grown ** (alpha - 1)) * np.sqrt(len(z))
    for system in (_gram_system, _gradient_system):
        A = system(t, alpha)
        if A is None or len(A) < A.shape[1]:
            continue
        scaled = alpha * c * np.repeat(s, len(A) // len(s))[:, None] * A
        a = singular_value_bounds(scaled)[0][-1] - _FLOATS * entries
        if a > 2 * Delta:
            return float((miss + Delta * np.sqrt(len(z))) / (a - Delta) * SLACK)
    return None


def _gram_system(u: FloatArray, alpha: int) -> FloatArray | None:
    """The weighted monomials of degree alpha - 1: T(., u, ..., u) component by component."""
    if len(u) * comb(u.shape[1] + alpha - 2, alpha - 1) > _MOST_ENTRIES:
        return None
    columns = [
        np.sqrt(_multinomial(index)) * np.prod(u[:, list(index)], axis=1)
        for index in combinations_with_replacement(range(u.shape[1]), alpha - 1)
    ]
    return np.array(columns).T


def _gradient_system(u: FloatArray, alpha: int) -> FloatArray | None:
    """T(., u, ..., u) from the coefficients of T itself, in weighted monomials of degree alpha."""
    (m, r), columns = u.shape, []
    if m * r * comb(r + alpha - 1, alpha) > _MOST_ENTRIES // 4:
        return None
    for index in combinations_with_replacement(range(r), alpha):
        column, weight = np.zeros((m, r)), np.sqrt(_multinomial(index)) / alpha
        for place, axis in enumerate(index):
            others = [*index[:place], *index[place + 1 :]]
            column[:, axis] += weight * np.prod(u[:, others], axis=1)
        columns.append(column.ravel())
    return np.array(columns).T


def _multinomial(index: tuple[int, ...]) -> float:
    repeats = [factorial(index.count(axis)) for axis in set(index)]
    return factorial(len(index)) / prod(repeats)


def _turned(delta: float, n: int, alpha: int) -> float | None:
    """Steps 3 to 5: the largest |z_i - e_i|."""
    d = delta * n ** ((alpha - 2) / 2) * SLACK
    kappa = 2 * d / (1 - d) * SLACK if d < 0.5 else np.inf
    if not kappa < 1 / (4 * n):
        return None
    rho = kappa / (1 / n - kappa) * SLACK
    tau = rho / np.sqrt(1 - rho**2) * SLACK
    omega = np.sqrt(n) * tau * SLACK
    g = (delta * (1 + tau**2) ** (alpha / 2) + tau**alpha) * SLACK
    if not omega < 0.5:
        return None
    f = (1 + g) * omega / (1 - omega) * SLACK
    g = (g + f) * SLACK  # entry i of h_i; f > 0, so that zeta < 1/2 follows from what is asked
    if not g < 0.5:
        return None
    for _ in range(_ROUNDS):
        off = (delta + (1 + g) * np.sqrt(n) * f**2 + n * f**3) / (1 - g) ** (alpha - 1) * SLACK
        along = (delta + n * f**3) * SLACK
        f, g = min(f, off), min(g, along)
    return float(np.hypot(f, g) * SLACK)
