"""Sign patterns: the eigenvectors of T at orthonormal samples, from which all others are followed.

There z_i^{alpha-2} = eps / b_i on any support: alpha odd has one solution, with the signs of the
labels; alpha even has any signs on a support within one class, up to a global sign.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike

from identify.arrays import IntArray

MAX_DIRECTIONS = 4096
"""Directions accepted: their number grows like 2^n or 3^n."""


def enumerate_patterns(labels: IntArray, alpha: int) -> IntArray:
    """Return the eigenvectors that T has for orthonormal samples, as the signs of z: (K, n).

    Entries are in {-1, 0, +1}, small supports first; ``labels`` (n,) are the signs of b. alpha odd:
    one row per support, K = 2^n - 1, with the signs of the labels. alpha even: one row per sign
    vector on a support within one class, up to a global sign, K = sum over the two classes of
    (3^q - 1)/2.

    Raises:
        ValueError: If there are more than ``MAX_DIRECTIONS``.
    """
    n = len(labels)
    classes = [range(n)] if alpha % 2 else [np.flatnonzero(labels == y).tolist() for y in (1, -1)]
    count = sum(2 ** len(c) - 1 if alpha % 2 else (3 ** len(c) - 1) // 2 for c in classes)
    if count > MAX_DIRECTIONS:
        raise ValueError(
            f"directions: {n} samples have {count} eigenvectors at alpha = {alpha}, more than "
            f"{MAX_DIRECTIONS}; pass those wanted, as in directions=np.eye({n}, dtype=int)"
        )
    rows = []
    for members in classes:
        for size in range(1, len(members) + 1):
            for support in itertools.combinations(members, size):
                signs = (
                    [tuple(labels[list(support)])]
                    if alpha % 2
                    else itertools.product((1,), *[(1, -1)] * (size - 1))
                )
                for sign in signs:
                    row = np.zeros(n, dtype=np.int64)
                    row[list(support)] = sign
                    rows.append(row)
    return np.array(rows)


def check_directions(directions: ArrayLike | str, y: IntArray, alpha: int) -> IntArray:
    """Return the rows of signs asked for, (K, n), in the form of :func:`enumerate_patterns`.

    Raises:
        ValueError: If they are malformed; says what to pass.
    """
    if isinstance(directions, str):
        if directions != "all":
            raise ValueError(
                f"directions: found {directions!r}; pass 'all' or a (K, n) array of signs"
            )
        return enumerate_patterns(y, alpha)
    patterns = np.array(directions)
    expected = f"pass (K, {len(y)}) rows of -1, 0, +1, as in enumerate_patterns(labels, alpha)"
    if patterns.ndim != 2 or patterns.shape[1] != len(y) or not len(patterns):
        raise ValueError(f"directions: found shape {patterns.shape}; {expected}")
    if not np.isin(patterns, (-1, 0, 1)).all() or not patterns.any(axis=1).all():
        raise ValueError(
            f"directions: found an entry other than -1, 0, +1 or a row of zeros; {expected}"
        )
    patterns = patterns.astype(np.int64)
    if alpha % 2:
        patterns = np.abs(patterns) * y
    else:
        mixed = np.flatnonzero(np.abs(np.abs(patterns) @ y) < np.abs(patterns).sum(axis=1))
        if len(mixed):
            raise ValueError(
                f"directions: row {mixed[0]} mixes the classes at even alpha; {expected}"
            )
        first = patterns[np.arange(len(patterns)), np.argmax(patterns != 0, axis=1)]
        patterns *= first[:, None]
    if len(np.unique(patterns, axis=0)) < len(patterns):
        raise ValueError("directions: found a direction twice; use multiplicities for copies")
    return patterns
