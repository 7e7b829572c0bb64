"""The equations that weights as stored state, exactly, and their linearisation in balls.

Phi(x) = sum_j a_j sigma(w_j.x), signed weights b_i; the equations, s_j and the points w_j from the
weights (rho is the factor by which initial weights decayed, h = 0 or 1/2):

    kkt               s_j sum_i b_i sigma'(x_i.w_j) x_i = g_j,  w = W, s = a, g = W
    known-init        the same, w = (1-h) W0 + h W/rho, s = (1-h) a0 + h a/rho, g = W/rho - W0
    random-features   sum_i b_i sigma(x_i.w_j) = v_j,  w = W, v = a - a0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import perm
from typing import TYPE_CHECKING

import numpy as np

from identify.arrays import FloatArray
from identify.checker.arithmetic import ball_matrix, exact_matrix, near_floats, norm_bound

if TYPE_CHECKING:
    from flint import arb_mat


@dataclass(frozen=True, slots=True)
class BallEquations:
    """The equations of a front door.

    Attributes:
        coefficients: c_0, ..., c_alpha of sigma.
        points: w_j, (m, d), in balls.
        scale: s_j, (m, 1), in balls; 1 by values.
        right: g_j, (m, d), or v_j, (m, 1), in balls.
        by_value: Whether the right-hand sides are values.
        lengths: |w_j| in float64, (m,).
        sizes: |s_j| in float64, (m,).
    """

    coefficients: tuple[float, ...]
    points: arb_mat
    scale: arb_mat
    right: arb_mat
    by_value: bool
    lengths: FloatArray
    sizes: FloatArray

    @property
    def free_b(self) -> bool:
        """Whether the b_i are unknowns: sigma is not c t^alpha."""
        return any(self.coefficients[:-1])

    def derivative(self, t: arb_mat, order: int) -> arb_mat:
        """Evaluate a derivative of sigma at every entry."""
        from flint import arb

        terms = [(k, arb(c) * factor) for k, c, factor in self._terms(order)]
        entries = [sum((c * x**k for k, c in terms), arb(0)) for x in t.entries()]
        return ball_matrix(t.nrows(), t.ncols(), entries)

    def majorant(self, t: FloatArray, order: int) -> FloatArray:
        """Bound a derivative of sigma on [-t, t]."""
        return sum((abs(c) * f * t**k for k, c, f in self._terms(order)), np.zeros_like(t))

    def _terms(self, order: int) -> list[tuple[int, float, int]]:
        return [
            (k - order, c, perm(k, order))
            for k, c in enumerate(self.coefficients)
            if k >= order and c
        ]


def ball_equations(
    weights: Mapping[str, FloatArray],
    setting: str,
    coefficients: tuple[float, ...],
    base: float,
    decay: float,
) -> BallEquations:
    """Write the equations of weights: float arrays a (m,), W (m, d) and, where known, a0, W0."""
    from flint import arb

    W, a = exact_matrix(weights["W"]), exact_matrix(weights["a"][:, None])
    points, scale, right = W, a, W
    if setting == "random-features":
        scale = exact_matrix(np.ones_like(weights["a"])[:, None])
        right = a - exact_matrix(weights["a0"][:, None])
    elif setting == "known-init":
        W0, a0 = exact_matrix(weights["W0"]), exact_matrix(weights["a0"][:, None])
        W = W * (1 / arb(decay))
        if not np.array_equal(weights["a"], weights["a0"]):
            a = a * (1 / arb(decay))
        points, scale = ((1 - base) * old + base * new for old, new in ((W0, W), (a0, a)))
        right = W - W0
    return BallEquations(
        coefficients,
        points,
        scale,
        right,
        setting == "random-features",
        norm_bound(np.abs(near_floats(points)), axis=1),
        np.abs(near_floats(scale))[:, 0],
    )
