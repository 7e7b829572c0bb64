"""How many records a change D = C X + E of a weight matrix holds: the gap above the noise E.

Rounding of the entries, accumulated over the steps, is noise without a preferred direction. The
singular values it leaves beside n records lie within sigma (sqrt(h - n) + sqrt(d - n)) (Marchenko
and Pastur 1967). A gap counts only if what lies below is such noise, of a size that the stored
precision explains, and if the rows above it do not fill the columns that moved.

Symbols: (h, d) the moved part of D, sigma the root mean square of an entry of E, n the rank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.checkpoints.alike import distinct_columns
from identify.checkpoints.leading import SMALLEST, leading

CLEAR = 8.0
"""A gap is clear if the singular values beside it differ by this factor."""

_TAIL = 8
"""Fewer singular values than this cannot be recognised as noise."""

_EDGE, _UNEVEN_EDGE, _SCALED_EDGE = 1.2, 2.5, 1.5
"""Even noise ends at its edge; uneven noise reached 1.7 times that, and 1.35 times once rows and
columns are scaled to equal noise, which may hide a record that few entries show: both are asked."""

_WIDE, _SLOPED = 24.0, 4.0
"""3,000 steps in float32 leave rounding whose largest direction reaches 2.2 to 3.2 times the edge
of even noise, 50 to 400 times below the records: from such a gap on so uneven a tail is rounding.
What hides in it is fainter than the faintest sample that the hypotheses name."""

_OWN = 16.0
"""The steps are rounded as well: this many times the precision of the largest singular value."""

_ACCUMULATED = 1e3
"""Rounding adds up to at most this many times its size: a million independent steps."""

_ROUNDED = 0.02
"""Rounding once leaves .3 to .6 of the precision in entries that moved, maybe few."""

_WIDEST = 2e-3
"""Nothing is concluded from such relative noise on; rounding to bfloat16 leaves half of it."""

_FILLED, _MANY_FILLED = 1 - 1e-3, 0.2
"""A column whose unit vector lies in the row space to this is filled; this part may be."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The singular value decomposition of a change and what it shows.

    Attributes:
        values: Singular values, decreasing; of a head, those above the gap and the first below.
        left: Left singular vectors as columns, (h, p).
        right: Right singular vectors as rows, (p, d).
        rank: Number of records that the change shows, None without a clear gap.
        gap: Ratio of the singular values beside the gap, 1 without one.
        noise: Root mean square of an entry of the noise, 0 without a gap.
        edge: Largest singular value that the noise has.
        moved: Number of columns above the noise.
        reasons: Why there is no rank, as full sentences.
    """

    values: FloatArray
    left: FloatArray
    right: FloatArray
    rank: int | None
    gap: float
    noise: float
    edge: float
    moved: int
    reasons: tuple[str, ...]


def spectrum(
    change: Float64[FloatArray, "h d"],
    size: float,
    precision: float,
    *,
    of_records: bool = True,
    head: bool = False,
    known: Spectrum | None = None,
) -> Spectrum:
    """Decompose a matrix and find the gap above its noise.

    Args:
        change: The matrix: a change of weights, or weights.
        size: Root mean square of the entries of the weights.
        precision: The eps of the type they are stored in.
        of_records: Whether the rank has to be that of records: beside noise that rounding explains,
            and not that of inputs that hardly vary. Otherwise the rank is that of what stands
            above flat noise of any size, or far above rounding that prefers some directions.
        head: Whether the part above the gap will do, which large matrices show far sooner.
        known: The same matrix decomposed before, without a rank.

    Returns:
        The decomposition, with a rank where there is a clear gap.
    """
    rows, columns = (np.asarray(change.any(axis=axis)) for axis in (1, 0))
    h, d = int(rows.sum()), int(columns.sum())
    if head and min(h, d) >= SMALLEST:
        found = _of_head(change, (rows, columns), size, precision, of_records=of_records)
        if found is not None:
            return found
    left, right = np.zeros((len(change), min(h, d))), np.zeros((min(h, d), change.shape[1]))
    if min(h, d) == 0:
        values = np.zeros(0)
        return Spectrum(values, left, right, None, 1.0, 0.0, 0.0, 0, ("No weight changed.",))
    moved_part = change[np.ix_(rows, columns)]
    if known is not None:
        values, left, right = known.values, known.left, known.right
        U, V = left[rows], right[:, columns]
    else:
        U, values, V = _svd(moved_part)
        left[rows], right[:, columns] = U, V
    gaps = np.flatnonzero(values[:-1] >= CLEAR * np.maximum(values[1:], np.finfo(float).tiny)) + 1
    reasons: list[str] = []
    norms = np.linalg.norm(change, axis=0)
    for rank in gaps[::-1].tolist():
        noise, edge = _noise(values, h, d, rank)
        moved = int(np.sum(norms > 3 * noise * np.sqrt(h)))
        most = np.inf if rank == gaps[-1] and not of_records else _explained(precision)
        why = _level(noise / max(size, np.finfo(float).tiny), precision, most)
        wide = not of_records and noise <= size * _explained(precision)
        why = why or _flat(moved_part, (U, values, V), rank, precision, wide=wide)
        if why is None and of_records:
            above = norms > 3 * noise * np.sqrt(h)
            kinds = distinct_columns((values[:rank, None] * right[:rank])[:, above], rank + _TAIL)
            why = _room(right[:rank], h, moved, rank, above) or _repeated(kinds, rank)
        if why is None:
            gap = float(values[rank - 1] / max(values[rank], np.finfo(float).tiny))
            edge = max(edge, float(values[rank]))
            return Spectrum(values, left, right, rank, gap, noise, edge, moved, ())
        reasons.append(why)
    if not reasons:
        reasons = [f"No two of the {len(values)} singular values differ by a factor {CLEAR:g}."]
    return Spectrum(values, left, right, None, 1.0, 0.0, 0.0, d, tuple(reasons[-1:]))


def _of_head(
    change: FloatArray,
    moved: tuple[np.ndarray, np.ndarray],
    size: float,
    precision: float,
    *,
    of_records: bool,
) -> Spectrum | None:
    """Return the part above the gap, None where only the whole decomposition tells."""
    rows, columns = moved
    h, d = int(rows.sum()), int(columns.sum())
    part = leading(change if (h, d) == change.shape else change[np.ix_(rows, columns)], CLEAR)
    if part is None or min(h, d) - len(part.values) < _TAIL:
        return None
    rank, top = len(part.values), part.top
    sigma = np.sqrt(max(part.square - top**2, 0.0) / ((h - rank - 1) * (d - rank - 1)))
    noise, edge = float(sigma), float(sigma * (np.sqrt(h - rank) + np.sqrt(d - rank)))
    most = _explained(precision) if of_records else np.inf
    if _level(noise / max(size, np.finfo(float).tiny), precision, most) is not None:
        return None
    # as _flat, where no scaling is needed to tell
    sloped = not of_records and noise <= size * _explained(precision)
    sloped = sloped and part.values[-1] >= _WIDE * top
    sloped = sloped or top <= _OWN * precision * part.values[0]
    if top > (_SLOPED if sloped else _EDGE) * edge:
        return None
    left, right = np.zeros((len(change), rank)), np.zeros((rank, change.shape[1]))
    left[rows], right[:, columns] = part.left, part.right
    above = np.linalg.norm(change, axis=0) > 3 * noise * np.sqrt(h)
    count = int(above.sum())
    if of_records:
        kinds = distinct_columns((part.values[:, None] * right)[:, above], rank + _TAIL)
        if _room(right, h, count, rank, above) or _repeated(kinds, rank):
            return None
    values, gap = np.append(part.values, top), float(part.values[-1] / top)
    return Spectrum(values, left, right, rank, gap, noise, max(edge, top), count, ())


def _svd(matrix: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return U, the singular values and V^T, by way of a triangle where one side is short."""
    h, d = matrix.shape
    if h > 2 * d:
        Q, R = np.linalg.qr(matrix)
        U, values, V = np.linalg.svd(R)
        return Q @ U, values, V
    if d > 2 * h:
        V, values, U = _svd(matrix.T)
        return U.T, values, V.T
    return np.linalg.svd(matrix, full_matrices=False)


