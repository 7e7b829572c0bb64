"""Reads files saved by torch, with the tensors that programs nest in them.

A pickle is a program. Torch runs the harmless part of it (``weights_only=True``) and refuses the
rest. Before that its steps are counted and followed without running any (``pickles``), so that its
length is bounded, and what torch would refuse is refused before torch is imported.
"""

from __future__ import annotations

import io
import os
import pickletools
import re
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from identify.checkpoints import limits
from identify.checkpoints.limits import (
    FEW,
    MODEL,
    SAVE,
    RefusedError,
    check_archive,
    check_tensor_count,
    is_code,
    quoted,
)
from identify.checkpoints.names import Contents
from identify.checkpoints.nesting import leaves, named
from identify.checkpoints.pickle_names import WIDTHS, Layout
from identify.checkpoints.pickles import Described, describe
from identify.checkpoints.stored import Stored, from_torch

MAX_STEPS = 500_000
"""Largest number of steps of a pickle; a tensor takes about forty."""

MAX_BUILT = 3 * limits.MAX_TENSORS
"""Largest number of objects a pickle builds; a tensor takes two, a parameter three."""

HELD = 16 * 2**20
"""Bytes read from a file that is mapped into memory before its pages are given back."""

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
"""What a file that is no zip archive begins with, each a pickle of its own; then what the machine
was, the content, and the names of the storages, whose numbers follow."""

_DIRECTORY = 0x10
"""The attribute of an entry of a zip archive that is a directory."""

_BUILDS = frozenset({"BUILD", "INST", "NEWOBJ", "NEWOBJ_EX", "OBJ", "REDUCE"})
_PADS = frozenset({"builtins bytearray", "__builtin__ bytearray"})
_NOTHING = (
    "found no tensors that can be read where torch.load(weights_only=True) reads tensors only"
)


class _Opened:
    # The tensors of a file, loaded by torch when the first is read. Where the file is mapped into
    # memory, pages that were read count as memory of the process until the map is dropped, so it is
    # mapped anew after every ``HELD`` bytes.

    def __init__(self, file: Path, *, mapped: bool) -> None:
        self.file, self.mapped = file, mapped
        self.drop()

    def drop(self) -> None:
        self.tensors: list[Any] = []
        self.held = 0

    def read(
        self, index: int, shape: tuple[int, ...], dtype: str, rows: slice | None
    ) -> NDArray[Any]:
        if self.mapped and self.held > HELD:
            self.drop()
        if not self.tensors:
            self.tensors = [tensor for _, tensor in _tensors(self.file, mapped=self.mapped)]
        stored = from_torch(self.tensors[index])
        if (stored.shape, stored.dtype) != (shape, dtype):
            raise RefusedError("found another file than the one that was opened; open it anew")
        values = np.array(stored.read(rows))
        self.held += values.nbytes
        return values


def read_torch(file: Path, handle: BinaryIO, most: int, *, rows: bool) -> Contents:
    """Return the tensors of a file saved by torch, also those in dictionaries within it.

    What is under ``WRAPPERS`` goes by the name it has there, unless that occurs twice; everything
    else by its path, joined by dots. Values are read when they are asked for; for ``rows`` they
    stay in the file until then, where its format allows it.

    Raises:
        RefusedError: If the file holds code, more than ``most`` bytes, or no dictionary.
    """
    mapped, described = _check_pickles(handle, most)
    opened = _Opened(file, mapped=mapped and rows)
    if described.complete:
        told = _leaves(described.content, Layout)
        _check_sizes([(p, t.count, WIDTHS[t.dtype]) for p, t in told], opened, most)
        if not rows:
            stored = [Stored(t.shape, t.dtype, lambda _: np.empty(0)) for _, t in told]
            return _lazily(opened, [path for path, _ in told], stored)
    tensors = _tensors(file, mapped=opened.mapped)
    _check_sizes([(p, t.numel(), t.element_size()) for p, t in tensors], opened, most)
    stored = [from_torch(tensor) for _, tensor in tensors]
    if opened.mapped:
        return _lazily(opened, [path for path, _ in tensors], stored)
    return named([(path, one) for (path, _), one in zip(tensors, stored, strict=True)])


def _lazily(opened: _Opened, paths: list[tuple[str, ...]], stored: list[Stored]) -> Contents:
    # The same tensors by name, each read from the file when it is asked for.
    late = [
        replace(one, read=partial(opened.read, index, one.shape, one.dtype))
        for index, one in enumerate(stored)
    ]
    return named(list(zip(paths, late, strict=True)))


def _check_sizes(
    tensors: list[tuple[tuple[str, ...], int, int]], opened: _Opened, most: int
) -> None:
    # Refuse too many tensors, and one that is small in the file but expanded to more than ``most``.
    check_tensor_count(len(tensors))
    for path, count, width in tensors:
        if count * (width if opened.mapped else 8) > most:
            raise RefusedError(f"found {quoted(path[-1])} to be larger than {most} bytes; {SAVE}")


