"""Ball arithmetic on matrices: exact floats in, upper ends out.

Quantities that cancel are computed in balls; sums of absolute values in float64, where they err by
less than the factor ``SLACK`` that is put on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING

import numpy as np

from identify.arrays import FloatArray

if TYPE_CHECKING:
    from flint import arb, arb_mat

BITS = 192
"""Working precision."""

SLACK = 1 + 1e-9
"""Sums of at most 10^6 non-negative floats are off by a share of 2 10^-10."""


@contextmanager
def ball_precision() -> Iterator[None]:
    """Compute with ``BITS`` bits."""
    from flint import ctx

    before = ctx.prec
    ctx.prec = BITS
    try:
        yield
    finally:
        ctx.prec = before


def exact_matrix(values: FloatArray) -> arb_mat:
    """Turn a matrix of floats into the same numbers without rounding."""
    from flint import arb_mat

    rows, columns = values.shape
    return arb_mat(rows, columns, values.ravel().tolist())


def ball_matrix(rows: int, columns: int, entries: Sequence[arb]) -> arb_mat:
    """Build a matrix from balls."""
    from flint import arb_mat

    return arb_mat(rows, columns, entries)


def upper_floats(matrix: arb_mat) -> FloatArray:
    """Bound the absolute value of every entry."""
    found = [math.nextafter(float(t.abs_upper()), math.inf) for t in matrix.entries()]
    return np.array(found).reshape(matrix.nrows(), matrix.ncols())


def lower_norms(matrix: arb_mat) -> FloatArray:
    """Bound the Euclidean norm of every row from below."""
    found = [math.nextafter(max(float(t.abs_lower()), 0.0), 0.0) for t in matrix.entries()]
    entries = np.array(found).reshape(matrix.nrows(), matrix.ncols())
    return np.sqrt(np.sum(entries**2, axis=1)) / SLACK


def near_floats(matrix: arb_mat) -> FloatArray:
    """Return the midpoints, to the precision of float64."""
    found = [float(t) for t in matrix.entries()]
    return np.array(found).reshape(matrix.nrows(), matrix.ncols())


def exact_midpoints(matrix: arb_mat) -> arb_mat:
    """Drop the radii."""
    return ball_matrix(matrix.nrows(), matrix.ncols(), [t.mid() for t in matrix.entries()])


def norm_bound(values: FloatArray, axis: int | tuple[int, ...] | None = None) -> FloatArray:
    """Bound the Euclidean norm of bounds of absolute values, of any size: no square underflows."""
    top = np.max(values, axis=axis, keepdims=True, initial=0.0)
    unit = np.where((top > 0) & (top < np.inf), top, 1.0)
    lengths = np.sqrt(np.sum((values / unit) ** 2, axis=axis, keepdims=True))
    return np.nextafter(np.squeeze(lengths * unit, axis=axis) * SLACK, np.inf)


def block_bounds(matrix: arb_mat, q: int) -> FloatArray:
    """Bound the norms of the q x q blocks of a square matrix."""
    entries = upper_floats(matrix)
    n = len(entries) // q
    return norm_bound(entries.reshape(n, q, n, q), axis=(1, 3))


def identity_minus(matrix: arb_mat) -> arb_mat:
    """Return 1 - M."""
    from flint import arb_mat

    n = matrix.nrows()
    return arb_mat(n, n, [float(i == k) for i in range(n) for k in range(n)]) - matrix


def ceiling_text(value: float, digits: int = 3) -> str:
    """Write an upper end: rounded up, for a sentence that has to stay true."""
    found = Context(digits, ROUND_CEILING).create_decimal(Decimal(repr(float(value))))
    return f"{float(found):.{digits}g}"


def floor_text(value: float, digits: int = 3) -> str:
    """Write what is supposed to be at most this: rounded down."""
    found = Context(digits, ROUND_FLOOR).create_decimal(Decimal(repr(float(value))))
    return f"{float(found):.{digits}g}"
