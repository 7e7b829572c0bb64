"""What was decided and on what evidence: the report of :func:`identify.verify_identifiability`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from identify.arrays import FloatArray
from identify.findings import Findings
from identify.rendering.json import to_dict, write_json
from identify.rendering.text import render_text


@dataclass(frozen=True, slots=True)
class IdentifiabilityReport(Findings):
    """The answer of :func:`identify.verify_identifiability`: findings, and ways to show them."""

    def __str__(self) -> str:
        return render_text(self)

    def _repr_html_(self) -> str:
        from identify.rendering.notebook import render_notebook

        return render_notebook(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-safe values.

        Returns:
            A dictionary; infinities and nan are the strings "inf", "-inf" and "nan".
        """
        return to_dict(self)

    def to_json(self, path: str | Path) -> None:
        """Write the report as JSON.

        Args:
            path: The file to write.
        """
        write_json(self, path)

    def to_html(
        self,
        path: str | Path,
        *,
        truth: FloatArray | None = None,
        image_shape: tuple[int, ...] | None = None,
    ) -> None:
        """Write the report as one self-contained page.

        Args:
            path: The file to write.
            truth: True samples to be shown beside the recovered ones, (n, d).
            image_shape: Shape of a sample as a picture; None guesses it from d.
        """
        from identify.rendering.html import write_html

        write_html(self, path, truth=truth, image_shape=image_shape)
