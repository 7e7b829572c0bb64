"""Steps of Gauss and Newton where no normal matrix fits: conjugate gradients on its products.

Symbols as in ``identify.equations.system``: P = s sigma'(t) b, Q = s sigma''(t) b, D the lengths of
the columns of J. Products with J and J^T cost six matrix products of m n r; the preconditioner
holds the diagonal blocks of J^T J, one for each sample, or for a few samples that resemble each
other: what makes J^T J singular is mostly the difference of two near-duplicates, which lies within
one block.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from identify.arrays import Float64, FloatArray
from identify.equations.system import Equations, normal_matrix

_ALIKE, _TOGETHER = 0.5, 4
"""Samples at such a cosine share a block, at most so many."""

_STEPS, _FORCED, _FINEST = 100, 1e-2, 1e-8
"""Steps of conjugate gradients, and the share of the right side at which they end: the next step of
Gauss and Newton corrects what is left. Once the residual falls slowly the last is asked for."""

_SLOW = 0.1
"""Share by which the residual has to fall for steps of few digits to do."""

_FIRST = 1e-8
"""Smallest damping of the first step: with less, it would hardly be resolved."""

_STALE = 0.05
"""Relative movement of the samples up to which the blocks serve."""


class JacobianProducts:
    """The equations by gradients linearised at (x, b): products with J and J^T, none formed."""

    def __init__(
        self, equations: Equations, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"]
    ) -> None:
        """Evaluate the slopes once for many products."""
        t, s = equations.points @ x.T, equations.scale[:, None]
        self.u, self.x, self.free_b = equations.points, x, equations.free_b
        self.slope = s * equations.activation(t, 1)
        self.P, self.Q = self.slope * b, s * equations.activation(t, 2) * b

    def times(self, step: Float64[FloatArray, "n q"]) -> Float64[FloatArray, "m r"]:
        """Return J step."""
        along = step[:, : self.x.shape[1]]
        left = self.Q * (self.u @ along.T)
        if self.free_b:
            left += self.slope * step[:, -1]
        return left @ self.x + self.P @ along

    def transposed_times(self, R: Float64[FloatArray, "m r"]) -> Float64[FloatArray, "n q"]:
        """Return J^T R."""
        onto = R @ self.x.T
        along = self.P.T @ R + (self.Q * onto).T @ self.u
        if not self.free_b:
            return along
        return np.column_stack([along, np.einsum("ji,ji->i", self.slope, onto)])


class ConjugateSteps:
    """Damped steps at the current samples, by preconditioned conjugate gradients.

    ``resolved`` says whether the last step had the digits that were asked for.
    """

    def __init__(
        self,
        equations: Equations,
        x: Float64[FloatArray, "n r"],
        b: Float64[FloatArray, " n"],
        mu: float,
    ) -> None:
        """Linearise at (x, b), with damping mu."""
        self.equations, self.mu, self.forced = equations, max(mu, _FIRST), _FORCED
        self.resolved = True
        self._block_at(x, b)
        self.linear = JacobianProducts(equations, x, b)

    def _block_at(self, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"]) -> None:
        self.x, self.groups = x, alike(x)
        self.blocks = [normal_matrix(self.equations, x[g], b[g]) for g in self.groups]
        q = x.shape[1] + self.equations.free_b
        self.unit = np.empty((len(x), q))
        for group, block in zip(self.groups, self.blocks, strict=True):
            unit = np.sqrt(np.maximum(np.diag(block), np.finfo(float).tiny))
            block /= unit[:, None] * unit
            self.unit[group] = unit.reshape(len(group), q)
        self.factors: list[tuple[FloatArray, bool]] | None = None

    def solve(self, along: Float64[FloatArray, "n q"]) -> Float64[FloatArray, "n q"]:
        """Return the step for J^T residual, to the share of it that is asked for."""
        if self.factors is None:
            self.factors = [_factor(block, self.mu) for block in self.blocks]
        rest = along / self.unit
        goal = self.forced * float(np.linalg.norm(rest))
        found, step, before = np.zeros_like(rest), np.zeros_like(rest), 1.0
        self.resolved = False
        for k in range(_STEPS):
            z = self._preconditioned(rest)
            descent = float(np.vdot(rest, z))
            step = z + step * (descent / before if k else 0.0)
            product = self.linear.times(step / self.unit)
            curved = float(np.vdot(product, product) + self.mu * np.vdot(step, step))
            if not curved > 0:
                break
            length = descent / curved
            found += length * step
            image = self.linear.transposed_times(product) / self.unit + self.mu * step
            rest = rest - length * image
            before = descent
            if np.linalg.norm(rest) <= goal:
                self.resolved = True
                break
        return found / self.unit

    def _preconditioned(self, rest: Float64[FloatArray, "n q"]) -> Float64[FloatArray, "n q"]:
        assert self.factors is not None
        z = np.empty_like(rest)
        for group, factor in zip(self.groups, self.factors, strict=True):
            solved = cho_solve(factor, rest[group].ravel(), check_finite=False)
            z[group] = solved.reshape(len(group), -1)
        return z

    def rejected(self, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"]) -> None:
        """Ask for more digits after a step from (x, b) that gained nothing, then damp more."""
        if self.x is not x:
            self._block_at(x, b)
        if self.forced > _FINEST:
            self.forced = _FINEST
        else:
            self._damp(10 * self.mu)

    def accepted(
        self, x: Float64[FloatArray, "n r"], b: Float64[FloatArray, " n"], drop: float
    ) -> None:
        """Damp less after a resolved step; ask for more digits where the residual fell slowly."""
        if np.linalg.norm(x - self.x) > _STALE * np.linalg.norm(x):
            self._block_at(x, b)
        self.linear = JacobianProducts(self.equations, x, b)
        if drop < _SLOW:
            self.forced = _FINEST
        self._damp(max(self.mu / 10, 1e-14) if self.resolved else self.mu)

    def _damp(self, mu: float) -> None:
        self.mu, self.factors = mu, None


def alike(x: Float64[FloatArray, "n r"]) -> list[list[int]]:
    """Group samples that resemble each other, the most similar first, ``_TOGETHER`` at most."""
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.finfo(float).tiny)
    cosine = np.abs(unit @ unit.T)
    i, k = np.triu_indices(len(x), 1)
    close = np.flatnonzero(cosine[i, k] >= _ALIKE)
    group = {sample: [sample] for sample in range(len(x))}
    for pair in close[np.argsort(-cosine[i[close], k[close]], kind="stable")]:
        first, second = group[int(i[pair])], group[int(k[pair])]
        if first is not second and len(first) + len(second) <= _TOGETHER:
            first.extend(second)
            group |= dict.fromkeys(second, first)
    return list({id(found): found for found in group.values()}.values())


def _factor(block: FloatArray, mu: float) -> tuple[FloatArray, bool]:
    """Factor block + mu I, raising mu until it is numerically positive definite."""
    while True:
        damped = block + mu * np.eye(len(block))
        try:
            return cho_factor(damped, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            mu = max(100 * mu, float(np.finfo(float).eps))
