"""What a search may cost, counted in operations and not in seconds.

A limit in seconds would make the verdict depend on what else the machine does. The unit is a
floating-point operation of a matrix product; decompositions are weighted by what they take next to
one, so that the count follows the time of an idle core within a factor of two.
"""

from __future__ import annotations

from dataclasses import dataclass

BUDGET = 4e11
"""What one search may cost: about 40 seconds of one core."""

_STEP = 1e6
"""What a step costs whatever its size."""


@dataclass(slots=True)
class Work:
    """The operations that are left.

    Attributes:
        left: Their number; nothing further is begun once it is spent.
    """

    left: float = BUDGET

    @property
    def over(self) -> bool:
        """Whether all is spent."""
        return self.left <= 0

    def spend(self, operations: float) -> None:
        """Count operations, beyond what every step costs."""
        self.left -= operations + _STEP


def decomposition(rows: int, columns: int) -> float:
    """Return the number of operations of a singular value decomposition."""
    return rows * columns * (5.0 * min(rows, columns) + 400.0)
