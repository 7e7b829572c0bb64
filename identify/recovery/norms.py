"""What fixes the norms of the samples, and their final form.

Without |x_i| = 1, (x_i, b_i) and (c x_i, c^{-alpha} b_i) satisfy the same homogeneous equations. In
kkt a margin y_i Phi(x_i) that the caller vouches for fixes each norm: at a max-margin point all
active samples have the same one, at a stationary point with weight decay each has its own. In
known-init lower degrees of sigma fix them; else only |x_i| = 1 does.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import Polynomial
from identify.equations.system import Equations

MOST_SIGNS = 12
"""Samples up to which all signs are tried."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """Samples in their final scale.

    Attributes:
        x: (n, d).
        b: (n,).
        error_bound: (n,).
        norm_known: Whether the norms are determined.
        equivalences: What (x, b) are only known up to.
        consistent: False where the signs of the margins contradict those of b (no KKT point).
        reason: How the norms were found.
    """

    x: FloatArray
    b: FloatArray
    error_bound: FloatArray
    norm_known: bool
    equivalences: tuple[str, ...]
    consistent: bool
    reason: str


def sign_equivalence(activation: Polynomial, *, output_seen: bool = True) -> str | None:
    """Return the sign symmetry of the equations in words, or None where there is none.

    Args:
        activation: sigma.
        output_seen: Whether the constant c_0 counts; gradients alone do not see it.

    Returns:
        The equivalence, or None where the equations see both odd and even degrees.
    """
    seen = activation.coefficients if output_seen else (0.0, *activation.coefficients[1:])
    parities = {k % 2 for k, c in enumerate(seen) if c != 0}
    if parities == {1}:
        return "sign: (x_i, b_i) and (-x_i, -b_i) satisfy the same equations (odd activation)"
    if parities == {0}:
        return "sign: (x_i, b_i) and (-x_i, b_i) satisfy the same equations (even activation)"
    return None


def _equivalences(activation: Polynomial, *more: str, output_seen: bool = True) -> tuple[str, ...]:
    sign = sign_equivalence(activation, output_seen=output_seen)
    return ("permutation of the samples", *((sign,) if sign else ()), *more)


def keep_norms(
    activation: Polynomial,
    x: FloatArray,
    b: FloatArray,
    bound: FloatArray,
    *,
    output_seen: bool,
) -> Scaled:
    """Keep norms that the lower degrees of the activation have fixed.

    Args:
        activation: sigma, not homogeneous.
        x: Samples, (n, d).
        b: Coefficients, (n,).
        bound: Absolute error bounds, (n,).
        output_seen: Whether the constant c_0 counts.

    Returns:
        The same samples.
    """
    reason = "The lower degrees of the activation fix the norms of the samples."
    rounding = 8 * np.finfo(float).eps * np.linalg.norm(x, axis=1)
    equivalences = _equivalences(activation, output_seen=output_seen)
    return Scaled(x, b, bound + rounding, True, equivalences, True, reason)


def unit_norms(
    activation: Polynomial, z: FloatArray, sign: FloatArray, bound: FloatArray, *, given: bool
) -> Scaled:
    """Scale every sample to norm 1.

    Args:
        activation: sigma(t) = c t^alpha.
        z: |b_i|^{1/alpha} x_i, (n, d).
        sign: Signs of b, (n,).
        bound: Error bounds on z, (n,).
        given: Whether the caller stated that the samples have norm 1.

    Returns:
        Samples of norm 1.
    """
    norms = np.linalg.norm(z, axis=1)
    x, b = z / norms[:, None], sign * norms**activation.degree
    relative = _relative(bound, norms)
    if given:
        reason = "The samples were stated to have norm 1."
        return Scaled(x, b, relative, True, _equivalences(activation), True, reason)
    scale = (
        "scale: (x_i, b_i) and (c x_i, c^-alpha b_i) satisfy the same equations; shown with "
        "|x_i| = 1"
    )
    reason = "Nothing in the equations fixes the norms of the samples; they are shown with norm 1."
    return Scaled(x, b, relative, False, _equivalences(activation, scale), True, reason)


def _relative(bound: FloatArray, norms: FloatArray) -> FloatArray:
    """Turn bounds on z into bounds on z / |z|, the rounding of the result included."""
    ratio = bound / norms
    turned = np.where(ratio < 1, ratio / np.maximum(1 - ratio, 1e-3), np.inf)
    return turned + 8 * np.finfo(float).eps


def margin_norms(
    activation: Polynomial,
    a: FloatArray,
    W: FloatArray,
    z: FloatArray,
    sign: FloatArray,
    bound: FloatArray,
    margin: float,
    output_error: float,
) -> Scaled:
    """Scale every sample so that its margin y_i Phi(x_i) is the one that the caller vouches for.

    Phi(u) = sum_j a_j sigma(W_j.u) for the unit vector u gives |x|^alpha = margin / |Phi(u)|; an
    error of u and an error of the a_j both move Phi(u), and |x| by an alpha-th of that.

    Args:
        activation: sigma(t) = c t^alpha.
        a: Output weights, (m,).
        W: First layer, (m, d).
        z: |b_i|^{1/alpha} x_i, (n, d).
        sign: Signs of b, (n,).
        bound: Error bounds on z, (n,).
        margin: The common margin.
        output_error: Norm of the error of a relative to that of a.

    Returns:
        Samples whose margins are ``margin``.
    """
    alpha = activation.degree
    lengths = np.linalg.norm(z, axis=1)
    u = z / lengths[:, None]
    t = W @ u.T
    values = activation(t)
    phi = values.T @ a
    slope = np.linalg.norm((activation(t, 1) * a[:, None]).T @ W, axis=1)
    moved = output_error * float(np.linalg.norm(a)) * np.linalg.norm(values, axis=0)
    size = np.maximum(np.abs(phi), np.finfo(float).tiny)
    consistent = bool(np.all(phi * sign > 0))
    relative = _relative(bound, lengths)
    norms = (margin / size) ** (1 / alpha)
    computing = np.finfo(float).eps * (np.abs(values).T @ np.abs(a))
    wobble = (relative * slope + moved + computing) / (alpha * size)
    x, b = u * norms[:, None], sign * (lengths / norms) ** alpha
    error_bound = norms * np.hypot(relative, np.expm1(np.minimum(wobble, 700)))
    reason = f"The margin {margin:g} of the active samples, as stated, fixes their norms."
    return Scaled(x, b, error_bound, True, _equivalences(activation), consistent, reason)


def oriented(
    equations: Equations, values: FloatArray | None, x: FloatArray, b: FloatArray
) -> tuple[FloatArray, FloatArray, bool]:
    """Choose the signs that gradients leave open by the constant of P, where it is seen.

    For sigma with odd degrees and a constant, (x_i, b_i) -> (-x_i, -b_i) changes P by -2 c_0 b_i
    alone, so the values of P tell which sum of +- b_i is right.

    Args:
        equations: The equations, by gradients.
        values: P(w_j), (m,), or None.
        x: Samples, (n, r).
        b: Coefficients, (n,).

    Returns:
        Samples, coefficients, and whether the signs are determined.
    """
    c = equations.activation.coefficients
    odd = all(k % 2 for k in equations.activation.support)
    if not (odd and c[0] and values is not None and np.any(values)) or len(b) > MOST_SIGNS:
        return x, b, False
    rest = equations.activation(equations.points @ x.T) @ b - c[0] * float(b.sum())
    target = float(np.mean(values - rest))
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(b))))
    misses = np.abs(c[0] * (signs @ b) - target)
    order = np.argsort(misses)
    best = signs[order[0]]
    spread = float(np.std(values - rest))
    decided = bool(misses[order[1]] > 100 * (misses[order[0]] + spread))
    return x * best[:, None], b * best, decided


def stated_twice(by_norm: Scaled, by_margin: Scaled) -> Scaled:
    """Hold two statements of the caller against each other, which leave nothing free.

    Args:
        by_norm: The samples of norm 1, as stated.
        by_margin: The same samples with the margin stated.

    Returns:
        The samples of norm 1; nothing is claimed of them where the margin gives other norms.
    """
    apart = np.abs(np.linalg.norm(by_margin.x, axis=1) - 1)
    if np.all(apart <= by_margin.error_bound):
        return by_norm
    reason = (
        f"At norm 1 the samples miss the margin stated, which asks for norms up to "
        f"{apart.max():.2g} away: unit_norm and margin contradict each other, so nothing is "
        "claimed."
    )
    nothing = np.full(len(apart), np.inf)
    return replace(by_norm, error_bound=nothing, norm_known=False, reason=reason)
