"""The report as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from identify.files import write_atomic
from identify.findings import Findings
from identify.rendering.words import claimed

SCHEMA = 1
"""Raised whenever a key is renamed, removed or given another meaning."""


def to_dict(report: Findings) -> dict[str, Any]:
    """Return the report as plain lists, strings and numbers for :func:`json.dumps`.

    Keys are the field names, preceded by ``schema``. JSON has no infinity, so infinite and
    undefined numbers become the strings ``"inf"``, ``"-inf"`` and ``"nan"``, which ``float`` reads
    back.
    """
    plain: dict[str, Any] = {"schema": SCHEMA, **_plain(report)}
    if report.rank is not None:
        del plain["rank"]["proof"]  # it stands in the certificate
        plain["rank"]["holds"] = bool(report.rank.holds)
        plain["rank"]["symmetric_holds"] = bool(report.rank.symmetric_holds)
    if report.certificate is not None:
        del plain["certificate"]["content"]  # written by its own to_json
    if report.recovery is not None:
        plain["recovery"]["claimed"] = claimed(report.recovery).tolist()
    return plain


def write_json(report: Findings, path: str | Path) -> None:
    """Write the report as JSON, one line per field, in one step."""
    fields = [
        f"  {json.dumps(key)}: {json.dumps(value, allow_nan=False, ensure_ascii=False)}"
        for key, value in to_dict(report).items()
    ]
    write_atomic(path, "{\n" + ",\n".join(fields) + "\n}\n")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