def _noise(values: FloatArray, h: int, d: int, rank: int) -> tuple[float, float]:
    """Return sigma, from the tail without its first value, and the edge of such noise."""
    rest = min(h, d) - rank - 1
    if rest < 1:
        return 0.0, 0.0
    # |E|_F^2 = sigma^2 (h - n)(d - n) on the complement of an n-dimensional row and column space
    square = float(np.sum(values[rank + 1 :] ** 2)) / ((h - rank - 1) * (d - rank - 1))
    sigma = float(np.sqrt(square))
    return sigma, sigma * (np.sqrt(h - rank) + np.sqrt(d - rank))


def _flat(
    change: FloatArray,
    parts: tuple[FloatArray, ...],
    rank: int,
    precision: float,
    *,
    wide: bool,
) -> str | None:
    """Say why what lies beyond the rank is no noise; ``wide``: it may prefer some directions."""
    h, d = change.shape
    count = min(h, d) - rank
    if count < _TAIL:
        return (
            f"The rank {rank} leaves {count} of {min(h, d)} directions; "
            f"noise is recognised from {_TAIL} on."
        )
    U, values, V = parts
    if values[rank] <= _OWN * precision * values[0]:
        return None  # rounding of the changes themselves, which follows their directions
    ratio = values[rank] / max(_noise(values, h, d, rank)[1], 1e-300)
    if wide and ratio <= _SLOPED and values[rank - 1] >= _WIDE * values[rank]:
        return None
    E = (U[:, rank:] * values[rank:]) @ V[rank:]
    for axis in (0, 1):  # rounding grows with the entries: scale to equal noise, ranks stay
        scale = np.sqrt(np.mean(E**2, axis=axis, keepdims=True))
        scale = np.maximum(scale, 1e-2 * scale.max())
        change, E = change / scale, E / scale
    values = _svd(change)[1]
    scaled = values[rank] / max(_noise(values, h, d, rank)[1], 1e-300)
    if ratio > _EDGE and (ratio > _UNEVEN_EDGE or scaled > _SCALED_EDGE):
        return (
            f"Singular value {rank + 1} is {max(ratio, scaled):.1f} times what noise would leave: "
            "below the gap lies more than noise."
        )
    return None


