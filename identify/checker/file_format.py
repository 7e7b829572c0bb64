"""Certificate files: JSON with floats in hexadecimal, so that every number is exact.

Files are untrusted: their size is limited, every value is checked, nothing is executed.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from identify.arrays import FloatArray

FORMAT = "identify-certificate 1"
"""First value of every file."""

MAX_FILE_BYTES = 4 * 2**20
"""Largest file that is read: 1,700 unknowns in 1,000 dimensions take 1 MB."""

_MAX_DIGITS = 4000
"""Digits an integer of a kernel may have."""

_HEX = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}")


def weights_digest(weights: Mapping[str, FloatArray]) -> str:
    """Return the SHA-256 of weights: names, shapes and float64 values, little-endian."""
    found = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name], dtype="<f8")
        found.update(f"{name} {array.shape};".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def as_hex(values: FloatArray | float) -> Any:
    """Write floats as hexadecimal strings, nested like the array; infinity as None."""
    if isinstance(values, np.ndarray):
        return [as_hex(v) for v in (values.tolist() if values.ndim == 1 else values)]
    return None if math.isinf(values) else float(values).hex()


def certificate_text(content: Mapping[str, Any]) -> str:
    """Write a certificate, one line per field."""
    fields = {"format": FORMAT, **content}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_certificate(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the fields of a certificate file.

    Returns:
        The fields.

    Raises:
        ValueError: If there is no such file, or it is no certificate; names what was found.
    """
    label = f"certificate: {str(path)!r}"
    try:
        file = Path(path)
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{label}: found no regular file; {_REMEDY}")
        if status.st_size > MAX_FILE_BYTES:
            raise ValueError(f"{label}: found {status.st_size} bytes, more than {MAX_FILE_BYTES}")
        text = file.read_bytes()[: MAX_FILE_BYTES + 1].decode("utf-8")
    except OSError as error:
        raise ValueError(
            f"{label}: found no readable file ({error.strerror}); {_REMEDY}"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{label}: found no text in UTF-8; {_REMEDY}") from error
    try:
        content = json.loads(
            text,
            parse_constant=_refuse,
            parse_float=_refuse,
            parse_int=_integer,
            object_pairs_hook=_once,
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{label}: found no certificate ({type(error).__name__}); {_REMEDY}"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{label}: found no format {FORMAT!r}; {_REMEDY}")
    return content


class Fields:
    """Typed access to the fields of a certificate; a ValueError names the one that is wrong."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        """Take the parsed file."""
        self.content = content

    def text(self, name: str, choices: tuple[str, ...]) -> str:
        """One of some words."""
        value = self.content.get(name)
        if not isinstance(value, str) or value not in choices:
            raise self._wrong(name, f"one of {', '.join(choices)}")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.content.get(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def number(self, name: str, low: float, high: float) -> float:
        """A hexadecimal float in a range."""
        value = self._float(name, self.content.get(name))
        if not low <= value <= high:
            raise self._wrong(name, f"a number from {low:g} to {high:g}")
        return value

    def vector(self, name: str, length: int | None = None, *, unknown: bool = False) -> FloatArray:
        """Hexadecimal floats; with ``unknown``, null stands for infinity."""
        value = self.content.get(name)
        if not isinstance(value, list) or not value or (length not in {None, len(value)}):
            raise self._wrong(name, "a list" if length is None else f"a list of {length}")
        return np.array([np.inf if unknown and v is None else self._float(name, v) for v in value])

    def matrix(self, name: str, rows: int | None = None, columns: int | None = None) -> FloatArray:
        """Rows of hexadecimal floats."""
        value = self.content.get(name)
        if not isinstance(value, list) or not value or (rows not in {None, len(value)}):
            raise self._wrong(name, "a list of rows" if rows is None else f"{rows} rows")
        if not isinstance(value[0], list):
            raise self._wrong(name, "a list of rows")
        width = len(value[0]) if columns is None else columns
        if width < 1 or any(not isinstance(row, list) or len(row) != width for row in value):
            raise self._wrong(name, f"rows of {width}")
        return np.array([[self._float(name, v) for v in row] for row in value])

    def integer(self, name: str, most: int) -> int:
        """An integer from 0 to a largest one."""
        return Fields({name: [self.content.get(name)]}).integers(name, most)[0]

    def integers(self, name: str, most: int) -> tuple[int, ...]:
        """A list of integers from 0 to a largest one."""
        value = self.content.get(name)
        fine = isinstance(value, list) and all(
            isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= most for v in value
        )
        if not fine:
            raise self._wrong(name, f"a list of integers from 0 to {most}")
        assert isinstance(value, list)
        return tuple(value)

    def part(self, name: str) -> Fields | None:
        """The fields of an object, None for null."""
        value = self.content.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(name, "an object, or null")
        return Fields(value)

    def _float(self, name: str, value: object) -> float:
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            raise self._wrong(name, "floats in hexadecimal, such as 0x1.8p+1")
        found = float.fromhex(value)
        if not math.isfinite(found):
            raise self._wrong(name, "finite floats")
        return found

    def _wrong(self, name: str, expected: str) -> ValueError:
        return ValueError(f"certificate: field {name!r} is not {expected}")


_REMEDY = "pass a file written by identify verify --certificate"


def _refuse(_: str) -> Any:
    raise ValueError("a number that is not in hexadecimal")


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("an integer too long")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found
