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

from identify.arrays import Float64, FloatArray
from identify.equations.activation import Polynomial
from identify.equations.system import Equations
from identify.equations.weights import Weights

LEAST_CONSTANT = 1e-6
"""A direction [x, s] with s below this share of its length has no readable norm."""

MOST_SIGNS = 12
"""Samples up to which all signs are tried."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """Samples in their final scale.

    Attributes:
        x: Samples in the full space.
        b: Coefficients.
        error_bound: Absolute; inf where nothing is claimed.
        norm_known: Whether the norms are determined.
        equivalences: What (x, b) are only known up to.
        consistent: False where the signs of the margins contradict those of b (no KKT point).
        reason: How the norms were found.
    """

    x: Float64[FloatArray, "n d"]
    b: Float64[FloatArray, " n"]
    error_bound: Float64[FloatArray, " n"]
    norm_known: bool
    equivalences: tuple[str, ...]
    consistent: bool
    reason: str


def sign_equivalence(activation: Polynomial, *, output_seen: bool = True) -> str | None:
    """Return the sign symmetry of the equations in words, or None where there is none.

    There is none where both odd and even degrees are seen; gradients do not see the constant c_0.
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
    x: Float64[FloatArray, "n d"],
    b: Float64[FloatArray, " n"],
    bound: Float64[FloatArray, " n"],
    *,
    output_seen: bool,
) -> Scaled:
    """Keep the norms, which the lower degrees of the activation have fixed."""
    reason = "The lower degrees of the activation fix the norms of the samples."
    rounding = 8 * np.finfo(float).eps * np.linalg.norm(x, axis=1)
    equivalences = _equivalences(activation, output_seen=output_seen)
    return Scaled(x, b, bound + rounding, True, equivalences, True, reason)


def unit_norms(
    activation: Polynomial,
    z: Float64[FloatArray, "n d"],
    sign: Float64[FloatArray, " n"],
    bound: Float64[FloatArray, " n"],
    *,
    given: bool,
) -> Scaled:
    """Scale every z_i = |b_i|^{1/alpha} x_i, bounded by ``bound``, to norm 1."""
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


def _relative(
    bound: Float64[FloatArray, " n"], norms: Float64[FloatArray, " n"]
) -> Float64[FloatArray, " n"]:
    """Turn bounds on z into bounds on z / |z|, the rounding of the result included."""
    ratio = bound / norms
    turned = np.where(ratio < 1, ratio / np.maximum(1 - ratio, 1e-3), np.inf)
    return turned + 8 * np.finfo(float).eps


def constant_norms(
    activation: Polynomial,
    z: Float64[FloatArray, "n q"],
    b: Float64[FloatArray, " n"],
    bound: Float64[FloatArray, " n"],
    *,
    rate: float,
) -> Scaled:
    """Scale every [x_i, 1], seen up to a factor where sigma is a power, by its last coordinate.

    Args:
        activation: sigma.
        z: What was found, the coordinate of the constant last.
        b: Its coefficients.
        bound: On the distance of z from the truth.
        rate: Bounds by how much more or less than the weights the bias was trained: z_i is parallel
            to [x_i, c] with c that near to 1.

    Returns:
        The samples without the constant. Where lower degrees show the length of z_i as well, a last
        coordinate that is not 1 within the bound contradicts the bias, and nothing is claimed.
    """
    power, sizes = activation.is_power, np.linalg.norm(z, axis=1)
    constant = z[:, -1]
    readable = np.abs(constant) > LEAST_CONSTANT * sizes
    s = np.where(readable, constant, 1.0)
    if power:
        x, b = (
            z[:, :-1] / s[:, None],
            b * np.sign(s) ** activation.degree * np.abs(s) ** (activation.degree),
        )
        # u = z / |z| with an error e, 1 / |u_d| = |[x, 1]|: |dx| <= e |[x, 1]|^2 / (1 - e |[x, 1]|)
        e, size = _relative(bound, sizes), np.sqrt(1 + np.sum(x**2, axis=1))
        with np.errstate(invalid="ignore"):
            far = np.where(e * size < 1, e * size**2 / (1 - e * size), np.inf)
        far = far + rate * np.linalg.norm(x, axis=1)
    else:
        odd = sign_equivalence(activation, output_seen=False) is not None
        turned = np.where(odd, np.sign(s), 1.0)
        x, b = z[:, :-1] * turned[:, None], b * turned
        far = bound + 8 * np.finfo(float).eps * sizes
        readable = readable & (np.abs(constant * turned - 1) <= far)
    reason = "The constant input of the bias fixes norms and signs of the samples."
    if not readable.all():
        many = int(np.sum(~readable))
        reason += f" At {many} of them it is not seen as 1; of those nothing is claimed."
    far = np.where(readable, far, np.inf)
    return Scaled(x, b, far, True, ("permutation of the samples",), True, reason)


def margin_norms(
    weights: Weights,
    activation: Polynomial,
    z: Float64[FloatArray, "n d"],
    sign: Float64[FloatArray, " n"],
    bound: Float64[FloatArray, " n"],
    *,
    margin: float,
    output_error: float,
) -> Scaled:
    """Return the samples whose margins y_i Phi(x_i) are the one that the caller vouches for.

    ``output_error`` is the norm of the error of a relative to that of a.
    """
    alpha, a = activation.degree, weights.a
    lengths = np.linalg.norm(z, axis=1)
    u = z / lengths[:, None]
    t = weights.W @ u.T
    values = activation(t)
    # Phi(u) = sum_j a_j sigma(W_j.u) for the unit vector u gives |x|^alpha = margin / |Phi(u)|
    phi = values.T @ a
    size = np.maximum(np.abs(phi), np.finfo(float).tiny)
    norms = (margin / size) ** (1 / alpha)
    x, b = u * norms[:, None], sign * (lengths / norms) ** alpha
    # errors of u and of the a_j both move Phi(u), and |x| by an alpha-th of that
    relative = _relative(bound, lengths)
    slope = np.linalg.norm((activation(t, 1) * a[:, None]).T @ weights.W, axis=1)
    moved = output_error * float(np.linalg.norm(a)) * np.linalg.norm(values, axis=0)
    computing = np.finfo(float).eps * (np.abs(values).T @ np.abs(a))
    wobble = (relative * slope + moved + computing) / (alpha * size)
    error_bound = norms * np.hypot(relative, np.expm1(np.minimum(wobble, 700)))
    reason = f"The margin {margin:g} of the active samples, as stated, fixes their norms."
    consistent = bool(np.all(phi * sign > 0))
    return Scaled(x, b, error_bound, True, _equivalences(activation), consistent, reason)


def oriented(
    equations: Equations,
    values: Float64[FloatArray, " m"] | None,
    x: Float64[FloatArray, "n r"],
    b: Float64[FloatArray, " n"],
) -> tuple[Float64[FloatArray, "n r"], Float64[FloatArray, " n"], bool]:
    """Return samples in the signs that gradients leave open, and whether the values decide them.

    For sigma with odd degrees and a constant, (x_i, b_i) -> (-x_i, -b_i) changes P by -2 c_0 b_i
    alone, so the values of P tell which sum of +- b_i is right.
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
    """Return the samples of norm 1, with claims only where the margin stated agrees with it."""
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
