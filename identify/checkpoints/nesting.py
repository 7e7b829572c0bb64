"""Tensors in dictionaries within dictionaries, as programs nest them, and the names they go by."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Any

from identify.checkpoints.limits import FEW, RefusedError, quoted
from identify.checkpoints.names import WRAPPERS, Contents

MAX_NAMES = 500_000
"""Largest number of names that is looked at."""

MAX_DEPTH = 4
"""Dictionaries in dictionaries that are looked into."""

MAX_NAME = 1000
"""Longest name that is looked at."""

Path = tuple[str, ...]


def leaves(content: Mapping[Any, Any]) -> Iterator[tuple[Path, Any]]:
    """Every value that is no dictionary, with its path; one that is met twice counts twice."""
    waiting: deque[tuple[Mapping[Any, Any], Path]] = deque([(content, ())])
    left = MAX_NAMES
    while waiting:
        level, path = waiting.popleft()
        left -= len(level)
        if left < 0:
            raise RefusedError(f"found more than {MAX_NAMES} names in dictionaries; {FEW}")
        for key, value in level.items():
            if not isinstance(key, str | int) or len(inner := str(key)) > MAX_NAME:
                continue
            if not isinstance(value, Mapping):
                yield (*path, inner), value
            elif len(path) + 1 < MAX_DEPTH:
                waiting.append((value, (*path, inner)))


def named(found: list[tuple[Path, Any]]) -> Contents:
    """Name what stands under wrappers by what is below them, everything else by its path.

    Returns:
        The values by name; a name below wrappers that occurs twice gives way to the paths.

    Raises:
        RefusedError: If two paths are written alike.
    """
    short = [_below(path) for path, _ in found]
    often = Counter(short)
    model: dict[str, Any] = {}
    other: dict[str, Any] = {}
    for (path, value), name in zip(found, short, strict=True):
        label = ".".join(path) if name is None or often[name] > 1 else name
        if label in model or label in other:
            raise RefusedError(f"found two tensors named {quoted(label)}; save each one once")
        (other if name is None else model)[label] = value
    return Contents(model, other)


def _below(path: Path) -> str | None:
    # The part of a path below its last wrapper; None where it has none and is not at the top.
    inside = [depth for depth, key in enumerate(path[:-1]) if key in WRAPPERS]
    if not inside and len(path) > 1:
        return None
    return ".".join(path[inside[-1] + 1 :] if inside else path)
