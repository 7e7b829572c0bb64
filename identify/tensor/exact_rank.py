"""The rank conditions in exact arithmetic: finds the minor that ``identify.checker`` checks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from identify.arrays import FloatArray
from identify.checker.check import NEEDED
from identify.checker.feature_rank import MOST_FEATURES, FeatureRankClaims, ModularFeatures
from identify.checker.modular import independent_minor
from identify.equations.pose import Problem

PRIMES = (8388593, 8388587, 8388581)
"""The largest primes below 2^23. One of them misses a rank by accident in a matrix of thousands."""

_SPARE = 64
"""More rows than features add nothing but time; a few make up for accidents."""


def stored_weights(problem: Problem) -> dict[str, FloatArray]:
    """Return the weights that the equations speak of, before division by the decay."""
    stored = problem.stored
    every = {"a": stored.a, "W": stored.W, "a0": stored.a0, "W0": stored.W0}
    names = NEEDED[problem.setting]
    return {name: values for name, values in every.items() if name in names and values is not None}


def prove_rank(problem: Problem, condition: str) -> FeatureRankClaims | None:
    """Find the largest minor of a condition's features; None where there are too many of them."""
    equations, base = problem.equations, problem.evaluations.base
    claims = FeatureRankClaims(
        setting=problem.setting,
        coefficients=equations.activation.coefficients,
        base=0.5 if base == "midpoint" else 0.0,
        decay=problem.decay,
        condition=condition,
        basis=None if equations.by_value else problem.space.basis,
        prime=PRIMES[0],
        rows=(),
        columns=(),
    )
    weights = stored_weights(problem)
    for prime in PRIMES:
        features = ModularFeatures(replace(claims, prime=prime), weights)
        _, N = features.shape
        if N > MOST_FEATURES:
            return None
        r = equations.points.shape[1]
        stated = np.repeat(features.stated, r) if condition == "symmetric" else features.stated
        rows = _spread(np.flatnonzero(stated), N + _SPARE)
        chosen, columns = independent_minor(features.at(rows), prime)
        if len(chosen) > len(claims.rows):
            found = tuple(np.sort(rows[chosen]).tolist())
            claims = replace(claims, prime=prime, rows=found, columns=tuple(columns.tolist()))
        if len(chosen) == min(len(rows), N):
            break
    return claims


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """Take every so many rows, so that the coordinates of many neurons are among them."""
    if len(rows) <= most:
        return rows
    return rows[np.unique(np.linspace(0, len(rows) - 1, most).astype(np.int64))]
