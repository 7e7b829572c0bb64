"""Gauss and Newton's method for the polynomial whose flow ends at the given weights.

The step solves (J^T J + mu I) dx = J^T miss - mu x by conjugate gradients: J is applied neuron by
neuron through the propagators and never formed. A miss of 1 is the whole weighted movement, and mu
is in units of the mean eigenvalue of J^T J for P_0 along straight paths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.recovery.flow.steps import simpson
from identify.recovery.flow.tensor_flow import Points, TensorFlow

_MU = (1e-4, 1e-4, 1e-5, 1e-6, 1e-7)
"""Regularisation of the first guess, along straight paths, and of each step: paths that are wrong
by much do not deserve a sharp fit."""

_TOLERANCE, _MOST = 3e-3, 100
"""A system is solved to this share of its right-hand side, or in so many iterations."""

_HALVINGS = 4
_SETTLED = 0.98
"""A step that does not lower the miss to this share, at the last mu, is the last."""


@dataclass(frozen=True, slots=True)
class TensorFit:
    """A polynomial whose flow ends near the given weights.

    Attributes:
        flow: Its flow.
        x: Its coefficients.
        miss: Weighted distance of the flow's end from the weights, relative to the movement.
    """

    flow: TensorFlow
    x: Float64[FloatArray, " p"]
    miss: float


@dataclass(frozen=True, slots=True)
class _Linear:
    """The weighted derivative J of the ends by the coefficients, along given paths."""

    flow: TensorFlow
    weights: Float64[FloatArray, "m q"]
    along: list[tuple[float, float, Points, FloatArray | None]]

    @classmethod
    def at(
        cls,
        flow: TensorFlow,
        weights: Float64[FloatArray, "m q"],
        path: Float64[FloatArray, "t m q"],
        x: Float64[FloatArray, " p"] | None,
    ) -> _Linear:
        """Linearise along paths; without coefficients a change of velocity carries on as it is."""
        share, times = simpson(flow.steps), flow.times
        moved = enumerate([None] * len(times)) if x is None else flow.propagators(path, x)
        along = [(float(times[k]), float(share[k]), flow.points(path[k]), B) for k, B in moved]
        return cls(flow, weights, along)

    def applied(self, x: Float64[FloatArray, " p"]) -> Float64[FloatArray, "m q"]:
        """Return J x."""
        total = np.zeros_like(self.weights)
        for s, share, points, B in self.along:
            v = share * self.flow.field(points, self.flow.at(x, s))
            total += v if B is None else np.matmul(B, v[:, :, None])[:, :, 0]
        return total * self.weights

    def transposed(self, miss: Float64[FloatArray, "m q"]) -> Float64[FloatArray, " p"]:
        """Return J^T miss."""
        e, total = miss * self.weights, 0.0
        for s, share, points, B in self.along:
            back = e if B is None else np.matmul(e[:, None, :], B)[:, 0, :]
            q = self.flow.field_transposed(points, share * back)
            basis = self.flow.basis(s)[:, None]
            total = total + np.concatenate([(basis * one).ravel() for one in q.values()])
        return np.asarray(total)


def fit_tensor(
    flow: TensorFlow, *, noise: float = 0.0, progress: Callable[[float], None] | None = None
) -> TensorFit:
    """Fit the polynomial, from straight paths."""
    ends = flow.ends
    weights = _weights(flow, noise)
    start, end = np.column_stack([ends.a0, ends.U0]), np.column_stack([ends.a, ends.U])
    straight = start + flow.times[:, None, None] * (end - start)
    J = _Linear.at(flow, weights, straight, None)
    unit = _mean_eigenvalue(J)

    def missed(x: Float64[FloatArray, " p"]) -> Float64[FloatArray, "m q"]:
        with np.errstate(all="ignore"):  # a trial may run away
            return (end - flow.path(x)[-1]) * weights

    x, miss = np.zeros(flow.unknowns), (end - start) * weights
    first = _solution(J, J.transposed(miss), _MU[0] * unit)
    x, miss = _searched(x, first, _MU[0] * unit, miss, missed) or (x, miss)
    for mu in np.array(_MU[1:]) * unit:
        J = _Linear.at(flow, weights, flow.path(x), x)
        step = _solution(J, J.transposed(miss) - mu * x, mu)
        trial = _searched(x, step, mu, miss, missed)
        if trial is None:
            break
        x, new = trial
        gained = np.linalg.norm(new) < _SETTLED * np.linalg.norm(miss)
        miss = new
        if progress is not None:
            progress(float(np.linalg.norm(miss)))
        if not gained and mu == _MU[-1] * unit:
            break
    return TensorFit(flow, x, float(np.linalg.norm(miss)))


def _searched(
    x: Float64[FloatArray, " p"],
    step: Float64[FloatArray, " p"],
    mu: float,
    miss: Float64[FloatArray, "m q"],
    missed: Callable[[Float64[FloatArray, " p"]], Float64[FloatArray, "m q"]],
) -> tuple[Float64[FloatArray, " p"], FloatArray] | None:
    """Return the first of x + step, x + step / 2, ... that lowers miss and regularisation."""
    before = float(np.sum(miss**2) + mu * x @ x)
    for _ in range(_HALVINGS):
        trial = x + step
        new = missed(trial)
        with np.errstate(over="ignore", invalid="ignore"):
            after = float(np.sum(new**2) + mu * trial @ trial)
        if after < before:
            return trial, new
        step = step / 2
    return None


def _weights(flow: TensorFlow, noise: float) -> Float64[FloatArray, "m q"]:
    """Return weights that make errors of one size, but no row of J longer than is usual.

    Rows of norm 24 among those of norm 1 make J ill-conditioned (6e4 instead of 4e2). By the kernel
    (u.v)^k a value has the features |v|^{2 k}, an entry of its gradient k (1 + (k - 1) / r)
    |v|^{2 k - 2} in the mean.
    """
    ends, r = flow.ends, flow.ends.U.shape[1]
    square = np.sum((ends.U0 + ends.U) ** 2, axis=1) / (2 * flow.size) ** 2
    a, value, slope = (ends.a0 + ends.a) / 2, np.zeros(len(square)), np.zeros(len(square))
    for k in flow.degrees:
        value += square**k
        slope += k * (1 + (k - 1) / r) * square ** max(k - 1, 0)
    each = ends.weights(noise)
    rows = np.stack([np.sqrt(value), np.abs(a) * np.sqrt(slope) / flow.size]) * each
    usual = float(np.median(rows[1]))
    value, slope = each / np.maximum(1.0, rows / usual) if usual > 0 else (each, each)
    weights = np.column_stack([value, np.tile(slope[:, None], r)])
    return weights / float(np.linalg.norm(ends.change * weights))


def _mean_eigenvalue(J: _Linear) -> float:
    """Return the mean eigenvalue of J^T J on P_0, from two random polynomials."""
    rng, values = np.random.default_rng(0), []
    for _ in range(2):
        x = rng.standard_normal(J.flow.unknowns)
        for q in J.flow.unpacked(x).values():
            q[1] = 0
        values.append(np.sum(J.applied(x) ** 2) / np.sum(x**2))
    return float(np.mean(values))


def _solution(J: _Linear, right: Float64[FloatArray, " p"], mu: float) -> Float64[FloatArray, " p"]:
    """Return (J^T J + mu I)^{-1} right by conjugate gradients."""
    x, r = np.zeros_like(right), right.copy()
    p, square = r, float(r @ r)
    goal = _TOLERANCE**2 * square
    for _ in range(_MOST):
        if not square > goal:
            break
        A_p = J.transposed(J.applied(p)) + mu * p
        alpha = square / float(p @ A_p)
        x, r = x + alpha * p, r - alpha * A_p
        before, square = square, float(r @ r)
        p = r + (square / before) * p
    return x
