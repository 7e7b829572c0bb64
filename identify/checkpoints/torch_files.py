"""Reads files saved by torch, with the tensors that programs nest in them.

A pickle is a program. Torch runs the harmless part of it (``weights_only=True``) and refuses the
rest; before that its steps are counted without running any, so that its length is bounded too.
"""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from identify.checkpoints import limits
from identify.checkpoints.limits import (
    FEW,
    SAVE,
    RefusedError,
    check_archive,
    check_tensor_count,
    quoted,
)
from identify.checkpoints.names import Contents
from identify.checkpoints.nesting import leaves, named
from identify.checkpoints.stored import from_torch

MAX_STEPS = 500_000
"""Largest number of steps of a pickle; a tensor takes about forty."""

MAX_BUILT = 3 * limits.MAX_TENSORS
"""Largest number of objects a pickle builds; a tensor takes two, a parameter three."""

HELD = 16 * 2**20
"""Bytes read from a file that is mapped into memory before its pages are given back."""

_LEGACY_PICKLES = 4
"""Pickles ahead of the numbers where there is no zip archive: magic, version, machine, content."""

_BUILDS = frozenset({"BUILD", "INST", "NEWOBJ", "NEWOBJ_EX", "OBJ", "REDUCE"})
_PADS = frozenset({"builtins bytearray", "__builtin__ bytearray"})
_NOTHING = (
    "found no tensors that can be read where torch.load(weights_only=True) reads tensors only"
)
_MODEL = "save model.state_dict(), or the weights as .safetensors"


class _Mapped:
    # The tensors of a file that is mapped into memory. Pages that were read count as memory of the
    # process until the map is dropped, so the file is mapped anew after every ``HELD`` bytes.

    def __init__(self, file: Path) -> None:
        self.file = file
        self.drop()

    def drop(self) -> None:
        self.tensors: list[Any] = []
        self.held = 0

    def read(self, index: int, shape: tuple[int, ...], rows: slice | None) -> NDArray[Any]:
        if self.held > HELD:
            self.drop()
        if not self.tensors:
            self.tensors = [tensor for _, tensor in _tensors(self.file, mapped=True)]
        stored = from_torch(self.tensors[index])
        if stored.shape != shape:
            raise RefusedError("found another file than the one that was opened; open it anew")
        values = np.array(stored.read(rows))
        self.held += values.nbytes
        return values


def read_torch(file: Path, handle: BinaryIO, most: int, *, rows: bool) -> Contents:
    """Return the tensors of a file saved by torch, also those in dictionaries within it.

    What is under ``WRAPPERS`` goes by the name it has there, unless that occurs twice; everything
    else by its path, joined by dots. For ``rows``, they stay in the file until they are read, where
    its format allows it.

    Raises:
        RefusedError: If the file holds code, more than ``most`` bytes, or no dictionary.
    """
    mapped = _check_pickles(handle, most) and rows
    tensors = _tensors(file, mapped=mapped)
    check_tensor_count(len(tensors))
    for path, tensor in tensors:  # an expanded tensor is small in the file
        if tensor.numel() * (tensor.element_size() if mapped else 8) > most:
            raise RefusedError(f"found {quoted(path[-1])} to be larger than {most} bytes; {SAVE}")
    stored = [from_torch(tensor) for _, tensor in tensors]
    if mapped:
        whole = _Mapped(file)
        stored = [replace(s, read=partial(whole.read, i, s.shape)) for i, s in enumerate(stored)]
    return named([(path, s) for (path, _), s in zip(tensors, stored, strict=True)])


def _tensors(file: Path, *, mapped: bool) -> list[tuple[tuple[str, ...], Any]]:
    # Every tensor of a file with its path; torch runs nothing that the pickle names.
    import torch  # after the check: it takes seconds

    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:
        code = re.search(r"GLOBAL ([\w.]+)", str(error))
        if not code:
            raise RefusedError(f"{_NOTHING}; {_MODEL}") from error
        raise RefusedError(
            f"found a reference to {quoted(code[1])[1:-1]}, which is code, where "
            f"torch.load(weights_only=True) reads tensors only; {_MODEL}"
        ) from error
    if not isinstance(content, Mapping):
        raise RefusedError(f"found a {type(content).__name__}; save a dict of tensors, or {SAVE}")
    return [(path, value) for path, value in leaves(content) if isinstance(value, torch.Tensor)]


def _check_pickles(handle: BinaryIO, most: int) -> bool:
    # Refuse pickles of too many steps, running none of them; whether the file can be mapped.
    try:
        if not zipfile.is_zipfile(handle):
            handle.seek(0)
            for _ in range(_LEGACY_PICKLES):
                _check_steps(handle)
            return False
        entries = check_archive(handle, most)
        with zipfile.ZipFile(handle) as archive:
            for entry in entries:
                if not entry.filename.lower().endswith(".pkl"):
                    continue
                if entry.file_size > limits.MAX_HEADER:
                    raise RefusedError(
                        f"found a list of contents of {entry.file_size} bytes, more than "
                        f"{limits.MAX_HEADER}; {FEW}"
                    )
                with archive.open(entry) as stream:
                    _check_steps(stream)
        return all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
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
