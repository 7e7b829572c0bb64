"""Reads files saved by torch, with the tensors that programs nest in them.

A pickle is a program. Torch runs the harmless part of it (``weights_only=True``) and refuses the
rest; before that its steps are counted without running any, so that its length is bounded too.
"""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from identify.checkpoints import limits
from identify.checkpoints.limits import FEW, SAVE, RefusedError, check_archive, check_count, quoted
from identify.checkpoints.names import WRAPPERS, Contents

MAX_STEPS = 500_000
"""Largest number of steps of a pickle; a tensor takes about forty."""

MAX_BUILT = 3 * limits.MAX_TENSORS
"""Largest number of objects a pickle builds; a tensor takes two, a parameter three."""

MAX_DEPTH = 4
"""Dictionaries in dictionaries that are looked into."""

MAX_NAME = 1000
"""Longest name that is looked at."""

_LEGACY_PICKLES = 4
"""Pickles ahead of the numbers in a file that is no zip archive: magic, version, machine, content.
"""

_BUILDS = frozenset({"BUILD", "INST", "NEWOBJ", "NEWOBJ_EX", "OBJ", "REDUCE"})
_PADS = frozenset({"builtins bytearray", "__builtin__ bytearray"})
_NOTHING = (
    "found no tensors that can be read where torch.load(weights_only=True) reads tensors only"
)
_MODEL = "save model.state_dict(), or the weights as .safetensors"

Path = tuple[str, ...]


def read_torch(handle: BinaryIO) -> Contents:
    """Read the tensors of a file saved by torch, also those in dictionaries within it.

    Args:
        handle: The file.

    Returns:
        The tensors. What is under ``WRAPPERS`` goes by the name it has there, unless that occurs
        twice; everything else by its path, joined by dots.

    Raises:
        RefusedError: If the file holds code, too much, or no dictionary.
    """
    _check_pickles(handle)
    import torch  # after the check: it takes seconds

    handle.seek(0)
    try:
        content = torch.load(handle, map_location="cpu", weights_only=True)
    except Exception as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        if not named:
            raise RefusedError(f"{_NOTHING}; {_MODEL}") from error
        raise RefusedError(
            f"found a reference to {quoted(named[1])[1:-1]}, which is code, where "
            f"torch.load(weights_only=True) reads tensors only; {_MODEL}"
        ) from error
    if not isinstance(content, Mapping):
        raise RefusedError(f"found a {type(content).__name__}; save a dict of tensors, or {SAVE}")
    found: list[tuple[Path, Any]] = []
    for path, value in _leaves(content):
        if isinstance(value, torch.Tensor):
            if value.numel() * 8 > limits.MAX_BYTES:  # an expanded tensor is small in the file
                raise RefusedError(
                    f"found {quoted(path[-1])} to be larger than {limits.MAX_BYTES} bytes; {SAVE}"
                )
            found.append((path, value))
            check_count(len(found))
    return _named(found)


def _check_pickles(handle: BinaryIO) -> None:
    # Refuse pickles of too many steps, running none of them.
    try:
        if not zipfile.is_zipfile(handle):
            handle.seek(0)
            for _ in range(_LEGACY_PICKLES):
                _check_steps(handle)
            return
        entries = [e for e in check_archive(handle) if e.filename.lower().endswith(".pkl")]
        with zipfile.ZipFile(handle) as archive:
            for entry in entries:
                if entry.file_size > limits.MAX_HEADER:
                    raise RefusedError(
                        f"found a list of contents of {entry.file_size} bytes, more than "
                        f"{limits.MAX_HEADER}; {FEW}"
                    )
                with archive.open(entry) as stream:
                    _check_steps(stream)
    except RefusedError:
        raise
    except Exception as error:
        raise RefusedError(f"{_NOTHING}; {_MODEL}") from error


def _check_steps(stream: Any) -> None:
    built = 0
    for count, (step, argument, _) in enumerate(pickletools.genops(stream)):
        built += step.name in _BUILDS
        if count > MAX_STEPS or built > MAX_BUILT:
            raise RefusedError(
                f"found a pickle of more than {MAX_STEPS} steps, or that builds more than "
                f"{MAX_BUILT} objects; {FEW}"
            )
        if argument in _PADS:  # one number in the file, any number of bytes in memory
            raise RefusedError(f"found a bytearray where only tensors are read; {_MODEL}")


def _leaves(content: Mapping[Any, Any]) -> Iterator[tuple[Path, Any]]:
    # Every value that is no dictionary, with its path; one that is met twice counts twice.
    waiting: deque[tuple[Mapping[Any, Any], Path]] = deque([(content, ())])
    left = MAX_STEPS
    while waiting:
        level, path = waiting.popleft()
        left -= len(level)
        if left < 0:
            raise RefusedError(f"found more than {MAX_STEPS} names in dictionaries; {FEW}")
        for key, value in level.items():
            if not isinstance(key, str | int) or len(inner := str(key)) > MAX_NAME:
                continue
            if not isinstance(value, Mapping):
                yield (*path, inner), value
            elif len(path) + 1 < MAX_DEPTH:
                waiting.append((value, (*path, inner)))


def _named(found: list[tuple[Path, Any]]) -> Contents:
    # Name what stands under wrappers by what is below them, everything else by its path.
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
