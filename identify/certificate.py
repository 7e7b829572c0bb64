"""What was proved about weights, and the file that lets others check it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from identify.arrays import FloatArray
from identify.checker.file_format import certificate_text
from identify.files import write_atomic


@dataclass(frozen=True, slots=True)
class Certificate:
    """What ``certify=True`` proved; ``identify check`` proves it again from the file alone.

    Attributes:
        statement: What is proved, as full sentences.
        numerical: What stays numerical, and why, as full sentences.
        centres: Centres of the balls, (n, d): of |b_i|^(1/alpha) x_i for a power activation, of x_i
            for other polynomials, of x_i / |x_i| for ReLU ([x_i, 1] with a bias).
        radius: Radii of the balls over the lengths of their centres, (n,), with the rounding of
            these; inf without a proof.
        everywhere: Whether the balls hold all sets of at most n samples, wherever they are.
        content: The fields of the file.
    """

    statement: tuple[str, ...]
    numerical: tuple[str, ...]
    centres: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    radius: FloatArray = field(default_factory=lambda: np.zeros(0))
    everywhere: bool = False
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def proved(self) -> bool:
        """Whether every sample has a ball."""
        return len(self.radius) > 0 and bool(np.all(np.isfinite(self.radius)))

    def to_json(self, path: str | Path) -> None:
        """Write the certificate for ``identify check``.

        Args:
            path: The file to write.

        Raises:
            ValueError: If nothing was proved.
        """
        if not self.content:
            raise ValueError("certificate: found nothing proved; " + " ".join(self.numerical))
        write_atomic(path, certificate_text(self.content))


def centre_rounding(r: int) -> float:
    """Bound the error, over their lengths, of centres whose r coordinates were multiplied out."""
    return 2.0**-51 * (r + 4) ** 1.5
