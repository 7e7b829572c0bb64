"""How many samples a change holds where few directions are left beside them.

``read_changes`` recognises noise from eight directions on, since a rank alone is its evidence. Here
the samples themselves are: a wrong rank or an unfit bias leaves some of them unfound, and nothing
is claimed then. So a gap of two orders of magnitude counts with three directions below it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from identify.arrays import FloatArray
from identify.checkpoints.decay import refined
from identify.checkpoints.layer_change import LayerChange

GAP = 100.0
"""Ratio of the singular values beside the gap: twelve times that of the cautious count."""

_TAIL = 3
"""With fewer singular values below the gap a weak direction may pass for noise; then the noise has
to be what rounding leaves."""

_ROUNDS = 4
"""Rounds of directions and decay in turn: the error of rho is squared in each of them."""

_EXPLAINED, _PLAIN = 2e-3, 1e-5
"""Largest noise over the weights that rounding explains, as for the cautious count; and what some
hundred steps in float32 leave."""


def counted(change: LayerChange, trained: FloatArray, initial: FloatArray) -> LayerChange:
    """Return the change with a rank where a wide gap shows it, unchanged otherwise.

    ``trained`` and ``initial`` (h, d) have the bias as their last column where there is one.
    """
    with_bias = trained.shape[1] > change.shape[1]
    still = with_bias and not np.any(trained[:, -1] - initial[:, -1])
    if still or (change.rank is not None and change.has_bias == with_bias):
        return change
    rho = 1.0 if change.decay is None else change.decay
    for _ in range(_ROUNDS):
        U, values, V = _decomposed(trained - rho * initial)
        rank = _widest(values)
        if rank is None or (change.rank is not None and rank != change.rank):
            return change
        if rho == 1.0:
            break
        rho = refined(trained, initial, U[:, :rank], V[:rank].T, rho)
    U, values, V = _decomposed(trained - rho * initial)
    rank = _widest(values)
    if rank is None:
        return change
    (h, d), tail = trained.shape, values[rank:]
    noise = float(np.sqrt(np.sum(tail**2) / ((h - rank) * len(tail))))
    most = _EXPLAINED if len(tail) >= _TAIL else _PLAIN
    if noise > most * np.sqrt(np.mean(initial**2)):
        return change
    moved = np.linalg.norm(trained - rho * initial, axis=0) > 3 * noise * np.sqrt(h)
    return replace(
        change,
        has_bias=with_bias,
        decay=rho,
        rank=rank,
        gap=float(values[rank - 1] / values[rank]),
        noise=noise,
        effective_dimension=int(moved.sum()),
        basis=V[:rank].T,
        singular_values=values,
        reasons=(
            *change.reasons,
            (
                f"Singular values {rank} and {rank + 1} of weights and bias differ by a factor "
                f"{values[rank - 1] / values[rank]:.0f}; {len(tail)} of {d} lie below. That many "
                "samples are assumed, and the assumption stands if all are found."
            ),
        ),
    )


def _decomposed(D: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Decompose the columns that moved at all; V^T has zeros for the others."""
    live = D.any(axis=0)
    U, values, V = np.linalg.svd(D[:, live], full_matrices=False)
    whole = np.zeros((len(values), D.shape[1]))
    whole[:, live] = V
    return U, values, whole


def _widest(values: FloatArray) -> int | None:
    """Return the rank above the widest gap, None where it is narrow or too little lies below."""
    if len(values) < 2 or not values[-1] > 0:
        return None
    ratios = values[:-1] / values[1:]
    best = int(np.argmax(ratios))
    return best + 1 if ratios[best] >= GAP else None
