"""Opens weight files; every reader parses arrays and nothing else.

Whatever a reader cannot parse is refused with one ValueError, and none falls back to a more
permissive one.
"""

from __future__ import annotations

import os
import stat
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import deserialize

from identify.checkpoints import limits
from identify.checkpoints.limits import FEW, SAVE, RefusedError, check_archive, check_count, quoted
from identify.checkpoints.names import Contents
from identify.checkpoints.torch_files import read_torch

_SAFETENSORS = {
    **{f"F{bits}": (f"<f{bits // 8}", f"float{bits}") for bits in (16, 32, 64)},
    **{f"I{bits}": (f"<i{bits // 8}", f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": (f"<u{bits // 8}", f"uint{bits}") for bits in (8, 16, 32, 64)},
    "BF16": ("<u2", "bfloat16"),
}
_FILES = "pass a .npz, .safetensors, .pt or .pth file of arrays"


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """An array decoded from a file, with the dtype it was stored in.

    Attributes:
        values: The array; empty where the dtype is none that is decoded.
        dtype: Name of the dtype.
        shape: Shape it was stored with.
    """

    values: NDArray[Any]
    dtype: str
    shape: tuple[int, ...]


def open_tensors(path: str | os.PathLike[str]) -> Contents:
    """Read every tensor of a .npz, .safetensors, .pt or .pth file, executing nothing in it.

    Args:
        path: The file.

    Returns:
        The tensors by name.

    Raises:
        ValueError: If the file cannot be read; names what was found.
    """
    label = f"path: {str(path)!r}"
    try:
        file = Path(path)
        status = file.stat()
    except FileNotFoundError as error:
        raise ValueError(f"{label}: found no such file; {_FILES}") from error
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"{label}: found no readable path ({error}); {_FILES}") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "something that is not a file"
        raise ValueError(f"{label}: found {kind}; {_FILES}")
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise ValueError(f"{label}: found the extension {file.suffix!r}; {_FILES}")
    if not status.st_size:
        raise ValueError(f"{label}: found an empty file; {_FILES}")
    if status.st_size > limits.MAX_BYTES:
        at_most = f"pass a file of at most {limits.MAX_BYTES} bytes"
        raise ValueError(f"{label}: found {status.st_size} bytes; {at_most}")
    try:
        with file.open("rb") as handle, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return reader(handle)
    except RefusedError as refused:
        raise ValueError(f"{label}: {refused}") from (refused.__cause__ or refused)
    except Exception as error:
        raise ValueError(
            f"{label}: found no {file.suffix} file that can be read, or a damaged one "
            f"({type(error).__name__}); {SAVE}"
        ) from error


def _read_npz(handle: BinaryIO) -> Contents:
    # Read the arrays of an .npz archive; an array of Python objects is a pickle and is refused.
    tensors: dict[str, Any] = {}
    entries = [entry for entry in check_archive(handle) if entry.filename.endswith(".npy")]
    check_count(len(entries))
    with zipfile.ZipFile(handle) as archive:
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            if name in tensors:
                raise RefusedError(f"found two entries named {quoted(name)}; {SAVE}")
            with archive.open(entry) as stream:
                try:
                    tensors[name] = np.lib.format.read_array(stream, allow_pickle=False)
                except Exception as error:
                    raise RefusedError(
                        f"found entry {quoted(name)} to be damaged, or a pickle of Python "
                        f"objects, which is code; {SAVE}"
                    ) from error
    return Contents(tensors, {})


def _read_safetensors(handle: BinaryIO) -> Contents:
    # Read a .safetensors file, bfloat16 included.
    header = int.from_bytes(handle.read(8), "little")
    if header > handle.seek(0, os.SEEK_END):
        raise ValueError("the header ends beyond the file")
    if header > limits.MAX_HEADER:
        raise RefusedError(
            f"found a header of {header} bytes, more than {limits.MAX_HEADER}; {FEW}"
        )
    handle.seek(0)
    found = deserialize(handle.read())
    check_count(len(found))
    tensors: dict[str, Any] = {}
    for name, entry in sorted(found, key=lambda item: item[0]):
        shape = tuple(entry["shape"])
        code, dtype = _SAFETENSORS.get(entry["dtype"], ("", str(entry["dtype"])))
        values = np.empty(0)
        if code:
            values = np.frombuffer(entry["data"], dtype=code).reshape(shape)
        if dtype == "bfloat16":  # the upper half of a float32
            values = (values.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = Stored(values, dtype, shape)
    return Contents(tensors, {})


_READERS: dict[str, Callable[[BinaryIO], Contents]] = {
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
    ".pt": read_torch,
    ".pth": read_torch,
}
