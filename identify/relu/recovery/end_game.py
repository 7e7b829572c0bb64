"""From the duals to the samples: each lies in what the duals of all others leave.

That is a line where all duals are known, and the sample is known up to scale. Where duals are
missing, or known as a block only, the gates bound it. Its sign is that with which the gates agree
with its silent rows; the constant input of a bias, the last coordinate of [x, 1], gives its norm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import FloatArray
from identify.relu.recovery.blocks import Block, Duals, quiet_rows, rest_of
from identify.relu.recovery.bounds import Noise, noise_of
from identify.relu.recovery.cones import cone_of
from identify.relu.recovery.deflation import OFF, ON, accidental_rows
from identify.relu.recovery.half_spaces import deep_rows, gate_conflicts, sample_of_pattern
from identify.relu.recovery.polish import null_vector
from identify.relu.recovery.problem import FirstLayer
from identify.relu.recovery.shown import Placement, members_of, shown_by_gates
from identify.relu.recovery.support import doubtful
from identify.relu.recovery.targets import KnownDuals, Target, known_duals

_LEAST_CONSTANT = 1e-6
"""A direction [x, s] with s below this share of its norm has no readable norm."""

_DEPENDENT = 1e12
"""Duals of norm 1 of a larger condition number are dependent to rounding."""

_LARGEST_SPACE = 10
"""Samples are bounded by their gates in spaces of so many dimensions at most."""

_SLACK, _WIDER = 1e-6, 1.5
"""Gates are read for samples this far outside their space; where noise reaches further, they are
read again, and the box must not grow by more than this factor."""


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
        missing: Samples without a dual, not in a block.
        together: Samples that are known as members of a block.
        by_gates: Samples whose bound rests on their gates.
        quota: So many of the neurons that such a sample left alone may have been on at both ends.
    """

    x: FloatArray
    bound: FloatArray
    strength: FloatArray
    complete: bool
    doubtful: int = 0
    deep: float = 0.0
    missing: int = 0
    together: int = 0
    by_gates: int = 0
    quota: int = 0


@dataclass(slots=True, eq=False)
class _Place:
    """Where a sample is: a direction of norm 1, its bound, and what speaks against it.

    ``fit`` fits its gates best; z, the centre of the bound, may be another direction.
    """

    z: FloatArray
    fit: FloatArray
    bound: float
    agrees: bool
    deep: float = 0.0
    quota: int = 0


def joint_samples(layer: FirstLayer, found: Duals) -> ReluSamples:
    """Return the samples behind the duals, with bounds on each that does not depend on doubts.

    Source: mathematics in the heads of this file, of bounds, cones and support.
    """
    found = replace(found, v=list(found.v), silent=list(found.silent), blocks=list(found.blocks))
    if not found.v and not found.blocks:
        empty = np.zeros(0)
        return ReluSamples(np.zeros((0, len(layer.basis) - layer.has_bias)), empty, empty, False)
    merged, known = 0, known_duals(layer, found)
    first: list[Placement] = []
    while True:
        if known.V.shape[1] > layer.n or np.linalg.cond(known.V) > _DEPENDENT:
            return _unclaimed(layer, found)
        noise = noise_of(layer, known)
        places = [_placed(layer, noise, target) for target in known.targets]
        first = first or shown_by_gates(known, [place.fit for place in places])
        mixed = _mixed(_groups(layer, known, places), len(found.v))
        if not mixed:
            break
        merged += sum(len(names) for names in mixed)
        found = _as_blocks(layer, found, mixed)
        known = known_duals(layer, found)
    return _collected(layer, found, known, places, first, merged)


def _unclaimed(layer: FirstLayer, found: Duals) -> ReluSamples:
    """Show what fits the gates of each, more duals being there than samples: some are false."""
    z = np.array([sample_of_pattern(layer, silent) for silent in found.silent])
    x, bound = _scaled(layer, z.reshape(-1, layer.n), np.full(len(z), np.inf))
    return ReluSamples(x, bound, np.full(len(x), np.nan), False)


def _placed(layer: FirstLayer, noise: Noise, target: Target) -> _Place:
    """Place a sample, or the middle of several, by the space and the gates left to it."""
    nothing, k = np.zeros((layer.n, 0)), target.space.shape[1]
    if target.silent is None:
        z = target.space[:, 0] * _sign_of_missing(layer, target.space[:, 0])
        return _Place(z, z, np.inf, True)
    fit = target.space[:, 0] if k == 1 else sample_of_pattern(layer, target.silent, target.space)
    sides = [(s, *gate_conflicts(layer, s * fit, target.silent)) for s in (1.0, -1.0)]
    sign, on, off = min(sides, key=lambda side: side[1] + side[2])
    z, agrees = sign * fit, on <= ON and off <= OFF
    deep = deep_rows(layer, z, target.silent)
    if k == 1:
        return _Place(
            z, z, _of_unit(noise.error(z, nothing, np.zeros(0), target.own)), agrees, deep
        )
    if k > _LARGEST_SPACE or not agrees:
        return _Place(z, z, np.inf, agrees, deep)
    return _between_gates(layer, noise, target, _Place(z, z, np.inf, agrees, deep))