def _leaves(content: Any, kind: type) -> list[tuple[tuple[str, ...], Any]]:
    if not isinstance(content, Mapping):
        found = "Tensor" if isinstance(content, kind) else type(content).__name__
        raise RefusedError(f"found a {found}; save a dict of tensors, or {SAVE}")
    return [(path, value) for path, value in leaves(content) if isinstance(value, kind)]


def _tensors(file: Path, *, mapped: bool) -> list[tuple[tuple[str, ...], Any]]:
    # Every tensor of a file with its path; torch runs nothing that the pickle names.
    import torch  # after the check: it takes seconds

    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:
        code = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise (is_code(code[1]) if code else RefusedError(f"{_NOTHING}; {MODEL}")) from error
    return _leaves(content, torch.Tensor)


def _check_pickles(handle: BinaryIO, most: int) -> tuple[bool, Described]:
    # Refuse pickles that torch would refuse, running none of them; whether the file can be mapped,
    # and what it holds.
    try:
        if not zipfile.is_zipfile(handle):
            return False, _describe_plain(handle)
        entries = check_archive(handle, most)
        with zipfile.ZipFile(handle) as archive:
            described = _describe_archive(archive, entries)
        return all(entry.compress_type == zipfile.ZIP_STORED for entry in entries), described
    except RefusedError:
        raise
    except Exception as error:
        raise RefusedError(f"{_NOTHING}; {MODEL}") from error


def _describe_archive(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> Described:
    # The content of an archive, whose storages have to be there in full.
    for entry in entries:
        _check_packing(entry)
    if len({entry.filename.lower() for entry in entries}) < len(entries):
        raise ValueError("two entries have one name, which is told without regard to case")
    root = entries[0].filename.split("/")[0]
    content = None
    for entry in entries:
        if not entry.filename.lower().endswith(".pkl"):
            continue
        if entry.file_size > limits.MAX_HEADER:
            raise RefusedError(
                f"found a list of contents of {entry.file_size} bytes, more than "
                f"{limits.MAX_HEADER}; {FEW}"
            )
        with archive.open(entry) as packed:
            stream = io.BytesIO(packed.read())
            if entry.filename == f"{root}/data.pkl":
                content = describe(_steps(stream))
            else:
                deque(_steps(stream), maxlen=0)
    if content is None:
        raise ValueError("the archive has no data.pkl")
    for storage in content.storages.values():
        if archive.getinfo(f"{root}/data/{storage.key}").file_size < storage.size:
            raise ValueError("an entry is shorter than its storage")
    return content


def _check_packing(entry: zipfile.ZipInfo) -> None:
    # Torch reads nothing of an entry marked as a directory, or packed to no bytes, and then takes
    # what happens to lie in memory for the numbers.
    packed, size = entry.compress_size, entry.file_size
    stored = entry.compress_type == zipfile.ZIP_STORED
    if (size and (entry.external_attr & _DIRECTORY or not packed)) or (stored and packed != size):
        raise ValueError("the entry has another size than it says, or is a directory")


def _describe_plain(handle: BinaryIO) -> Described:
    # The content of a file of pickles one behind the other, with numbers behind them.
    handle.seek(0)
    for expected in (_MAGIC, _PROTOCOL):  # a number each, of three steps
        if describe(islice(_steps(handle), 10)).content != expected:
            raise ValueError("the file does not begin as those of torch do")
    deque(_steps(handle), maxlen=0)
    content = describe(_steps(handle))
    keys = describe(_steps(handle)).content
    if not (isinstance(keys, list) and all(isinstance(key, str) for key in keys)):
        raise ValueError("the storages are not named by a list of words")
    if content.complete:
        for storage in map(content.storages.__getitem__, keys):
            if int.from_bytes(handle.read(8), "little") != storage.count:
                raise ValueError("a storage has another size than its tensors say")
            handle.seek(storage.size, os.SEEK_CUR)
        if handle.tell() > handle.seek(0, os.SEEK_END):
            raise ValueError("the file ends before its numbers do")
    return content


def _steps(stream: Any) -> Iterator[tuple[str, Any]]:
    built = 0
    for count, (step, argument, _) in enumerate(pickletools.genops(stream)):
        built += step.name in _BUILDS
        if count > MAX_STEPS or built > MAX_BUILT:
            raise RefusedError(
                f"found a pickle of more than {MAX_STEPS} steps, or that builds more than "
                f"{MAX_BUILT} objects; {FEW}"
            )
        if argument in _PADS:  # one number in the file, any number of bytes in memory
            raise RefusedError(f"found a bytearray where only tensors are read; {MODEL}")
        yield step.name, argument
