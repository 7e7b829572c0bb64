"""One sample merged, another split: out of a solution that has one sample twice, another not.

Fits from random starts mostly end with all samples right but for one that two near-parallel ones
stand for, and two that one heavy sample stands for. Splitting z_i into z_i +- delta, half the
weight each, lowers the squared miss by delta^T M_i delta at second order (sample splitting, arXiv
2602.08723 section 5, here at the mean of the path), with

    M_i = b_i sum_j w_j^2 [ (e_a sigma'' + a sigma''' (z_i.e_u)) u u^T
                            + a sigma'' (u e_u^T + e_u u^T) ],   e = (e_a, e_u) the miss.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.recovery.flow.flow import Drive, Flow

_APART = 0.4
"""Half the angle between the two halves of a split sample."""

_AMONG = 3
"""The sample to split is drawn from so many of the best, that to give up likewise."""


def split_and_merge(
    flow: Flow, drive: Drive, weights: Float64[FloatArray, " m"], rng: np.random.Generator
) -> Drive:
    """Return a drive of as many samples, one of them given up and another split."""
    values, directions = _splits(flow, drive, weights)
    split = int(np.argsort(-values)[rng.integers(min(_AMONG, len(values)))])
    z, c = drive.z.copy(), drive.c.copy()
    spare = _give_up(z, c, split, rng, odd=bool(flow.ends.activation.degree % 2))
    delta = _APART * np.linalg.norm(z[split]) * directions[split]
    z[spare], c[spare] = z[split] - delta, c[split] / 2
    z[split], c[split] = z[split] + delta, c[split] / 2
    return Drive(z, c, drive.lag)


def _splits(
    flow: Flow, drive: Drive, weights: Float64[FloatArray, " m"]
) -> tuple[Float64[FloatArray, " n"], Float64[FloatArray, "n r"]]:
    """Return the largest eigenvalue of every M_i and its eigenvector."""
    path = flow.path(drive)
    e = (np.column_stack([flow.ends.a, flow.ends.U]) - path[-1]) * weights[:, None] ** 2
    theta, sigma = path.mean(axis=0), flow.ends.at(0.5)
    a, u = theta[:, 0], theta[:, 1:]
    t, onto = u @ drive.z.T, e[:, 1:] @ drive.z.T
    values, directions = np.empty(len(drive.z)), np.empty_like(drive.z)
    for i, b in enumerate(drive.c[:, 0]):
        second, third = sigma(t[:, i], 2), sigma(t[:, i], 3)
        straight = (e[:, 0] * second + a * third * onto[:, i])[:, None] * u
        mixed = ((a * second)[:, None] * e[:, 1:]).T @ u
        M = b * (straight.T @ u + mixed + mixed.T)
        eigenvalues, vectors = np.linalg.eigh(M)
        values[i], directions[i] = eigenvalues[-1], vectors[:, -1]
    return values, directions


def _give_up(
    z: FloatArray, c: FloatArray, keep: int, rng: np.random.Generator, *, odd: bool
) -> int:
    """Return the lighter of two near samples, whose heavier one takes its weight, in place."""
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    near = np.abs(unit @ unit.T)
    others = [i for i in range(len(z)) if i != keep]
    if len(others) == 1:
        return others[0]
    pairs = [(i, k) for i in others for k in others if i < k]
    pairs.sort(key=lambda pair: -near[pair])
    i, k = pairs[int(rng.integers(min(_AMONG, len(pairs))))]
    heavy, light = (i, k) if abs(c[i, 0]) >= abs(c[k, 0]) else (k, i)
    turned = np.sign(unit[heavy] @ unit[light]) if odd else 1.0  # an odd sigma changes sign with z
    c[heavy] += turned * c[light]
    return light
