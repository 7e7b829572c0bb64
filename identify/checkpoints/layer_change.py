"""What training did to one weight matrix: W_T = rho W_0 + C X + E."""

from __future__ import annotations

from dataclasses import dataclass

from identify.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class LayerChange:
    """What two checkpoints show of one weight matrix.

    Attributes:
        name: Name of the matrix.
        shape: (h, d), without the bias.
        kind: What the layer reads: "inputs", "embedding" or "features".
        has_bias: Whether the last entry of a direction stands for the constant input 1.
        decay: Factor rho of the initial weights, None where it cannot be told.
        rank: Number of linearly independent records whose influence stands above the noise, None
            without a clear gap; at most the number of records used.
        gap: Ratio of the singular values beside the gap, 1 without one.
        noise: Root mean square of the noise of an entry, None without a gap.
        effective_dimension: Number of columns that moved, the bias among them.
        basis: Orthonormal basis of the span of the records as columns, (d, r), r = 0 without a gap;
            d + 1 rows with a bias.
        untouched_rows: Rows that only decayed; for an embedding the tokens never seen.
        untouched_columns: Columns that only decayed: inputs that were always 0.
        singular_values: Of W_T - rho W_0, decreasing.
        linear: Whether the spectrum shows an optimiser that is linear in the gradients.
        reasons: What was found and what it rests on, as full sentences.
    """

    name: str
    shape: tuple[int, int]
    kind: str
    has_bias: bool
    decay: float | None
    rank: int | None
    gap: float
    noise: float | None
    effective_dimension: int
    basis: FloatArray
    untouched_rows: IntArray
    untouched_columns: IntArray
    singular_values: FloatArray
    linear: bool
    reasons: tuple[str, ...]
