"""One sample after another: every unseen sample is orthogonal to every dual found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from identify.arrays import BoolArray, FloatArray
from identify.relu.recovery.blocks import (
    Block,
    Duals,
    constraints,
    quiet_rows,
    rest_of,
    with_block,
    without_combinations,
)
from identify.relu.recovery.half_spaces import (
    gate_conflicts,
    sample_of_pattern,
    sample_within,
)
from identify.relu.recovery.leverage import alone, determined_duals, peeled, same_dual
from identify.relu.recovery.polish import (
    SILENT,
    null_vector,
    robust_nulls,
    silencing_dual,
    silent_rows,
)
from identify.relu.recovery.problem import FirstLayer
from identify.relu.recovery.search import SoftGates, soft_gate_search

ZEROS = 0.3
"""A column with fewer zeros is no sample's: combinations of two samples reach a quarter."""

FEWEST = 0.12
"""The same where the sample's direction is known, being orthogonal to all other duals."""

_PARALLEL = 1e-8
"""Duals with 1 - |cos| below this belong to samples 1e-4 apart: one gate in 30,000 differs."""

ON, OFF = 0.05, 0.3
"""Silent rows that are on at both ends, loud rows that are off at both: samples reached .013 and
.08 in training that flips up to 13 % of the gates; a pattern of no half-space has a half."""

_SCHEDULES = (((0.25, 0.04), 60), ((0.12, 0.03), 60), ((0.5, 0.05), 60), ((0.06, 0.02), 60))
"""Softness at first and at last, and steps. Samples of cosine .7 and more with each other need
sharp gates, lest all starts end at one of them; orthogonal ones need soft gates."""

_WORTH = 3
"""A schedule that found so many in a round is taken again."""

_STARTS = 32
"""Starts of a round: more of them mostly end at the same samples."""

_CONTAINED = 2
"""A pattern is contained in a larger one if so few rows more than accidents are outside."""

_NEXT = 5
"""Entries from one to so many thresholds tell how many lie below one: a quarter as many."""

_PATIENCE = 2
"""Rounds without a find after which blocks are kept."""

_AGAIN = 2
"""Times that all duals are polished again from the samples they give together."""


