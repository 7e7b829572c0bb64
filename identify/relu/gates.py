"""Which neuron of an exact ReLU point is on at which sample: sets S, their gates and equations.

See ``points`` for the letters. With V_S = sum_{i in S} z_i the gates are sigma y_i V_S.z_i > 0
exactly for i in S; the equations are |V_S| = rho_C and, with biases, y_i z_i,last = sum over the
sets through i of alpha V_S.z_i, in the unknown z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import BoolArray, FloatArray, IntArray

_CLEAR = 1e-2
"""Smallest cosine of V_S and z_i: no sample is near a boundary of its region."""


@dataclass(frozen=True, slots=True)
class GateSets:
    """The sets S of samples that neurons carry, one row each.

    Attributes:
        members: 1 for the samples in S, 0 else, (K, n).
        sigma: Signs of the neurons, (K,).
        component: Component C of each set, (K,).
        share: Share of alpha, (K,).
    """

    members: FloatArray
    sigma: IntArray
    component: IntArray
    share: FloatArray

    def keep(self, kept: BoolArray | IntArray) -> GateSets:
        """Return the chosen rows only."""
        return GateSets(
            self.members[kept], self.sigma[kept], self.component[kept], self.share[kept]
        )

    @property
    def reach_all(self) -> bool:
        """Whether every sample is in some set."""
        return bool(self.members.any(axis=0).all())


def all_sets(y: IntArray, component: IntArray, *, deep: bool, rng: np.random.Generator) -> GateSets:
    """All sets of samples with either sign; deep networks: within a component, with its class."""
    n = len(y)
    members = ((np.arange(1, 2**n)[:, None] >> np.arange(n)) & 1).astype(float)
    members = np.concatenate([members, members])
    sigma = np.repeat(np.array([1, -1]), len(members) // 2)
    lead = np.argmax(members, axis=1)
    sets = GateSets(members, sigma, component[lead], rng.uniform(0.1, 0.5, len(members)))
    if not deep:
        return sets
    crossing = ((members > 0) & (component != component[lead][:, None])).any(axis=1)
    return sets.keep(~crossing & (sigma == y[lead]))


def gates_hold(z: FloatArray, y: IntArray, sets: GateSets) -> BoolArray:
    """Whether sigma y_i V_S.z_i > 0 exactly for i in S, clear of 0, (K,)."""
    V = sets.members @ z
    cosines = V @ z.T / np.outer(np.linalg.norm(V, axis=1), np.linalg.norm(z, axis=1))
    on = sets.sigma[:, None] * y * cosines
    return np.asarray((np.where(sets.members > 0, on, -on) > _CLEAR).all(axis=1))


def alphas(sets: GateSets, rho: FloatArray, L: int) -> FloatArray:
    """The sum of alpha_j over the neurons of each set, (K,)."""
    if L == 2:
        return sets.share
    # over a component they add up to s^{2L-2}, s = rho^{-1/(L-2)}
    totals = rho ** (-(2 * L - 2) / (L - 2))
    return sets.share * (totals / np.bincount(sets.component, sets.share))[sets.component]


def least_move(
    z: FloatArray, y: IntArray, sets: GateSets, rho: FloatArray, L: int, biased: bool
) -> FloatArray:
    """Move z the least way to |V_S| = rho and, with biases, to margins of 1."""
    S, alpha = sets.members, alphas(sets, rho, L)
    together, n = S.T @ (alpha[:, None] * S), len(z)
    diagonal = np.arange(n)
    for _ in range(30):
        V = S @ z
        # |V_S|^2 = rho_C^2, with derivative 2 V_S in z_i for i in S
        residual = np.sum(V**2, axis=1) - rho[sets.component] ** 2
        jacobian = 2 * S[:, :, None] * V[:, None, :]
        if biased:  # y_i z_i,last = lambda_i = force_i.z_i, force_i = sum_{S with i} alpha V_S
            force = S.T @ (alpha[:, None] * V)
            residual = np.concatenate([residual, y * z[:, -1] - np.sum(force * z, axis=1)])
            rows = -together[:, :, None] * z[:, None, :]
            rows[diagonal, diagonal] -= force
            rows[diagonal, diagonal, -1] += y
            jacobian = np.concatenate([jacobian, rows])
        if np.abs(residual).max() < 1e-15:
            break
        step = np.linalg.lstsq(jacobian.reshape(len(residual), -1), residual, rcond=1e-12)[0]
        z = np.asarray(z - step.reshape(z.shape), dtype=np.float64)
    return z
