"""Files that are never seen half written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def draft_of(path: str | Path) -> Iterator[Path]:
    """Yield a path to write to, beside ``path`` and with its suffix, that replaces it at the end.

    A reader, also after a power cut, sees the old content or all of the new; where the writing
    fails, the old stays.
    """
    target = Path(path)
    draft = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.tmp{target.suffix}")
    try:
        yield draft
        with draft.open("rb+") as handle:
            os.fsync(handle.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def write_atomic(path: str | Path, content: str | bytes) -> None:
    """Write a whole file in one step; text as UTF-8, what UTF-8 cannot hold escaped."""
    if isinstance(content, str):
        content = content.encode("utf-8", "backslashreplace")
    with draft_of(path) as draft:
        draft.write_bytes(content)


def check_target(path: Path | None, name: str) -> None:
    """Require that a file can be written there, None being no file; ValueError if not."""
    if path is None:
        return
    if path.is_dir():
        raise ValueError(f"{name}: found the folder {str(path)!r}; pass the name of a file")
    if not path.parent.is_dir():
        raise ValueError(f"{name}: found no folder {str(path.parent)!r}; create it first")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"{name}: found {str(path.parent)!r} not writable; pass another folder")