def _explained(precision: float) -> float:
    """Return the noise that rounding explains, relative to the weights."""
    return min(_ACCUMULATED * precision, _WIDEST)


def _level(noise: float, precision: float, most: float) -> str | None:
    if noise < _ROUNDED * precision:
        return "Below the gap lies nothing, not even rounding: it is that of what never moved."
    if noise > most:
        return (
            f"The noise is {noise:.1e} of the weights, and rounding explains {most:.1e}: "
            "other initial weights, an optimiser that is not linear, or added noise."
        )
    return None


def _room(right: FloatArray, h: int, moved: int, rank: int, above: np.ndarray) -> str | None:
    """Say why the rank may be that of the inputs' own subspace rather than a number of records."""
    if moved - rank < _TAIL or h - rank < _TAIL:
        return (
            f"The rank {rank} nearly equals the effective dimension: {moved} columns and {h} rows "
            "moved, so that more records may have been used."
        )
    filled = int(np.sum(np.sum(right[:, above] ** 2, axis=0) > _FILLED))
    if filled > _MANY_FILLED * moved:
        return (
            f"The row space holds {filled} of the {moved} columns that moved outright: it is that "
            "of the inputs which vary, not of single records."
        )
    return None


def _repeated(kinds: int, rank: int) -> str | None:
    """Say why the rank may be that of columns which repeat each other."""
    if kinds - rank >= _TAIL:
        return None
    return (
        f"The columns that moved are {kinds} and their copies, beside the rank {rank}: Adam leaves "
        "such a rank as well, whatever the records were."
    )
