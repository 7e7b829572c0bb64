"""What stays certain whatever the model: the span of the samples, above flat noise."""

from __future__ import annotations

import numpy as np

from identify.checkpoints.alike import distinct_columns
from identify.checkpoints.spectrum import Spectrum, spectrum
from identify.equations.pose import Problem

ROOM = 8
"""Fewer columns that moved beside the span than this are no evidence that it is one of records."""


def seen_records(problem: Problem) -> Spectrum | None:
    """Return the spectrum of W - W0 where it shows the span of the row space, else None.

    Args:
        problem: The weights, with their row space.

    Returns:
        The spectrum, or None.

    Source: mathematics.md, section 8.
    """
    weights = problem.weights
    if problem.setting != "known-init" or weights.W0 is None:
        return None
    size, precision = weights.size, 2 * weights.precision
    found = spectrum(weights.W - weights.W0, size, precision, of_records=False, head=True)
    r = problem.space.dimension
    if found.rank != r or found.moved - r < ROOM:
        return None
    columns = found.values[:r, None] * found.right[:r]
    above = np.linalg.norm(columns, axis=0) > 3 * found.noise * np.sqrt(len(found.left))
    return found if distinct_columns(columns[:, above], r + ROOM) >= r + ROOM else None


def span_of_samples(problem: Problem) -> str | None:
    """Say that the change of the first layer spans the samples, or None where that is not shown.

    Every step of an optimiser that is linear in the gradients adds combinations of the inputs,
    whatever the activation, the loss and the batches; a gap above noise without preferred
    direction shows such an optimiser, and a rank that leaves room among columns that are not each
    other's copies shows records rather than the inputs' own subspace.

    Args:
        problem: The weights, with their row space.

    Returns:
        A sentence, or None.

    Source: mathematics.md, section 8; ``identify.checkpoints.spectrum``.
    """
    found, r = seen_records(problem), problem.space.dimension
    if found is None:
        return None
    d = problem.space.basis.shape[0]
    return (
        f"Whatever the loss and the batches were, the span of the training samples is determined: "
        f"{r} of {d} dimensions ({found.moved} moved), singular values {r} and {r + 1} a factor "
        f"{found.gap:.0f} apart. At least {r} samples were used, and a record outside that span "
        "was not, if what its gradients added there stood above the noise."
    )