def _between_gates(layer: FirstLayer, noise: Noise, target: Target, place: _Place) -> _Place:
    assert target.silent is not None
    accidents = max((accidental_rows(layer, noise.V[:, k]) for k in target.own), default=0.0)
    place.quota = 1 + int(np.ceil(accidents))
    slack, before = _SLACK, np.inf
    for _ in range(3):
        cone = cone_of(layer, place.z, target.space, target.silent, quota=place.quota, slack=slack)
        if np.any(cone.half > _WIDER * before):
            return place
        error = noise.error(cone.centre, cone.axes, _WIDER * cone.half, target.own)
        if not np.isfinite(error):
            return place
        if error <= slack:
            size = float(np.linalg.norm(cone.centre))
            place.bound = _of_unit((float(np.linalg.norm(cone.half)) + error) / size)
            place.z = cone.centre / size
            return place
        slack, before = 1.2 * error, cone.half
    return place


def _of_unit(e: float) -> float:
    """Return the bound for vectors of norm 1 from a relative one."""
    return e / (1 - e / 2) if e < 1 else np.inf


def _sign_of_missing(layer: FirstLayer, z: FloatArray) -> float:
    """Return the likelier sign of a sample whose dual is missing."""
    if layer.has_bias:
        return 1.0 if layer.basis[-1] @ z > 0 else -1.0
    left = []
    for side in (z, -z):
        off = np.maximum(*(G @ side for G in layer.gates)) <= 0
        left.append(float(np.linalg.norm(layer.F[off] @ null_vector(layer.F[off]))))
    return 1.0 if left[0] < left[1] else -1.0


def _groups(layer: FirstLayer, known: KnownDuals, places: list[_Place]) -> np.ndarray:
    """Return the group of each dual: equal for those of a block and those that may be mixed."""
    group = np.arange(known.V.shape[1])
    owner = group.copy()
    for number, target in enumerate(known.targets):
        if target.count > 1 and target.silent is not None:
            owner[target.own], group[target.own] = number, target.own[0]
        elif target.own:
            owner[target.own[0]] = number
    z = np.array([places[number].z for number in owner])
    return doubtful(layer, known.V, z, np.array(known.silent), group)


def _mixed(group: np.ndarray, alone: int) -> list[list[int]]:
    """Return the groups of several duals that contain one found by itself."""
    members = [np.flatnonzero(group == name).tolist() for name in np.unique(group[:alone])]
    return [numbers for numbers in members if len(numbers) > 1]


def _as_blocks(layer: FirstLayer, found: Duals, mixed: list[list[int]]) -> Duals:
    """Turn duals that may be mixed into blocks, with the blocks that they may be mixed with."""
    V, first = known_duals(layer, found).V, len(found.v)
    gone = {i for numbers in mixed for i in numbers if i < first}
    members, blocks = [set(numbers) for numbers in mixed], []
    for block in found.blocks:
        rest, inside = rest_of(layer, found, block)
        numbers = range(first, first + rest.shape[1])
        first += rest.shape[1]
        touched = [names for names in members if names.intersection(numbers)]
        for names in touched:
            names.update(numbers, inside)
        if not touched:
            blocks.append(block)
    for names in members:
        space = np.linalg.qr(V[:, sorted(names)])[0]
        blocks.append(Block(space, quiet_rows(layer, space)))
    kept = [i for i in range(len(found.v)) if i not in gone]
    v, silent = [found.v[i] for i in kept], [found.silent[i] for i in kept]
    return replace(found, v=v, silent=silent, blocks=blocks)


def _collected(
    layer: FirstLayer,
    found: Duals,
    known: KnownDuals,
    places: list[_Place],
    first: list[Placement],
    merged: int,
) -> ReluSamples:
    rows, bounds, strength, gates = [], [], [], 0
    missing = layer.n - known.V.shape[1]
    for number, (target, place) in enumerate(zip(known.targets, places, strict=True)):
        if target.silent is None and target.count > 1:
            continue
        bound = place.bound if place.agrees else np.inf
        shown = [place.z] * target.count
        if target.silent is not None and target.count > 1:
            block = found.blocks[number - len(found.v)]
            shown = (members_of(layer, block, first, place.z) + shown)[: target.count]
        rows += shown
        bounds += [bound + float(np.linalg.norm(z - place.z)) for z in shown]
        exact = target.space.shape[1] == 1
        gates += 0 if exact or not np.isfinite(bound) else target.count
        strength += [
            _strength(layer, known.V[:, target.own[0]], place.z) if exact and target.own else np.nan
        ] * target.count
    x, bound = _scaled(layer, np.array(rows).reshape(-1, layer.n), np.array(bounds))
    return ReluSamples(
        x,
        bound,
        np.array(strength),
        complete=len(found.v) == layer.n and all(place.agrees for place in places),
        doubtful=merged,
        deep=max(place.deep for place in places),
        missing=missing,
        together=known.V.shape[1] - len(found.v),
        by_gates=gates,
        quota=max(place.quota for place in places),
    )


def _strength(layer: FirstLayer, v: FloatArray, z: FloatArray) -> float:
    """Return |C_i| |z_i|, from M v = C_i (z_i.v) for a sample of norm 1."""
    return float(np.linalg.norm(layer.M @ v) / abs(z @ v))


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
