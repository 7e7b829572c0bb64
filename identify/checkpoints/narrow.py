"""The type that float64 numbers were stored in before, read off the numbers themselves.

Numbers rounded to a type of p significant bits all have at most p of them, half use the last one,
and small numbers are multiples of a smaller unit than large ones. Whole numbers and other dyadic
constructions have few bits as well, but seldom use the last, or are multiples of one common unit:
those are exact, nothing was rounded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from identify.arrays import FloatArray
from identify.checkpoints.stored import ROUNDOFF

_FEWEST = 16
"""Distinct magnitudes from which a type is recognised: all exact by chance in one of 2^(16 * 29)
draws of float64 numbers."""

_LAST = 0.25
"""Share of the magnitudes that has to use the last bit; half of them do in rounded numbers."""

_LOOKED_AT = 1 << 12
"""The bits of so many numbers are looked at."""


def held_roundoff(values: FloatArray) -> float:
    """Return the unit roundoff of the type whose rounded numbers an array holds.

    Args:
        values: Numbers in float64.

    Returns:
        The unit roundoff of float32, float16 or bfloat16; that of float64 where the numbers need
        it, are too few to tell, or are exact by construction.
    """
    flat = values.ravel()
    filled = flat[: 2 * _LOOKED_AT]
    filled = filled[filled != 0] if np.count_nonzero(filled) >= _LOOKED_AT else flat[flat != 0]
    magnitudes = np.unique(np.abs(filled[:_LOOKED_AT]))
    if len(magnitudes) >= _FEWEST:
        for dtype, fits in _FITS.items():
            if fits(magnitudes) and _rounded(magnitudes, ROUNDOFF[dtype]) and fits(flat):
                return ROUNDOFF[dtype]
    return ROUNDOFF["float64"]


def _rounded(magnitudes: FloatArray, roundoff: float) -> bool:
    """Whether numbers of p bits, 2^-p the roundoff, use the last one as rounded numbers do."""
    mantissa, exponent = np.frexp(magnitudes)
    bits = np.rint(mantissa / roundoff).astype(np.int64)  # x = bits 2^(exponent - p)
    lowest = np.log2(bits & -bits)
    # all are multiples of 2^(scale - p): up to 2^scale they would be p-bit numbers of one unit
    scale = (exponent + lowest).min()
    return bool(np.mean(lowest == 0) >= _LAST and np.log2(magnitudes.max()) > scale)


def _fits(dtype: type[np.floating]) -> Callable[[FloatArray], bool]:
    def fits(values: FloatArray) -> bool:
        with np.errstate(over="ignore"):
            return bool(np.all(values.astype(dtype) == values))

    return fits


def _fits_bfloat16(values: FloatArray) -> bool:
    """Whether the numbers are the upper halves of float32 numbers."""
    if not _FITS["float32"](values):
        return False
    return not np.any(values.astype(np.float32).view(np.uint32) & 0xFFFF)


_FITS = {"float32": _fits(np.float32), "float16": _fits(np.float16), "bfloat16": _fits_bfloat16}
"""Tests whether a type holds every number of an array, the widest type first."""
