"""Reads the arrays of an .npz archive; an array of Python objects is a pickle and is refused."""

from __future__ import annotations

import struct
import zipfile
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from identify.checkpoints.limits import (
    SAVE,
    RefusedError,
    check_archive,
    check_tensor_count,
    quoted,
)
from identify.checkpoints.stored import Stored, in_file

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_LOCAL_HEADER, _LENGTHS = 30, 26  # bytes ahead of an entry's name; where its lengths are


def read_npz(file: Path, handle: BinaryIO, most: int) -> dict[str, Stored]:
    """The arrays of an archive that unpacks to at most ``most`` bytes, in its order."""
    tensors: dict[str, Stored] = {}
    entries = [entry for entry in check_archive(handle, most) if entry.filename.endswith(".npy")]
    check_tensor_count(len(entries))
    archive = zipfile.ZipFile(file)  # stays open for as long as its arrays are wanted
    for entry in entries:
        name = entry.filename.removesuffix(".npy")
        if name in tensors:
            raise RefusedError(f"found two entries named {quoted(name)}; {SAVE}")
        try:
            tensors[name] = _entry(file, handle, archive, entry)
        except Exception as error:
            raise _damaged(name) from error
    return tensors


def _entry(
    file: Path, handle: BinaryIO, archive: zipfile.ZipFile, entry: zipfile.ZipInfo
) -> Stored:
    # One array: all of it through the archive, which checks its sum; rows by their position.
    with archive.open(entry) as stream:
        shape, fortran, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
        ahead = stream.tell()
    if dtype.hasobject or min(shape, default=0) < 0:
        raise ValueError("the entry holds Python objects, or has no shape")
    if prod(shape) * dtype.itemsize != entry.file_size - ahead:
        raise ValueError("the entry has another length than its shape says")
    whole = partial(_whole, archive, entry)
    if entry.compress_type != zipfile.ZIP_STORED or (fortran and len(shape) > 1):
        return Stored(shape, dtype.name, lambda rows: whole() if rows is None else whole()[rows])
    handle.seek(entry.header_offset + _LENGTHS)
    start = entry.header_offset + _LOCAL_HEADER + sum(struct.unpack("<HH", handle.read(4))) + ahead
    part = in_file(file, start, dtype.str, dtype.name, shape).read
    return Stored(shape, dtype.name, lambda rows: whole() if rows is None else part(rows))


def _whole(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    try:
        with archive.open(entry) as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    except Exception as error:
        raise _damaged(entry.filename.removesuffix(".npy")) from error


def _damaged(name: str) -> RefusedError:
    return RefusedError(
        f"found entry {quoted(name)} to be damaged, or a pickle of Python objects, which is code; "
        f"{SAVE}"
    )
