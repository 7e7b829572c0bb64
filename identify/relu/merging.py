"""Two samples of one class in one activation region put together (apart: ``ambiguity``).

There only sum_i lambda_i and sum_i lambda_i x_i enter stationarity, and Phi is affine, so their
lambda-weighted mean with the sum of their weights satisfies the same conditions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from identify.relu.arguments import check_index, check_network
from identify.relu.conditions import propagate
from identify.relu.witness import ReluWitness, described


def relu_merge(
    layers: Sequence[tuple[ArrayLike, ArrayLike | None]],
    x: ArrayLike,
    b: ArrayLike,
    *,
    pair: tuple[int, int] | None = None,
    margin: float = 1.0,
) -> ReluWitness | None:
    """Replace two samples of one class and one region by their lambda-weighted mean.

    Args:
        layers: One (W, bias or None) per layer, ReLU between them, the last W of one row.
        x: Samples as rows, (n, d), all on the margin.
        b: lambda_i y_i, (n,), no entry 0.
        pair: Which two; None: the two farthest from each other among those that can be merged.
        margin: y_i Phi(x_i) of the samples.

    Returns:
        The witness, verified; None where no two samples (or not these) can be merged.

    Raises:
        ValueError: If an argument is malformed; says what to pass.
    """
    network = check_network(layers, x, b, margin)
    gates = [propagate(network.layers, sample)[1] for sample in network.x]
    able = [
        (i, j)
        for i, j in _pairs(pair, network.n)
        if network.labels[i] == network.labels[j] and gates[i] == gates[j]
    ]
    if not able:
        return None
    i, j = max(able, key=lambda two: float(np.linalg.norm(network.x[two[0]] - network.x[two[1]])))
    total = network.b[i] + network.b[j]
    mean = (network.b[i] * network.x[i] + network.b[j] * network.x[j]) / total
    witness = described(network, mean[None], np.array([total]), np.array([i]), [i, j], ())
    return witness if witness.verified else None


def _pairs(pair: object, n: int) -> list[tuple[int, int]]:
    if pair is None:
        return [(i, j) for i in range(n) for j in range(i)]
    chosen = pair if isinstance(pair, tuple | list) else ()
    indices = [found for i in chosen if (found := check_index(i, n)) is not None]
    if len(chosen) != 2 or len(set(indices)) != 2:
        raise ValueError(f"pair: found {pair!r}; pass two different ints from 0 to {n - 1}")
    return [(indices[0], indices[1])]
