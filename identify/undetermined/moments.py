"""What degrees 1 and 2 show of the samples, and sets of samples that show the same.

With s = sum_i b_i, v = sum_i b_i x_i and M = sum_i b_i x_i x_i^T, c_0 + c_1 t + c_2 t^2 shows those
of the three whose coefficient is not 0. They are blocks of

    sum_i b_i (x_i, 1) (x_i, 1)^T = (M, v; v^T, s).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.equations.pose import Problem
from identify.sample_sets import SampleSet
from identify.tensor.interpolation import Interpolation
from identify.undetermined.moment_sets import linear_set, quadratic_set

RANK = 1e-10
"""Eigenvalue of M, relative to the largest, at or below which it is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """The moments that the weights determine.

    Attributes:
        total: sum_i b_i, or None.
        v: sum_i b_i x_i, (d,), or None.
        matrix: sum_i b_i x_i x_i^T, (d, d), or None.
        rank: Rank of the matrix.
    """

    total: float | None
    v: FloatArray | None
    matrix: FloatArray | None
    rank: int

    @property
    def fewest(self) -> int:
        """The fewest samples of which two different sets show the same, as a rule."""
        if self.v is not None:
            return max(2, self.rank + (self.total is not None and self.matrix is not None))
        return {0: 2, 1: 3}.get(self.rank, self.rank)

    def draw(self, n: int, rng: np.random.Generator) -> SampleSet | None:
        """Draw n samples with these moments; None where such a set is determined or impossible."""
        if self.matrix is None:
            assert self.v is not None
            drawn = linear_set(self.v, n, rng)
            return drawn if self.total is None or drawn is None else self._shifted(*drawn, rng)
        if self.v is None:
            drawn = quadratic_set(self.matrix, n, rng)
            return drawn if self.total is None or drawn is None else self._weighted(*drawn, rng)
        return self._with_linear(self.matrix, self.v, n, rng)

    def _shifted(self, x: FloatArray, b: FloatArray, rng: np.random.Generator) -> SampleSet | None:
        """Draw the weights anew with sum s, and shift the samples alike so that v is kept."""
        assert self.total is not None
        assert self.v is not None
        size = abs(self.total) or float(np.abs(b).sum())
        new = size * rng.uniform(0.5, 1.5, len(b)) * rng.choice([-1.0, 1.0], len(b))
        new[-1] += self.total - new.sum()
        x = x * (b / new)[:, None]
        if abs(new[-1]) < 0.1 * size:
            return None
        # a move along z of sample 0, against one of the last, changes neither s nor v
        z = rng.standard_normal(x.shape[1]) * np.linalg.norm(x) / np.sqrt(x.shape[1])
        x[0] += z
        x[-1] -= z * new[0] / new[-1]
        return x, new

    def _weighted(self, x: FloatArray, b: FloatArray, rng: np.random.Generator) -> SampleSet | None:
        """Scale the samples, b_i |x_i|^2 kept, so that the weights have sum s."""
        assert self.total is not None
        new = np.sign(b) * rng.uniform(0.5, 1.5, len(b))
        one = np.sign(self.total) or 1.0
        along, against = new[new * one > 0].sum(), new[new * one < 0].sum()
        if along == 0:
            return None
        # weights of the sign of s carry it, together with what the others take away
        others = min(1.0, abs(self.total)) if self.total else 1.0
        new = np.where(new * one > 0, new * (self.total - others * against) / along, others * new)
        if np.any(new * b <= 0):
            return None
        return x * np.sqrt(b / new)[:, None], new

    def _with_linear(
        self, matrix: FloatArray, v: FloatArray, n: int, rng: np.random.Generator
    ) -> SampleSet | None:
        """Mix the extended samples (t x_i, 1); where s is free it sets their number."""
        if n < 2 or not self.rank:
            return None
        corner = float(v @ np.linalg.pinv(matrix, rcond=RANK, hermitian=True) @ v)
        size = float(np.abs(matrix).max())
        t = float(np.sqrt(max(abs(corner), abs(self.total or 0.0)) / size)) or 1.0
        if self.total is not None:
            corner = self.total
        elif n > self.rank:
            corner += rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 3) * t**2 * size
        edge = np.append(t * v, corner)
        extended = np.column_stack([np.vstack([t**2 * matrix, t * v]), edge])
        mixed = quadratic_set(extended, n, rng)
        if mixed is None or np.abs(mixed[0][:, -1]).min() < 1e-6:
            return None
        last = mixed[0][:, -1]
        return mixed[0][:, :-1] / (t * last[:, None]), mixed[1] * last**2


def moments_of(problem: Problem, interpolation: Interpolation) -> Moments:
    """Read the moments off the tensors and, with a constant term, off the output weights."""
    basis, tensors, evaluations = problem.space.basis, interpolation.tensors, problem.evaluations
    origin = np.zeros(basis.shape[1])
    v = basis @ tensors[1].f(origin[None])[0] if 1 in tensors else None
    matrix, rank = None, 0
    if 2 in tensors:
        matrix = basis @ tensors[2].slice(origin) @ basis.T
        sizes = np.abs(np.linalg.eigvalsh(matrix))
        rank = int(np.sum(sizes > RANK * sizes.max()))
    total, c, seen = None, evaluations.activation.coefficients, evaluations.values
    if c[0] != 0 and seen is not None and np.any(seen):
        rest = seen.copy()  # values = c_0 s + c_1 v.w + c_2 w.M w
        if v is not None:
            rest -= c[1] * evaluations.points @ v
        if matrix is not None:
            rest -= c[2] * np.sum((evaluations.points @ matrix) * evaluations.points, axis=1)
        total = float(np.mean(rest)) / c[0]
    return Moments(total, v, matrix, rank)
