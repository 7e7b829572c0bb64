"""One sample after another: every unseen sample is orthogonal to every dual found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from identify.arrays import BoolArray, FloatArray
from identify.relu.recovery.half_spaces import gate_conflicts, sample_of_pattern
from identify.relu.recovery.leverage import determined_duals, same_dual
from identify.relu.recovery.polish import robust_nulls, silencing_dual, silent_rows
from identify.relu.recovery.problem import FirstLayer
from identify.relu.recovery.search import SoftGates, soft_gate_search

ZEROS = 0.3
"""A column with fewer zeros is no sample's: combinations of two samples reach a quarter."""

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
"""A pattern is contained in a larger one if so few of its rows are outside: accidental rows."""


@dataclass(slots=True)
class Duals:
    """Duals that passed all tests, with the rows they silence.

    Attributes:
        v: One dual per sample found, norm 1.
        silent: The rows that each silences.
        rounds: Rounds of search.
        fewest_zeros: Largest share of zeros among patterns refused for having too few.
    """

    v: list[FloatArray] = field(default_factory=list)
    silent: list[BoolArray] = field(default_factory=list)
    rounds: int = 0
    fewest_zeros: float = 0.0

    def rows(self, n: int) -> FloatArray:
        """The duals as rows, (k, n)."""
        return np.array(self.v).reshape(-1, n)


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
    since = chosen_schedule = 0
    while len(found.v) < layer.n and since < idle:
        taus, steps = _SCHEDULES[chosen_schedule % len(_SCHEDULES)]
        z, q, values = soft_gate_search(
            soft,
            found.rows(layer.n),
            count=_STARTS if layer.n - len(found.v) > 2 else 8,
            seed=1000 * seed + found.rounds,
            taus=taus,
            steps=steps,
        )
        chosen = _distinct(q.cpu().numpy(), values.cpu().numpy())
        nulls, off = robust_nulls(soft, z[chosen], q[chosen])
        found.rounds += 1
        before = len(found.v)
        for v in _polished(layer, found, nulls, off):
            for dual in determined_duals(layer, v, rng):
                _consider(layer, found, dual)
        since = 0 if len(found.v) > before else since + 1
        chosen_schedule += len(found.v) < before + _WORTH
        if progress is not None:
            progress(len(found.v))
    return found


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
        if any(same_dual(layer, layer.dual(q), w) for w in seen):
            continue
        v = silencing_dual(layer, q, rows)
        if v is None or any(same_dual(layer, v, w) for w in seen):
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
    if silent.mean() < ZEROS or any(same_dual(layer, v, w) for w in found.v):
        return
    on, off = gate_conflicts(layer, sample_of_pattern(layer, silent), silent)
    if on > ON or off > OFF:
        return
    if any(_inside(silent, other) for other in found.silent):
        return
    for k in reversed(range(len(found.v))):
        if _inside(found.silent[k], silent):
            del found.v[k], found.silent[k]
    found.v.append(v)
    found.silent.append(silent)


def _inside(inner: BoolArray, outer: BoolArray) -> bool:
    return bool(np.sum(inner & ~outer) <= _CONTAINED and outer.sum() > inner.sum())
