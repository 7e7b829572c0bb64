"""Samples from their duals: a fixed point that sharpens them, and bounds sample by sample.

Symbols: x_i unit directions (n = r of them, independent), y_i their duals, y_i.x_k = delta_ik; T of
degree 3, E = T_interpolated - T(samples). At the truth

    T(., y_k, y_k) = sum_i b_i (x_i.y_k)^2 x_i = b_k x_k,

so x_k <- T(., y_k, y_k) / |.| converges quadratically near it, at the price of two matrix products;
no Jacobian is formed. With z_i = b_i^{1/3} x_i, duals y_i / b_i^{1/3} of norm w_i, and z_k' =
z_k + sum_l C_kl z_l the true samples, the same identity gives, for l != k,

    C_kl = E(z^l, z^k, z^k) + C_lk^2 + ...,    |E(z^l, z^k, z^k)| <= delta w_l w_k^2.

So sample k errs by |E(., z^k, z^k)| <= delta w_k^2 at first order, whatever the others do, and bad
neighbours enter at second order only: a few near-duplicates void no claim but their own. delta is
read off E itself, along thousands of pairs of duals: no error is taken to single out one sample.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.system import Equations
from identify.recovery.fit import Fit
from identify.tensor.implicit import ImplicitTensor

FEWEST = 20
"""Samples from which E has many more coefficients than the samples have unknowns."""

_PAIRS = 4000
"""Pairs of duals along which E is looked at."""

_SPREAD, _SPREAD_ENTRY = 8.0, 12.0
"""E along the duals of one sample, and one entry of it, are taken to be at most so many times the
root mean square over the pairs."""

_BENT = 0.5
"""Movement C_lk of a neighbour, in its own units, up to which the second order is used."""


def sharpened(
    tensor: ImplicitTensor, x: Float64[FloatArray, "n n"], *, rounds: int = 20
) -> Float64[FloatArray, "n n"]:
    """Iterate x_k <- T(., y_k, y_k), normalised; return the start where that does not contract."""
    start, before = x, np.inf
    for _ in range(rounds):
        try:
            y = np.asarray(np.linalg.inv(x).T, dtype=np.float64)
        except np.linalg.LinAlgError:
            return start
        new = tensor.f(y)
        norms = np.linalg.norm(new, axis=1, keepdims=True)
        if not np.all(np.isfinite(new)) or not norms.min() > 0:
            return start
        new /= norms
        new *= np.where(np.sum(new * x, axis=1) < 0, -1.0, 1.0)[:, None]
        move = float(np.linalg.norm(new - x, axis=1).max())
        if move > 0.5 or (move > before and move > 1e-6):
            return start
        x, before = new, move
        if move < 1e-11:
            break
    return x


def fitted_weights(
    equations: Equations, x: Float64[FloatArray, "n r"]
) -> Float64[FloatArray, " n"]:
    """Return the b that satisfy the equations, by gradients, best for given samples."""
    slope = equations.scale[:, None] * equations.activation(equations.points @ x.T, 1)
    # (slope^T slope o X X^T) b = diag(slope^T G X^T), in units that make the diagonal 1
    normal = (slope.T @ slope) * (x @ x.T)
    right = np.einsum("ji,jr,ir->i", slope, equations.right_side, x, optimize=True)
    unit = np.sqrt(np.diag(normal))
    solved = np.linalg.lstsq(normal / np.outer(unit, unit), right / unit, rcond=1e-15)[0]
    return np.asarray(solved / unit, dtype=np.float64)


def dual_bounds(
    tensor: ImplicitTensor, fit: Fit, rng: np.random.Generator
) -> Float64[FloatArray, " n"]:
    """Return bounds on the error of each direction, by what T leaves along the duals.

    T has degree 3, as many variables as there are samples, and b_i = 1. The bounds are in the units
    of z, inf where the second order is not small.
    """
    nothing, given = np.full(len(fit.x), np.inf), np.linalg.norm(fit.x, axis=1)
    x = sharpened(tensor, fit.x / given[:, None])
    apart = np.linalg.norm(x - fit.x / given[:, None], axis=1)
    try:
        y = np.asarray(np.linalg.inv(x).T, dtype=np.float64)
    except np.linalg.LinAlgError:
        return nothing
    b, again = tensor.p(y), tensor.f(y)
    if not (np.all(np.isfinite(again)) and np.abs(b).min() > 0):
        return nothing
    again /= np.linalg.norm(again, axis=1, keepdims=True) * np.sign(b)[:, None]
    apart += 2 * np.linalg.norm(again - x, axis=1)  # 0 at the fixed point
    z, y = x * np.cbrt(b)[:, None], y / np.cbrt(b)[:, None]
    w, length = np.linalg.norm(y, axis=1), np.linalg.norm(z, axis=1)
    unit = y / w[:, None]
    # E(., y_i, y_k) / (w_i w_k) along random pairs of duals, by polarization
    i, k = rng.integers(len(z), size=(2, _PAIRS))
    i, k = i[i != k], k[i != k]

    def left(points: FloatArray) -> FloatArray:
        return tensor.f(points) - (points @ z.T) ** 2 @ z

    mixed = (left(unit[i] + unit[k]) - left(unit[i] - unit[k])) / 4
    delta = _SPREAD * float(np.sqrt(np.mean(np.sum(mixed**2, axis=1))))
    entry = _SPREAD_ENTRY * float(np.sqrt(np.mean((mixed @ unit.T) ** 2)))
    # |E(., z^k, z^k)| <= delta w_k^2, and C_lk^2 of every neighbour
    bent = entry * np.outer(w, w**2)  # C_lk, the movement of sample l along z_k, in row k
    np.fill_diagonal(bent, 0.0)
    bounds = (delta * w**2 + bent**2 @ length) / length + apart
    return np.where(bent.max(axis=1) < _BENT, bounds * given, np.inf)
