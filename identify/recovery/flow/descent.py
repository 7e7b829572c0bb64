"""Levenberg and Marquardt's descent in samples and residual functions, with priors.

What the flow does not determine is held: the length of every z_i where a power activation leaves it
open, the pace (any common change of time turns the residual functions into others that do the same:
the mean of c_ik / c_i0 is kept 0 for k > 0) and, while a start is far from any solution, the size
of the residual functions, without which fits end in near-parallel pairs that cancel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from identify.arrays import Float64, FloatArray
from identify.recovery.by_products import solve_by_products
from identify.recovery.flow.flow import Drive, Flow
from identify.recovery.flow.normal import NormalEquations, normal_equations

_TRIALS = 8
_TOGETHER = 30.0
"""Hold of the samples' lengths near their median per size of the prior, where lower degrees tell
lengths apart: without it those of a bad start run away."""

_LEAST = 1e-9
"""Smallest damping, in units of the diagonal of the normal matrix."""

_SHARE, _MOST = 1e-2, 40
"""Conjugate gradients end at that share of the right side, or after so many products: the next step
of Gauss and Newton corrects what is left."""


@dataclass(frozen=True, slots=True)
class Descent:
    """Where a descent ended.

    Attributes:
        drive: Samples and residual functions.
        miss: Weighted distance of the flow's end from the weights, relative to the movement.
        steps: Steps taken.
    """

    drive: Drive
    miss: float
    steps: int


@dataclass(frozen=True, slots=True)
class _Priors:
    """The quadratic priors, relative to a weighted movement of 1.

    Attributes:
        size: Weight of the size of the residual functions.
        reference: c_i0, the direction of the pace.
        length: The square length at which samples are held.
        hold: How firmly.
    """

    size: float
    reference: FloatArray
    length: float
    hold: float

    @classmethod
    def at(cls, drive: Drive, size: float, *, power: bool) -> _Priors:
        """Hold lengths at 1 for a power activation, else near each other while size is large."""
        if power:
            return cls(size, drive.c[:, 0], 1.0, 1.0)
        length = float(np.median(np.sum(drive.z**2, axis=1)))
        return cls(size, drive.c[:, 0], length, min(1.0, _TOGETHER * size))

    @property
    def scale(self) -> float:
        return float(np.sum(self.reference**2)) or 1.0

    def value(self, drive: Drive) -> float:
        paces = self.reference @ drive.c[:, 1:] / self.scale
        total = self.size * float(np.sum(drive.c**2)) / self.scale + float(paces @ paces)
        square = np.sum(drive.z**2, axis=1) / self.length
        return total + self.hold * float(np.sum((square - 1) ** 2))

    def add(self, drive: Drive, matrix: FloatArray, gradient: FloatArray) -> None:
        """Add their normal equations; the gradient is that of -value / 2."""
        (n, r), K = drive.z.shape, drive.c.shape[1]
        at = n * r + np.arange(n * K).reshape(n, K)
        matrix[at.ravel(), at.ravel()] += self.size / self.scale
        gradient[at] -= self.size / self.scale * drive.c
        along = self.reference / self.scale
        for k in range(1, K):
            matrix[np.ix_(at[:, k], at[:, k])] += np.outer(along, along)
            gradient[at[:, k]] -= along * float(along @ drive.c[:, k])
        for i, z in enumerate(drive.z):
            rows, slope = slice(i * r, (i + 1) * r), 2 * z / self.length
            matrix[rows, rows] += self.hold * np.outer(slope, slope)
            gradient[rows] -= self.hold * slope * float(z @ z / self.length - 1)


def descend(
    flow: Flow,
    drive: Drive,
    *,
    size: float,
    noise: float = 0.0,
    lagged: bool = False,
    whole: bool = False,
    damping: float = 1e-2,
    max_steps: int = 25,
    least_gain: float = 1e-3,
) -> Descent:
    """Descend from a drive; ``size`` weighs the prior on the size of the residual functions."""
    weights = flow.ends.weights(noise)
    weights = weights / np.linalg.norm(flow.ends.change * weights[:, None])
    power = flow.ends.activation.is_power

    def misses(at: Drive) -> float:
        with np.errstate(all="ignore"):
            value = float(np.sum((flow.miss(at) * weights[:, None]) ** 2))
        return value if np.isfinite(value) else np.inf

    value, steps = misses(drive), 0
    while steps < max_steps and np.isfinite(value):
        priors = _Priors.at(drive, size, power=power)
        normal = normal_equations(flow, drive, weights, lagged=lagged, whole=whole)
        held = np.zeros_like(normal.matrix)
        priors.add(drive, held, normal.gradient)
        total = value + priors.value(drive)
        for _ in range(_TRIALS):
            trial = _moved(drive, normal, held, damping, lagged=lagged)
            reached = np.inf if trial is None else misses(trial)
            if trial is not None and reached + priors.value(trial) < total:
                break
            damping *= 6
        else:
            break
        assert trial is not None
        gain = 1 - (reached + priors.value(trial)) / total
        drive, value, steps = trial, reached, steps + 1
        damping = max(damping / 4, _LEAST)
        if gain < least_gain:
            break
    return Descent(drive, float(np.sqrt(value)), steps)


def _moved(
    drive: Drive, normal: NormalEquations, held: FloatArray, damping: float, *, lagged: bool
) -> Drive | None:
    """Return the drive after a damped step, or None where it has no solution."""
    matrix = normal.matrix + held
    diagonal = np.diag(matrix).copy()
    damp = damping * diagonal + 1e-14 * diagonal.max()
    matrix[np.diag_indices_from(matrix)] += damp
    try:
        factor = cho_factor(matrix, overwrite_a=True, check_finite=False)
        step = cho_solve(factor, normal.gradient, check_finite=False)
    except (LinAlgError, ValueError):
        return None
    if (J := normal.products) is not None:
        step = solve_by_products(
            lambda p: J.transposed_times(J.times(p)) + held @ p + damp * p,
            normal.gradient,
            inverse=lambda p: cho_solve(factor, p, check_finite=False),
            share=_SHARE,
            most=_MOST,
            start=step,
        )
    split = drive.z.size, drive.z.size + drive.c.size
    z, c, lag = np.split(step, split)
    return Drive(
        drive.z + z.reshape(drive.z.shape),
        drive.c + c.reshape(drive.c.shape),
        drive.lag + float(lag[0]) if lagged else drive.lag,
    )


def first_functions(
    flow: Flow, z: Float64[FloatArray, "n r"], ridge: float = 1e-3
) -> Float64[FloatArray, "n k"]:
    """Return constant residual functions for given samples, by ridge regression at the midpoint."""
    ends, sigma, n = flow.ends, flow.ends.at(0.5), len(z)
    a, u = (ends.a0 + ends.a) / 2, (ends.U0 + ends.U) / 2
    w = ends.weights()
    t = u @ z.T
    slope = a[:, None] * sigma(t, 1)
    values = float(ends.output_moves) * sigma(t)[:, None, :]
    features = np.concatenate([values, slope[:, None, :] * z.T], axis=1)
    features = (features * w[:, None, None]).reshape(-1, n)
    G = features.T @ features
    G[np.diag_indices(n)] += ridge * np.trace(G) / n
    c = np.zeros((n, flow.functions))
    c[:, 0] = np.linalg.solve(G, features.T @ (ends.change * w[:, None]).ravel())
    return c
