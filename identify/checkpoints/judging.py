"""Members, by the distance of a candidate from the span of the change.

The change D = C X + E of the first layer gives D = U S V^T + tail. Of a member x, with |x| = 1,
all lies in the row space but what the noise turned it by:

    x (1 - V V^T) ~ -(x V) S^-1 U^T E (1 - V V^T),
    tau(x) = |(x V) S^-1| |tail|_F / sqrt(h - r)    its size,

so each candidate has its own threshold: a direction that training hardly saw is known less well.
In the other direction, a member at distance delta would have added c delta u to the change, c its
column of C, u its residual direction; two members alike on either side of the span leave
(c - c') delta, of second order in delta where their columns differ as little. Either stands above
the edge of the noise from delta = edge / |c| or sqrt(edge / |c|) on; a smaller distance excludes
nothing. |c| is taken from the members where r of them were found, which give C, and is s_r
otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

from identify.arrays import BoolArray, FloatArray
from identify.checkpoints.layer_change import LayerChange
from identify.checkpoints.spectrum import Spectrum

_NEAR, _FAR, _TRACE = 5.0, 3.0, 1.5
"""Factors of tau, of sqrt(edge / |c|) and of the noise along the residual."""

_COARSEST, _LUCK = 0.05, 1e-3
"""No member is named at a larger threshold, nor at a larger chance of unrelated records."""

_ROUNDING = 1e-7
"""Relative rounding of the records themselves in training."""

_ALIKE = 0.98
"""A candidate of this cosine with one in the span resembles it."""

_CONTROLS = 30
"""From this many records outside on, their distances say how near unrelated records come."""

MEMBER, NOT_A_MEMBER, CANNOT_TELL = "MEMBER", "NOT_A_MEMBER", "CANNOT_TELL"

COMBINATIONS = (
    "Members are named up to combinations: a weighted sum of members lies in the span as well."
)


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether each of k candidate records was used in training.

    Attributes:
        answers: "MEMBER", "NOT_A_MEMBER" or "CANNOT_TELL" for each candidate.
        distance: Of each candidate from the span, relative to its norm, (k,).
        threshold: Distance up to which the noise explains it, (k,); NaN without a gap.
        far: Distance from which a member would have been noticed, (k,); NaN without a gap.
        chance: That an unrelated record lies as near as the candidate or its threshold, (k,).
        reasons: What the answers rest on and why some are open, as full sentences.
        change: The change of the first layer.
    """

    answers: tuple[str, ...]
    distance: FloatArray
    threshold: FloatArray
    far: FloatArray
    chance: FloatArray
    reasons: tuple[str, ...]
    change: LayerChange


def judged(x: FloatArray, change: LayerChange, found: Spectrum) -> Membership:
    """Judge candidates (k, d) of norm 1, or 0 where there is nothing to judge."""
    r = change.basis.shape[1]
    along = x @ change.basis
    outside = x - along @ change.basis.T
    distance = np.linalg.norm(outside, axis=1)
    u = outside / np.maximum(distance, np.finfo(float).tiny)[:, None]
    h = int(np.sum(found.left.any(axis=1)))
    tail = float(np.linalg.norm(found.values[r:]))
    tau = np.linalg.norm(along / found.values[:r], axis=1) * tail / np.sqrt(h - r)
    threshold = _NEAR * np.hypot(tau, _ROUNDING)
    near = (distance <= threshold) & (threshold <= _COARSEST) & x.any(axis=1)
    dependent = _dependent(along, threshold, near)
    weak = min(found.edge / _influence(along[near & ~dependent], found.values[:r]), 1.0)
    far = np.maximum(2 * threshold, _FAR * np.sqrt(weak))

    # |D u|: noise leaves |tail|_F / sqrt(d - r) along a direction outside the span
    noise = tail / np.sqrt(change.effective_dimension - r)
    traced = np.linalg.norm((u @ found.right[r:].T) * found.values[r:], axis=1) > _TRACE * noise
    out = (distance >= far) & ~traced
    unrelated = out & ~_alike(x, near)
    chance = _chance(np.maximum(distance, threshold), distance[unrelated], r, change)
    lucky = near & (chance > _LUCK)
    member = near & ~lucky & ~dependent & out.any()
    answers = np.where(member, MEMBER, np.where(out, NOT_A_MEMBER, CANNOT_TELL))
    reasons = _open(
        near.any() and not out.any(), dependent, ~near & (distance < far), traced & ~near, lucky
    )
    return Membership(
        tuple(answers.tolist()),
        distance,
        threshold,
        far,
        chance,
        (COMBINATIONS, _traceless(weak, distance[out]), *reasons),
        change,
    )


