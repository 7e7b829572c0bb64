"""Polarization: from a form to its symmetric tensor."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from identify.arrays import FloatArray

MAX_ENTRIES = 10**7
"""Largest number of entries of a tensor that is formed."""


def polarize(p: Callable[[FloatArray], FloatArray], d: int, alpha: int) -> FloatArray:
    """Form the symmetric tensor T of a form p(w) = T(w, ..., w) (arXiv 2602.08723, appendix A.2).

    Args:
        p: Evaluates the form at the rows of a (k, d) array: (k,) values.
        d: Number of variables.
        alpha: Degree of the form, at least 1.

    Returns:
        The tensor, shape (d,) * alpha.

    Raises:
        ValueError: If the tensor has more than ``MAX_ENTRIES`` entries.
    """
    if d**alpha > MAX_ENTRIES:
        raise ValueError(
            f"d, alpha: found {d}**{alpha} entries, more than {MAX_ENTRIES}; pass fewer variables"
        )
    # T(u_1, ..., u_alpha) = 1 / (alpha! 2^alpha) sum_signs prod(signs) p(sum_t sign_t u_t) at basis
    # vectors u_t; the summand does not change when all signs flip, so the first stays +
    identity = np.eye(d)
    indices = np.array(list(itertools.combinations_with_replacement(range(d), alpha)))
    entries = np.zeros(len(indices))
    for signs in itertools.product((1.0, -1.0), repeat=alpha - 1):
        points = identity[indices[:, 0]].copy()
        for sign, column in zip(signs, range(1, alpha), strict=True):
            points += sign * identity[indices[:, column]]
        entries += math.prod(signs) * p(points)
    entries *= 2 / (math.factorial(alpha) * 2**alpha)
    tensor = np.zeros((d,) * alpha)
    for order in itertools.permutations(range(alpha)):
        tensor[tuple(indices[:, order].T)] = entries
    return tensor
