"""The activation region of a sample of a ReLU network, and how far the sample can move in it.

Inside a region every preactivation is affine in the input, z_l(x) = P_l x + p_l, so the region is
the polyhedron sign_j (P x + p)_j > 0 over all hidden neurons. At fixed output the sample moves in
the hyperplane orthogonal to grad_x Phi. A neuron whose preactivation is 0 at the sample must keep
it (the derivative chosen there holds on the boundary only), which is a further equation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.relu.conditions import ROUNDING, Layers
from identify.relu.enclosure import along
from identify.relu.reach import Reach, farthest


@dataclass(frozen=True, slots=True)
class Region:
    """Where a sample can go without a change of its gates and of the output.

    Attributes:
        basis: Orthonormal directions of the moves, (d, k).
        B: Rows of norm 1, (M, k): the moves w with B w + s > 0 stay inside.
        s: Distances of the sample from the boundaries, within the moves, (M,).
    """

    basis: FloatArray
    B: FloatArray
    s: FloatArray

    def along(self, u: FloatArray) -> float:
        """How far the sample can go along a unit direction of the moves, (d,)."""
        return along(self.B, self.s, self.basis.T @ u)

    def farthest(self, rng: np.random.Generator, programs: int | None) -> Reach:
        """The farthest point over all directions, see :func:`identify.relu.reach.farthest`."""
        found = farthest(self.B, self.s, rng, programs=programs)
        return Reach(self.basis @ found.direction, found.lower, found.upper)


def region_of(layers: Layers, sample: FloatArray) -> Region:
    """Return the region of a sample (d,); its basis is empty where the sample cannot move."""
    d = len(sample)
    P, p, size, h = np.eye(d), np.zeros(d), np.ones(d), sample
    rows, slacks, fixed = [np.zeros((0, d))], [np.zeros(0)], []
    for W, c in layers[:-1]:
        # z = W h = P x + p, each entry with the size of the terms it is the sum of
        P, p, size = W @ P, W @ p, np.abs(W) @ size
        z, terms = W @ h, np.abs(W) @ np.abs(h)
        if c is not None:
            p, terms, z = p + c, terms + np.abs(c), z + c
        zero = np.abs(z) <= ROUNDING * terms
        turning = np.linalg.norm(P, axis=1) > ROUNDING * size
        signs = np.where(z > 0, 1.0, -1.0)
        rows.append((signs[:, None] * P)[~zero & turning])
        slacks.append((signs * z)[~zero & turning])
        fixed.append(P[zero & turning])
        on = (z > 0) & ~zero
        P, p, size, h = P * on[:, None], p * on, size * on, np.where(on, z, 0.0)
    # neurons at 0 stay there, and Phi is kept
    basis = _null_space(np.concatenate([*fixed, layers[-1][0] @ P]), d)
    B, s = np.concatenate(rows), np.concatenate(slacks)
    full = np.linalg.norm(B, axis=1)
    B = B @ basis
    norms = np.linalg.norm(B, axis=1)
    turning = norms > 1e-13 * full
    B, s, norms = B[turning], s[turning], norms[turning]
    return Region(basis, B / norms[:, None], s / norms)


def _null_space(equations: FloatArray, d: int) -> FloatArray:
    """Return orthonormal columns (d, k) orthogonal to all rows."""
    norms = np.linalg.norm(equations, axis=1)
    equations = equations[norms > 0] / norms[norms > 0, None]
    if not len(equations):
        return np.eye(d)
    _, values, right = np.linalg.svd(equations, full_matrices=True)
    return right[np.sum(values > 1e-12) :].T
