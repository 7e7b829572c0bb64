"""The log of a sweep: one line a row, written whole and never again; a torn line is skipped."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from identify.sweep.cells import Row

DIED = "died"
"""State of a cell whose workers died; it is tried again by the next run."""


class RowLog:
    """Appends rows to a file that no other process writes meanwhile."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def append(self, row: Row) -> None:
        """Write a row by one call and wait until the disk has it."""
        line = json.dumps(row, sort_keys=True) + "\n"
        os.write(self._handle, line.encode("utf-8", "backslashreplace"))
        os.fsync(self._handle)


@contextmanager
def open_log(path: Path) -> Iterator[RowLog]:
    """Open a log for appending; what a killed process left of a line is closed first.

    Yields:
        The log.

    Raises:
        ValueError: If another run writes it.
    """
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        _lock(handle, path)
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            os.write(handle, b"\n")
        yield RowLog(handle)
    finally:
        os.close(handle)


def read_log(path: Path) -> dict[str, Row]:
    """Read the rows by their keys, the last of each; lines that are no rows are skipped."""
    rows: dict[str, Row] = {}
    if not path.exists():
        return rows
    with path.open("rb") as handle:
        for line in handle:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and isinstance(row.get("key"), str) and "state" in row:
                rows[row["key"]] = row
    return rows


def _lock(handle: int, path: Path) -> None:
    # The system lets go of it however the process ends.
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ValueError(
            f"out: found another run that writes {str(path)!r}; wait for it, or pass another folder"
        ) from error
