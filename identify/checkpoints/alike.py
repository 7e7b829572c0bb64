"""Columns of a change that are equal, which no records need to be behind.

Adam, RMSprop and the sign of a gradient scale every column by itself: inputs that are proportional
to each other over all records then move their columns by the same amount. With one record, or few
records of few distinct entries, the change has a low rank, and its rows span the patterns of equal
columns rather than the records. Gradient descent moves a column in proportion to its input.
"""

from __future__ import annotations

import numpy as np

from identify.arrays import Float64, FloatArray

_EQUAL = 0.01
"""Columns are equal, up to their sign, if they differ by this share of their length: what Adam's
small constant leaves between them is less than a thousandth."""


def distinct_columns(columns: Float64[FloatArray, "r d"], enough: int) -> int:
    """Count columns no two of which are equal up to their sign, up to so many."""
    left, found = columns, 0
    while left.shape[1] and found < enough:
        first = left[:, :1]
        apart = np.minimum(
            np.linalg.norm(left - first, axis=0), np.linalg.norm(left + first, axis=0)
        )
        left, found = left[:, apart > _EQUAL * np.linalg.norm(first)], found + 1
    return found
