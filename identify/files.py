"""Files that are never seen half written."""

from __future__ import annotations

import secrets
from pathlib import Path


def write_atomic(path: str | Path, text: str) -> None:
    """Write a text file so that a reader sees either the old content or all of the new.

    Args:
        path: Where to.
        text: The content, written as UTF-8; what UTF-8 cannot hold is escaped.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        draft.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
