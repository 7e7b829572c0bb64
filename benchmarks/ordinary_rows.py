"""Rows of a benchmark on file: one a network, written as each is finished."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

from identify.files import write_atomic

RESULTS = Path(__file__).parent / "results"


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows on file, none where there is no file."""
    return json.loads(path.read_text())["rows"] if path.exists() else []


def write_rows(path: Path, rows: list[dict[str, Any]], order: list[str]) -> None:
    """Write the rows by family and seed, one a line, with what they were computed by."""
    place = {name: k for k, name in enumerate(order)}
    rows = sorted(rows, key=lambda row: (place.get(row["family"], len(place)), row["seed"]))
    machine = {"processor": platform.machine(), "numpy": np.__version__, "torch": torch.__version__}
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    write_atomic(path, f'{{"machine": {json.dumps(machine)},\n "rows": [\n{lines}\n]}}\n')
