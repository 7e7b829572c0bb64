"""The rank conditions of Theorem 4.1 for weights as stored, from below, modulo a prime.

Features of the points w_j (``ball_equations``) in the coordinates of a basis, B^T w_j; a linear map
raises no rank, so what is proved holds for the points themselves:

    gram        monomials of degrees k - 1          one row per neuron: rank(K) = N
    symmetric   gradients of monomials of degree k  one row per neuron and coordinate
    value       monomials of degrees k              one row per neuron (random features)

for all degrees k >= 1 of sigma. Neurons with s_j = 0 state nothing and are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb

import numpy as np

from identify.arrays import FloatArray, IntArray
from identify.checker.modular import (
    float_residues,
    independent_minor,
    is_usable_prime,
    product_residues,
)

MOST_FEATURES = 3000
"""Largest number of features whose rank is computed (some seconds)."""


@dataclass(frozen=True, slots=True)
class FeatureRankClaims:
    """A minor of the features that is not 0 modulo a prime.

    Attributes:
        setting: "kkt", "known-init" or "random-features".
        coefficients: c_0, ..., c_alpha of sigma.
        base: known-init: 0 for the initial weights, 1/2 for the midpoint.
        decay: known-init: rho.
        condition: "gram", "symmetric" or "value".
        basis: B, (d, r), or None for the identity.
        prime: The prime.
        rows: Rows of the minor.
        columns: Its columns: monomials in lexicographic order, low degrees first.
    """

    setting: str
    coefficients: tuple[float, ...]
    base: float
    decay: float
    condition: str
    basis: FloatArray | None
    prime: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]


class ModularFeatures:
    """The features modulo a prime."""

    def __init__(self, claims: FeatureRankClaims, weights: Mapping[str, FloatArray]) -> None:
        """Reduce the points."""
        self.p, self.condition = claims.prime, claims.condition
        points, scale = _points(claims, weights)
        self.stated = scale != 0
        if claims.basis is not None:
            points = product_residues(points, float_residues(claims.basis, self.p), self.p)
        self.points = points
        self.degrees = [
            k - (claims.condition == "gram") for k, c in enumerate(claims.coefficients) if k and c
        ]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the whole feature matrix."""
        m, r = self.points.shape
        rows = m * r if self.condition == "symmetric" else m
        return rows, sum(comb(r + k - 1, k) for k in self.degrees)

    def at(self, rows: IntArray) -> FloatArray:
        """All columns of some rows."""
        r = self.points.shape[1]
        u = self.points[rows // r if self.condition == "symmetric" else rows]
        blocks = [self._monomials(u, k, rows % r) for k in self.degrees]
        return np.hstack(blocks)

    def _monomials(self, u: FloatArray, k: int, axis: IntArray) -> FloatArray:
        r = u.shape[1]
        listed = list(combinations_with_replacement(range(r), k))
        indices = np.array(listed, dtype=np.int64).reshape(len(listed), k)
        if self.condition != "symmetric":
            return self._product(u, indices, np.ones((len(u), len(indices))))
        total = np.zeros((len(u), len(indices)))
        for place in range(k):  # d/du_axis by the product rule
            others = np.delete(indices, place, axis=1)
            chosen = (indices[:, place] == axis[:, None]).astype(np.float64)
            total += self._product(u, others, chosen)
        return total % self.p

    def _product(self, u: FloatArray, indices: IntArray, start: FloatArray) -> FloatArray:
        for column in indices.T:
            start = start * u[:, column]
            start = start - self.p * np.floor(start / self.p)
        return start


def _points(
    claims: FeatureRankClaims, weights: Mapping[str, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Return w_j and s_j modulo p."""
    p = claims.prime
    W, a = float_residues(weights["W"], p), float_residues(weights["a"], p)
    if claims.setting == "random-features":
        return W, np.ones(len(W))
    if claims.setting == "kkt":
        return W, a
    W0, a0 = float_residues(weights["W0"], p), float_residues(weights["a0"], p)
    decay = int(float_residues(np.array([claims.decay]), p)[0])
    if decay == 0:
        raise ValueError(f"prime: {p} divides the decay; pass another prime")
    base = int(float_residues(np.array([claims.base]), p)[0])
    undone = pow(decay, -1, p)
    W = W * undone % p
    if not np.array_equal(weights["a"], weights["a0"]):
        a = a * undone % p
    points, scale = (((1 - base) % p * old + base * new) % p for old, new in ((W0, W), (a0, a)))
    return points, scale


def check_feature_rank(
    claims: FeatureRankClaims, weights: Mapping[str, FloatArray]
) -> tuple[str, ...]:
    """Prove the rank for the weights.

    Returns:
        What is proved, as a sentence.

    Raises:
        ValueError: If it is not proved; names what is wrong.
    """
    if not is_usable_prime(claims.prime):
        raise ValueError(f"prime: found {claims.prime}; a rank needs an odd prime below 2^23")
    features = ModularFeatures(claims, weights)
    m, N = features.shape
    if N > MOST_FEATURES:
        raise ValueError(f"rank: found {N} features; at most {MOST_FEATURES} are checked")
    rows, columns = (np.array(found, dtype=np.int64) for found in (claims.rows, claims.columns))
    for name, found, length in (("rows", rows, m), ("columns", columns, N)):
        if len(found) and (found[-1] >= length or np.any(np.diff(found) <= 0)):
            raise ValueError(f"{name}: found indices beyond {length - 1}, repeated or unordered")
    if len(rows) != len(columns):
        raise ValueError(f"rows, columns: found {len(rows)} and {len(columns)}; a minor is square")
    neurons = rows // features.points.shape[1] if claims.condition == "symmetric" else rows
    if not np.all(features.stated[neurons]):
        raise ValueError("rows: found a neuron whose output weight is 0 modulo the prime")
    minor = features.at(rows)[:, columns] if len(rows) else np.zeros((0, 0))
    if len(independent_minor(minor, claims.prime)[0]) < len(rows):
        raise ValueError(f"rows, columns: found a minor that is 0 modulo {claims.prime}")
    return (said_of_rank(claims, N),)


def said_of_rank(claims: FeatureRankClaims, N: int) -> str:
    """Say what a proved rank means."""
    kinds = {"gram": "Gram", "symmetric": "symmetric (gradient)", "value": "value"}
    full = ", which is full" if len(claims.rows) == N else ""
    return (
        f"In exact arithmetic the {kinds[claims.condition]} feature matrix of the weights as "
        f"stored has rank at least {len(claims.rows)} of {N}{full} (a minor modulo {claims.prime})."
    )
