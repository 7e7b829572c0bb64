"""From all duals to the samples: [z_1 ... z_n] is the inverse of [v_1 ... v_n].

Each sample comes up to scale. Its sign is that with which the gates agree with its silent rows; the
constant input of a bias, the last coordinate of [x, 1], gives its norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.relu.recovery.bounds import relative_errors
from identify.relu.recovery.deflation import OFF, ON, Duals
from identify.relu.recovery.half_spaces import deep_rows, gate_conflicts, sample_of_pattern
from identify.relu.recovery.problem import FirstLayer
from identify.relu.recovery.support import doubtful

_LEAST_CONSTANT = 1e-6
"""A direction [x, s] with s below this share of its norm has no readable norm."""


_DEPENDENT = 1e12
"""Duals of norm 1 of a larger condition number are dependent to rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class ReluSamples:
    """Samples with bounds.

    Attributes:
        x: Samples as rows, (k, d), of norm 1 where norms are unknown.
        bound: Bound on the distance from the truth, inf where nothing is claimed.
        strength: Norm of what each added to the first layer, C_i |x_i|, nan where unknown.
        complete: Whether all n duals were found and every sample's gates agree with its own rows.
        doubtful: Samples that a false dual may have spoilt, for being too near another one.
        deep: Largest share of rows that moved although a sample is far off on them: with nobody
            hidden behind that sample there are next to none.
    """

    x: FloatArray
    bound: FloatArray
    strength: FloatArray
    complete: bool
    doubtful: int = 0
    deep: float = 0.0


def joint_samples(layer: FirstLayer, found: Duals) -> ReluSamples:
    """Return the samples behind the duals, with bounds where all n are known.

    Source: the first-order perturbation of inverse and null vectors, summed up without cancelling.
    """
    V, k = found.rows(layer.n).T, len(found.v)
    if k == 0:
        empty = np.zeros(0)
        return ReluSamples(np.zeros((0, len(layer.basis) - layer.has_bias)), empty, empty, False)
    z = None if k != layer.n else _inverse(V)
    whole = z is not None
    if z is None:
        z = np.array([_partial_sample(layer, V, i, found) for i in range(k)])
        bound, strength = np.full(k, np.inf), np.full(k, np.nan)
    else:
        bound = relative_errors(layer, z, found.silent)
        strength = np.linalg.norm(layer.M @ V, axis=0) * np.linalg.norm(z, axis=1)
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    conflicts = np.array([_signed(layer, z[i], found, i) for i in range(k)])
    z, agree = z * conflicts[:, :1], (conflicts[:, 1] <= ON) & (conflicts[:, 2] <= OFF)
    doubt = doubtful(layer, V, z, np.array(found.silent)) if whole else np.zeros(k, dtype=bool)
    bound = np.where(agree & ~doubt, bound, np.inf)
    deep = max(deep_rows(layer, z[i], found.silent[i]) for i in range(k))
    x, bound = _scaled(layer, z, bound)
    return ReluSamples(x, bound, strength, whole and bool(agree.all()), int(doubt.sum()), deep)


def _inverse(V: FloatArray) -> FloatArray | None:
    """Return V^-1, None where the duals are dependent: some of them are false."""
    return (
        None if np.linalg.cond(V) > _DEPENDENT else np.asarray(np.linalg.inv(V), dtype=np.float64)
    )


def _partial_sample(layer: FirstLayer, V: FloatArray, i: int, found: Duals) -> FloatArray:
    """Fit the gates of sample i in what the other duals leave."""
    others = np.delete(V, i, axis=1)
    if others.shape[1] >= layer.n:  # more duals than samples: some are false
        return sample_of_pattern(layer, found.silent[i])
    space = np.linalg.qr(others, mode="complete")[0][:, others.shape[1] :]
    return sample_of_pattern(layer, found.silent[i], space)


def _signed(layer: FirstLayer, z: FloatArray, found: Duals, i: int) -> tuple[float, float, float]:
    """Return the sign of z with fewer conflicts, and those conflicts."""
    sides = [(sign, *gate_conflicts(layer, sign * z, found.silent[i])) for sign in (1.0, -1.0)]
    return min(sides, key=lambda side: side[1] + side[2])


def _scaled(layer: FirstLayer, z: FloatArray, bound: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return samples in the input space and bounds on their distance from the truth."""
    x = z @ layer.basis.T
    if not layer.has_bias:
        return x, bound
    constant = x[:, -1]
    readable = constant > _LEAST_CONSTANT
    x = x[:, :-1] / np.where(readable, constant, 1.0)[:, None]
    # [x, 1] s with an error e, s = 1 / |[x, 1]|: |dx| <= |e| |[x, 1]| / (s - |e|)
    size = np.sqrt(1 + np.sum(x**2, axis=1))
    with np.errstate(invalid="ignore"):
        far = np.where(bound * size < 1, bound * size**2 / (1 - bound * size), np.inf)
    return x, np.where(readable, far, np.inf)
