"""Known initialisation beyond the lazy regime: the equations corrected along the training path.

The midpoint equations leave an error of the second order in the movement of the weights. Full-batch
gradient descent on the squared loss leaves none that the samples do not determine: the targets a
fitted network was trained to are its own outputs, so the whole path from the known initial weights
can be computed from candidate samples. Its end, minus what the midpoint equations predict, corrects
their right-hand sides; solving again is Newton's method with the Jacobian of the midpoint.

The hypothesis (squared loss, full batch, trained to fit) is tested, not assumed: the computed path
has
to end at the given weights, m (r + 1) equations against n (r + 1) unknowns and one learning rate. A
path that does not improve the fit changes nothing.

Symbols: theta = (a, U) weights in the coordinates of the row space, rho = y - Phi(x) residuals,
beta
their sum over the steps, so that b_i is the total of beta_i; K the tangent kernel
K_ik = sum_j sigma(t_ji) sigma(t_jk) + a_j^2 sigma'(t_ji) sigma'(t_jk) (x_i.x_k).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.equations.activation import Polynomial
from identify.equations.system import Equations
from identify.recovery.fit import Fit, project_out
from identify.recovery.levenberg import refine

_SINGLE_STEPS = 200
"""Steps of gradient descent taken one by one; later ones, which move little, are taken in
blocks.
"""

_GROWTH = 1.2
"""Ratio of the lengths of successive blocks."""

_RATES = (0.02, 0.1, 0.25, 0.5, 1.0, 1.5)
"""Learning rates tried first, in units of the reciprocal of the largest eigenvalue of K."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Initial and final weights in the coordinates of the row space.

    Attributes:
        a0: Initial output weights, (m,).
        U0: Initial first layer, (m, r).
        a: Final output weights, (m,).
        U: Final first layer, (m, r).
        activation: sigma.
    """

    a0: FloatArray
    U0: FloatArray
    a: FloatArray
    U: FloatArray
    activation: Polynomial

    def outputs(self, x: FloatArray) -> FloatArray:
        """Return the outputs of the final network.

        Args:
            x: Samples, (n, r).

        Returns:
            Outputs, (n,).
        """
        return self.activation(self.U @ x.T).T @ self.a


@dataclass(frozen=True, slots=True)
class Path:
    """Where gradient descent ends.

    Attributes:
        U: Final first layer, (m, r).
        a: Final output weights, (m,).
        beta: Total signed weight of each sample, (n,).
    """

    U: FloatArray
    a: FloatArray
    beta: FloatArray


def descend(
    ends: Ends, x: FloatArray, rate: float, single_steps: int = _SINGLE_STEPS
) -> Path | None:
    """Follow full-batch gradient descent on the squared loss from the initial weights.

    Blocks of h steps use the closed form with the tangent kernel of their beginning,
    beta += (1 - (1 - eta K)^h) / K rho, and the features of their middle.

    Args:
        ends: Initial weights; the targets are the outputs of the final ones.
        x: Samples, (n, r).
        rate: Learning rate in units of the reciprocal of the largest eigenvalue of K.
        single_steps: Number of steps taken one by one: 200 leave an error of about 1e-7 of the
            change of the weights, 50 of 1e-5.

    Returns:
        The end of the path, or None where descent diverges.
    """
    sigma, coherence = ends.activation, x @ x.T
    y = ends.outputs(x)
    a, u, beta = ends.a0.copy(), ends.U0.copy(), np.zeros(len(x))
    goal = 1e-11 * max(float(np.abs(y).max()), np.finfo(float).tiny)
    eta, block, best = 0.0, 1, np.inf

    def linearize(a: FloatArray, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        t = u @ x.T
        return sigma(t), a[:, None] * sigma(t, 1)

    def kernel(by_a: FloatArray, by_u: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.linalg.eigh(by_a.T @ by_a + (by_u.T @ by_u) * coherence)

    for k in range(single_steps + 100):
        by_a, by_u = linearize(a, u)
        rho = y - by_a.T @ a
        size = float(np.abs(rho).max())
        if not np.isfinite(size) or size > 100 * best:
            return None
        best = min(best, size)
        if size <= goal:
            break
        if k == 0:
            eta = rate / float(kernel(by_a, by_u)[0][-1])
        if k < single_steps:
            total = eta * rho
        else:
            block = max(block + 1, int(block * _GROWTH))
            values, vectors = kernel(by_a, by_u)
            half = vectors @ (_block_gain(values, eta, block // 2) * (vectors.T @ rho))
            by_a, by_u = linearize(a + by_a @ half, u + (by_u * half) @ x)
            values, vectors = kernel(by_a, by_u)
            total = vectors @ (_block_gain(values, eta, block) * (vectors.T @ rho))
        a, u, beta = a + by_a @ total, u + (by_u * total) @ x, beta + total
    return Path(u, a, beta)


def _block_gain(values: FloatArray, eta: float, steps: int) -> FloatArray:
    """Return (1 - (1 - eta k)^steps) / k for each eigenvalue k of K."""
    values = np.maximum(values, np.finfo(float).tiny)
    factor = np.clip(1 - eta * values, -1.0, 1.0)
    with np.errstate(divide="ignore"):
        decay = np.where(factor > 0, -np.expm1(steps * np.log1p(-np.minimum(eta * values, 1))), 1.0)
    return np.where(factor > 0, decay, 1 - factor**steps) / values


@dataclass(frozen=True, slots=True)
class PathFit:
    """Samples whose computed training path ends at the given weights.

    Attributes:
        fit: The corrected least-squares fit; ``fit.residual`` is the distance of the computed end
            of the path from the given first layer.
        equations: The equations with right-hand sides corrected so that their residual at the fit
            is that distance.
        rate: The learning rate found, in units of the reciprocal of the largest eigenvalue of K.
        rounds: Number of corrections that were computed.
    """

    fit: Fit
    equations: Equations
    rate: float
    rounds: int


def refine_along_path(
    equations: Equations,
    start: Fit,
    ends: Ends,
    *,
    again: Callable[[Equations, Fit], Fit],
    max_rounds: int = 25,
    progress: Callable[[float], None] | None = None,
) -> PathFit | None:
    """Correct the equations along the training path until the path ends at the given weights.

    Samples and learning rate are found together, by Gauss-Newton: the samples through the Jacobian
    of the midpoint equations, the rate through the part of the change it makes that no movement of
    the samples can follow.

    Args:
        equations: The midpoint equations.
        start: Their least-squares fit.
        ends: Initial and final weights in the same coordinates.
        again: Solves corrected equations afresh, given the fit so far; called when the fit stalls,
            since a sample that the error of the midpoint equations hid may have become visible.
        max_rounds: Largest number of corrections.
        progress: Called with the relative residual after each correction.

    Returns:
        The fit, or None where no path improves on ``start``.
    """
    scale = float(np.linalg.norm(equations.right_side)) or 1.0
    fit, log_rate, best, stalled = start, None, start.residual, 0
    result: PathFit | None = None
    for kept in range(1, max_rounds + 1):
        x = _unit_samples(equations, fit)
        if log_rate is None:
            log_rate = _first_rate(equations, fit, ends, x)
        path = None if log_rate is None else descend(ends, x, float(np.exp(log_rate)))
        if path is None or log_rate is None:
            break
        miss = ends.U - path.U
        error = float(np.linalg.norm(miss))
        if progress is not None:
            progress(error / scale)
        if error < best:
            # what is left when the path from these samples is computed: the residual that counts
            left = Fit(fit.x, fit.b, error, fit.factor, fit.unit, fit.converged)
            ends_at = equations.with_right_side(equations.predict(fit.x, fit.b) + miss)
            result = PathFit(left, ends_at, float(np.exp(log_rate)), kept)
        slow = error > 0.5 * best
        stalled = 0 if error < 0.95 * best else stalled + 1
        best = min(best, error)
        if error <= 1e-12 * scale or stalled == 3 or (slow and best < 1e-6 * scale):
            break
        predicted = equations.predict(x, path.beta)
        nearby = descend(ends, x, float(np.exp(log_rate + 0.02)))
        if nearby is not None:
            by_rate = (nearby.U - path.U) / 0.02
            left_over, visible = (project_out(equations, fit, v) for v in (miss, by_rate))
            step = np.vdot(visible, left_over) / max(np.vdot(visible, visible), 1e-300)
            step = float(np.clip(step, -0.5, 0.5))
            log_rate = float(np.clip(log_rate + step, *np.log((_RATES[0], _RATES[-1]))))
            miss = miss - step * by_rate
        corrected = equations.with_right_side(predicted + miss)
        fit = refine(corrected, fit.x, fit.b, damping=1e-8, max_steps=8, chord=True)
        if slow:
            fit = min(fit, again(corrected, fit), key=lambda option: option.residual)
    return result


def _unit_samples(equations: Equations, fit: Fit) -> FloatArray:
    """Return samples the path is computed with: of norm 1 where the equations leave it open."""
    if equations.free_b:
        return fit.x
    return fit.x / np.linalg.norm(fit.x, axis=1, keepdims=True)


def _first_rate(equations: Equations, fit: Fit, ends: Ends, x: FloatArray) -> float | None:
    """Return the logarithm of the trial rate whose path misses least beyond the samples' reach."""
    misses = {}
    for rate in _RATES:
        path = descend(ends, x, rate, single_steps=50)
        if path is not None:
            miss = project_out(equations, fit, ends.U - path.U)
            misses[float(np.log(rate))] = float(np.linalg.norm(miss))
    return min(misses, key=lambda rate: misses[rate]) if misses else None
