"""Polynomial activations, of degree alpha (paper, sections 4.2 and 4.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray

MAX_DEGREE = 16
"""Largest degree accepted: beyond it t**alpha leaves the range of float64 for ordinary weights."""


def integer_power(t: FloatArray, k: int) -> FloatArray:
    """Return t**k, k >= 0, by multiplications, many times faster than NumPy's general power."""
    if k == 0:
        return np.ones_like(t)
    half = integer_power(t, k // 2) if k > 1 else None
    if half is None:
        return t
    return half * half * t if k % 2 else half * half


@dataclass(frozen=True, slots=True)
class Polynomial:
    """An activation sigma(t) = sum_k c_k t^k with c_alpha != 0.

    Attributes:
        coefficients: c_0, ..., c_alpha.
    """

    coefficients: tuple[float, ...]

    @property
    def degree(self) -> int:
        """The degree alpha."""
        return len(self.coefficients) - 1

    @property
    def leading(self) -> float:
        """The leading coefficient c_alpha."""
        return self.coefficients[-1]

    @property
    def is_power(self) -> bool:
        """Whether sigma(t) = c t^alpha, that is, homogeneous."""
        return not any(self.coefficients[:-1])

    @property
    def support(self) -> tuple[int, ...]:
        """The degrees k >= 1 with c_k != 0: those the gradient of the network sees."""
        return tuple(k for k, c in enumerate(self.coefficients) if k >= 1 and c != 0)

    def homogenized(self) -> Polynomial:
        """Return the top-degree part c_alpha t^alpha (paper, eq. 4.4)."""
        return Polynomial((0.0,) * self.degree + (self.leading,))

    def __call__(self, t: FloatArray, order: int = 0) -> FloatArray:
        """Evaluate the ``order``-th derivative of sigma at every entry."""
        if self.is_power:
            alpha = self.degree
            if order > alpha:
                return np.zeros_like(t)
            return (self.leading * math.perm(alpha, order)) * integer_power(t, alpha - order)
        derived = np.polynomial.Polynomial(np.asarray(self.coefficients))
        return derived.deriv(order)(t) if order else derived(t)

    def __str__(self) -> str:
        terms = []
        for k in range(self.degree, -1, -1):
            c = self.coefficients[k]
            if c == 0:
                continue
            power = {0: "", 1: "t"}.get(k, f"t^{k}")
            factor = "" if c == 1 and power else f"{c:g}"
            terms.append(f"{factor} {power}".strip())
        return " + ".join(terms).replace("+ -", "- ")


def parse_activation(activation: int | Sequence[float] | str) -> Polynomial:
    """Turn an int alpha, for t**alpha, or coefficients c_0, ..., c_alpha into a polynomial."""
    expected = (
        f"pass an int alpha (1 <= alpha <= {MAX_DEGREE}) for t**alpha, or coefficients c_0..c_alpha"
    )
    if isinstance(activation, str):
        raise ValueError(
            f"activation: found {activation!r}; only polynomials are decided here; {expected}"
        )
    if isinstance(activation, bool):
        raise ValueError(f"activation: found the bool {activation}; {expected}")
    if isinstance(activation, int | np.integer):
        if not 1 <= activation <= MAX_DEGREE:
            raise ValueError(f"activation: found degree {activation}; {expected}")
        return Polynomial((0.0,) * int(activation) + (1.0,))
    try:
        coefficients = tuple(float(c) for c in activation)
    except (TypeError, ValueError) as error:
        raise ValueError(f"activation: found {activation!r}; {expected}") from error
    if not all(math.isfinite(c) for c in coefficients):
        raise ValueError(
            f"activation: found a coefficient that is not finite in {coefficients}; {expected}"
        )
    if not 2 <= len(coefficients) <= MAX_DEGREE + 1:
        raise ValueError(f"activation: found {len(coefficients)} coefficients; {expected}")
    if coefficients[-1] == 0:
        raise ValueError(
            f"activation: found leading coefficient 0 in {coefficients}; drop it; {expected}"
        )
    return Polynomial(coefficients)