def find_duals(
    layer: FirstLayer,
    *,
    seed: int = 0,
    idle: int = 12,
    device: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Duals:
    """Search, polish and test until all n duals are found.

    Args:
        layer: The change of the first layer.
        seed: Draws the starts.
        idle: Rounds without a find after which the search ends.
        device: Where the search runs.
        progress: Called with the number found after each round.

    Returns:
        The duals.

    Source: mathematics in the heads of the files of this room; deflation is exact.
    """
    soft, found, rng = SoftGates(layer, device), Duals(), np.random.default_rng(seed)
    since = chosen_schedule = covered = 0
    while covered < layer.n and since < idle:
        taus, steps = _SCHEDULES[chosen_schedule % len(_SCHEDULES)]
        z, q, values = soft_gate_search(
            soft,
            constraints(layer, found),
            count=_STARTS if layer.n - covered > 2 else 8,
            seed=1000 * seed + found.rounds,
            taus=taus,
            steps=steps,
        )
        chosen = _distinct(q.cpu().numpy(), values.cpu().numpy())
        found.rounds += 1
        before = covered
        together = since >= _PATIENCE  # samples that may yet be told apart are no block
        covered = _taken(layer, found, soft, z[chosen], q[chosen], rng, together=together)
        if covered <= before and found.v:  # false duals block what they combine
            covered = _from_samples(layer, found, soft, rng)
        since = 0 if covered > before else since + 1
        chosen_schedule += covered < before + _WORTH
        if progress is not None:
            progress(covered)
    for _ in range(_AGAIN):
        earlier = found.rows(layer.n)
        covered = _from_samples(layer, found, soft, rng)
        if np.array_equal(earlier, found.rows(layer.n)):
            break
    if covered == layer.n - 1:
        _last_dual(layer, found, soft)
    return found


def _taken(
    layer: FirstLayer,
    found: Duals,
    soft: SoftGates,
    z: Tensor,
    q: Tensor,
    rng: np.random.Generator,
    *,
    together: bool = False,
) -> int:
    """Polish directions, keep the duals and, if wanted, the blocks behind them.

    Returns:
        How many samples are covered.
    """
    for v in _polished(layer, found, *robust_nulls(soft, z, q)):
        duals, block = determined_duals(layer, v, rng, larger=together)
        for dual in duals:
            _consider(layer, found, dual)
        if block is not None and together:
            _consider_block(layer, found, block)
    without_combinations(layer, found)
    _join_parallel(layer, found)
    found.blocks = [b for b in found.blocks if rest_of(layer, found, b)[0].shape[1]]
    return len(constraints(layer, found))


def _join_parallel(layer: FirstLayer, found: Duals) -> None:
    """Turn duals that agree to rounding into blocks: their samples' gates do not differ."""
    for i in reversed(range(len(found.v))):
        for k in range(i):
            if abs(found.v[i] @ found.v[k]) > 1 - _PARALLEL:
                rows, null = peeled(layer, found.silent[i] & found.silent[k])
                for j in (i, k):
                    del found.v[j], found.silent[j]
                if null is not None and null.shape[1] > 1:
                    _consider_block(layer, found, Block(null, rows))
                return


def _last_dual(layer: FirstLayer, found: Duals, soft: SoftGates) -> None:
    """Find the dual of the only sample that has none: its direction is known, fewer zeros do."""
    V = constraints(layer, found)
    z = np.linalg.qr(V.T, mode="complete")[0][:, -1]
    sides = [np.sign(layer.basis[-1] @ z)] if layer.has_bias else [1.0, -1.0]
    for x in [side * z for side in sides]:
        off = np.maximum(*(G @ x for G in layer.gates)) <= 0
        if off.sum() < layer.n:
            continue
        q = null_vector(layer.F[off])
        nulls = robust_nulls(soft, torch.as_tensor(x[None]), torch.as_tensor(q[None]))
        for null, rows in zip(*nulls, strict=True):
            v = silencing_dual(layer, null, rows)
            if v is None or not alone(layer, v):
                continue
            silent = silent_rows(layer, v)
            on, loud = gate_conflicts(layer, x, silent)
            if silent.mean() >= FEWEST and on <= ON and loud <= OFF:
                found.v.append(v)
                found.silent.append(silent)
                return


def _from_samples(
    layer: FirstLayer, found: Duals, soft: SoftGates, rng: np.random.Generator
) -> int:
    """Polish again from the samples that the duals give: of a false dual's samples one is exact."""
    V = constraints(layer, found)
    if not found.v or len(V) > layer.n:
        return len(V)
    own = [[i] for i in range(len(found.v))]
    silent = list(found.silent)
    first = len(own)
    for block in found.blocks:
        size = rest_of(layer, found, block)[0].shape[1]
        own, silent = [*own, list(range(first, first + size))], [*silent, block.silent]
        first += size
    z = np.array([sample_within(layer, V, *pair) for pair in zip(own, silent, strict=True)])
    sides = [gate_conflicts(layer, x, s)[0] for x, s in zip(z, silent, strict=True)]
    other = [gate_conflicts(layer, -x, s)[0] for x, s in zip(z, silent, strict=True)]
    z[np.array(sides) > np.array(other)] *= -1
    q = np.array([V[numbers[0]] for numbers in own]) @ layer.R.T
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    return _taken(layer, found, soft, torch.as_tensor(z), torch.as_tensor(q), rng)


def _distinct(q: FloatArray, values: FloatArray) -> list[int]:
    chosen: list[int] = []
    for i in np.argsort(values).tolist():
        if np.all(np.abs(q[chosen] @ q[i]) < 1 - 1e-4):
            chosen.append(i)
    return chosen


def _polished(
    layer: FirstLayer, found: Duals, nulls: FloatArray, off: BoolArray
) -> list[FloatArray]:
    """Return the new duals behind robust null vectors, each once, those with enough zeros."""
    seen = list(found.v)
    for q, rows in zip(nulls, off, strict=True):
        if same_dual(layer, layer.dual(q), seen):
            continue
        v = silencing_dual(layer, q, rows)
        if v is None or same_dual(layer, v, seen):
            continue
        share = float(silent_rows(layer, v).mean())
        if share < ZEROS:
            found.fewest_zeros = max(found.fewest_zeros, share)
            continue
        seen.append(v)
    return seen[len(found.v) :]


def _consider(layer: FirstLayer, found: Duals, v: FloatArray) -> None:
    """Keep a dual whose pattern is a half-space and in no larger one; evict what it contains."""
    silent = silent_rows(layer, v)
    if same_dual(layer, v, found.v) or not _half_space(layer, silent):
        return
    if any(_inside(layer, v, silent, other) for other in found.silent):
        return
    for k in reversed(range(len(found.v))):
        if _inside(layer, found.v[k], found.silent[k], silent):
            del found.v[k], found.silent[k]
    found.v.append(v)
    found.silent.append(silent)


def _consider_block(layer: FirstLayer, found: Duals, block: Block) -> None:
    """Keep a block whose pattern is a half-space, joined to those it overlaps."""
    block = Block(block.space, block.silent & quiet_rows(layer, block.space))
    if _half_space(layer, block.silent):
        found.blocks = with_block(layer, found.blocks, block)


def _half_space(layer: FirstLayer, silent: BoolArray) -> bool:
    if silent.mean() < ZEROS:
        return False
    on, off = gate_conflicts(layer, sample_of_pattern(layer, silent), silent)
    return on <= ON and off <= OFF


def _inside(layer: FirstLayer, v: FloatArray, inner: BoolArray, outer: BoolArray) -> bool:
    """Whether a dual's pattern lies in a larger one but for accidental rows."""
    return bool(
        outer.sum() > inner.sum()
        and np.sum(inner & ~outer) <= _CONTAINED + accidental_rows(layer, v)
    )


def accidental_rows(layer: FirstLayer, v: FloatArray) -> float:
    """Estimate how many small entries of a column of norm 1 pass for silent, from larger ones."""
    entries = np.abs(layer.M @ v) / (SILENT * layer.noise)
    return float(np.sum((entries >= 1) & (entries < _NEXT))) / (_NEXT - 1)
