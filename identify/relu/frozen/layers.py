"""Frozen layers h_k = relu(W_k h_{k-1} + b_k), and what is known of a sample on the way down.

With c > 0 unknown, (c h_{k-1}, c) goes to (c h_k, c): an unknown factor is one more coordinate, and
b_k its column. Without any bias the factor passes through, and only directions are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import Float64, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class FrozenLayer:
    """A layer that training left as it was.

    Attributes:
        weight: W.
        bias: b, or None.
        precision: The eps of the type it is stored in, taken for that it computes in.
    """

    weight: Float64[FloatArray, "h d"]
    bias: Float64[FloatArray, " h"] | None
    precision: float

    def rounding(self, rows: FloatArray, y: FloatArray) -> float:
        """Bound the rounding of rows at y in the layer's own type, in norm (Higham 2002, 3.1)."""
        # whatever the order, d products add up to within (d + 2) eps / 2 of the sum of their sizes
        sizes = np.abs(rows) @ np.abs(y)
        return (rows.shape[1] + 2) * self.precision / 2 * float(np.linalg.norm(sizes))


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of one sample at one layer.

    Attributes:
        point: Its entries, up to a positive factor unless ``scaled``; then of norm 1.
        radius: Bound on the distance from the truth, inf where nothing is claimed.
        scaled: Whether the factor is known.
        active: Rows of the layer above that were certainly on, of which it was computed.
        determined: Directions that those rows determine.
        unknowns: Directions there are.
        why: What keeps it from being determined: "" nothing, "features" features without a bound,
            "against" rows that contradict it, "open" a direction left open, "few" too few rows for
            several layers at once, "unsolved" no solution found.
        local: Whether other samples farther away are excluded by counting only.
    """

    point: FloatArray
    radius: float
    scaled: bool
    active: int = 0
    determined: int = 0
    unknowns: int = 0
    why: str = ""
    local: bool = False


def without_factor(
    y: FloatArray, radius: float, *, scaled: bool, has_factor: bool
) -> tuple[FloatArray, float]:
    """Return a sample and its radius from coordinates of which the last may be the factor c.

    (y + dy) / (c + dc) differs from y / c by (dy - x dc) / (c + dc), so by at most
    radius sqrt(1 + |x|^2) / (c - radius). Without a factor to divide by, y becomes a unit vector.
    """
    if scaled:
        return y, radius
    if has_factor:
        c = float(y[-1])
        if not c > radius:
            return y[:-1] / (c if c > 0 else 1.0), np.inf
        x = y[:-1] / c
        return x, radius * float(np.sqrt(1 + x @ x)) / (c - radius)
    size = float(np.linalg.norm(y)) or 1.0
    e = radius / size
    return y / size, e / (1 - e / 2) if e < 1 else np.inf