def _traceless(weak: float, distance: FloatArray) -> str:
    """Say below which influence a record leaves no trace; ``weak`` is edge / |c|."""
    typical = float(np.median(distance)) if distance.size else 1.0
    return (
        "A record whose gradients stayed in the noise left no trace and is not named a member: at "
        f"a distance of {typical:.2g}, an influence below {min(weak / typical, 1.0):.0e} of the "
        "weakest one seen."
    )


def _influence(along: FloatArray, values: FloatArray) -> float:
    """Return the least |c| |x| of the r members that explain the change, or else s_r."""
    if len(along) != len(values) or np.linalg.cond(along) >= 1 / np.finfo(float).eps:
        return float(values[-1])
    # U S V^T = C A V^T with the members A (r, r) in the basis V: C = U S A^-1
    return float(np.linalg.norm(values[:, None] * np.linalg.inv(along), axis=0).min())


def _open(
    uncontrolled: bool, dependent: BoolArray, close: BoolArray, traced: BoolArray, lucky: BoolArray
) -> tuple[str, ...]:
    """Say why candidates stayed open."""
    said = {
        "No candidate lies outside the span, which may hold every record of this kind: pass some "
        "that are known not to be members with them.": uncontrolled,
        f"{dependent.sum()} candidates in the span depend linearly on each other: members and "
        "their combinations or copies cannot be told apart.": dependent.any(),
        f"{close.sum()} candidates lie outside the span, but nearer than a member of weak "
        "influence is excluded.": close.any(),
        f"Along {traced.sum()} candidates outside the span the change is larger than noise: a "
        "record of weak influence cannot be excluded.": traced.any(),
        f"{lucky.sum()} candidates lie no nearer to the span than an unrelated record may.": (
            lucky.any()
        ),
    }
    return tuple(sentence for sentence, holds in said.items() if holds)


def _alike(x: FloatArray, near: BoolArray) -> BoolArray:
    """Say which candidates resemble one in the span, so that their distances are not unrelated."""
    return np.max(np.abs(x @ x[near].T), axis=1, initial=0.0) > _ALIKE


def _chance(reach: FloatArray, others: FloatArray, r: int, change: LayerChange) -> FloatArray:
    """Return the chance that an unrelated record lies within ``reach`` (k,) of the span."""
    # directions without preference: distance^2 ~ Beta((d - r) / 2, r / 2)
    free = change.effective_dimension - r
    uniform = betainc(free / 2, r / 2, np.minimum(reach, 1.0) ** 2)
    if len(others) < _CONTROLS:
        return uniform
    # real records prefer some: the tail (t / t_q)^nu of the distances of those outside, with the
    # exponent of Hill (1975) from the nearest of them; the larger chance counts
    others = np.sort(others)
    count = _CONTROLS // 3
    nu = 1 / max(float(np.mean(np.log(others[count] / others[:count]))), 1e-3)
    below = np.searchsorted(others, reach, side="right") / len(others)
    tail = count / len(others) * np.minimum(reach / others[count], 1.0) ** nu
    return np.maximum(uniform, np.maximum(below, tail))


def _dependent(along: FloatArray, threshold: FloatArray, near: BoolArray) -> BoolArray:
    """Say which candidates in the span are combinations of others there; copies count once."""
    dependent = np.zeros(len(along), dtype=bool)
    if near.sum() < 2:
        return dependent
    _, first, copies = np.unique(
        np.round(along[near], 7), axis=0, return_index=True, return_inverse=True
    )
    left, values, _ = np.linalg.svd(along[near][first], full_matrices=False)
    own = left[:, values > 2 * float(np.median(threshold[near]))]
    null = 1 - np.sum(own**2, axis=1)  # |N^T e_i|^2, N the combinations that vanish
    dependent[near] = (null > 1e-6)[copies.ravel()]
    return dependent


def unknown(count: int, change: LayerChange) -> Membership:
    """Return the answers where the change has no gap."""
    nothing = np.full(count, np.nan)
    reasons = (*change.reasons, "Without a gap in the spectrum no candidate can be judged.")
    answers = (CANNOT_TELL,) * count
    return Membership(answers, nothing, nothing, nothing, np.ones(count), reasons, change)
