"""Opens weight files; every reader parses arrays and nothing else.

Whatever a reader cannot parse is refused with one ValueError, and none falls back to a more
permissive one.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from identify.checkpoints import limits
from identify.checkpoints.limits import SAVE, RefusedError
from identify.checkpoints.names import Contents
from identify.checkpoints.npz_files import read_npz
from identify.checkpoints.safetensors_files import INDEX, read_safetensors, read_shards
from identify.checkpoints.torch_files import read_torch

_FILES = "pass a .npz, .safetensors, .pt or .pth file of arrays"
_EXTENSIONS = frozenset({".npz", ".safetensors", ".pt", ".pth"})


def open_tensors(
    path: str | os.PathLike[str], argument: str = "path", *, rows: bool = False
) -> Contents:
    """Return the tensors of a .npz, .safetensors, .pt or .pth file, executing nothing in it.

    Values are read when they are asked for, or all of them by ``load_tensors``. For ``rows``, files
    of any size and lists of shards are opened too.

    Raises:
        ValueError: If the file cannot be read; names the argument and what was found.
    """
    label = f"{argument}: {str(path)!r}"
    file, size = _regular(path, label)
    if rows and file.name.endswith(INDEX):
        extension = INDEX
    elif (extension := file.suffix.lower()) not in _EXTENSIONS:
        raise ValueError(f"{label}: found the extension {file.suffix!r}; {_FILES}")
    if not size:
        raise ValueError(f"{label}: found an empty file; {_FILES}")
    if size > limits.MAX_BYTES and not rows:
        at_most = f"pass a file of at most {limits.MAX_BYTES} bytes"
        raise ValueError(f"{label}: found {size} bytes; {at_most}")
    with _reading(label, extension), file.open("rb") as handle:
        return _read(extension, file, handle, max(size, limits.MAX_BYTES), rows=rows)


def load_tensors(
    contents: Contents, path: str | os.PathLike[str], argument: str = "path"
) -> Contents:
    """Read all values of what was opened, those that are not wanted too: none is damaged.

    Returns:
        The same tensors with their values in memory.

    Raises:
        ValueError: If one cannot be read; names the argument and what was found.
    """
    with _reading(f"{argument}: {str(path)!r}", Path(path).suffix.lower()):
        model, other = (
            {name: tensor.loaded() for name, tensor in tensors.items()}
            for tensors in (contents.model, contents.other)
        )
    return Contents(model, other, contents.ordered)


@contextmanager
def _reading(label: str, extension: str) -> Iterator[None]:
    # Whatever goes wrong while a file is read is one ValueError.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except RefusedError as refused:
        raise ValueError(f"{label}: {refused}") from (refused.__cause__ or refused)
    except Exception as error:
        raise ValueError(
            f"{label}: found no {extension} file that can be read, or a damaged one "
            f"({type(error).__name__}); {SAVE}"
        ) from error


def _regular(path: str | os.PathLike[str], label: str) -> tuple[Path, int]:
    # A file that can be opened without waiting for ever, and its size.
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
    return file, status.st_size


def _read(extension: str, file: Path, handle: BinaryIO, most: int, *, rows: bool) -> Contents:
    # The reader of each format; safetensors alone keeps no order.
    if extension == ".npz":
        return Contents(read_npz(file, handle, most), {})
    if extension == ".safetensors":
        return Contents(read_safetensors(file, handle), {}, ordered=False)
    if extension == INDEX:
        return Contents(read_shards(file, handle), {}, ordered=False)
    return read_torch(file, handle, most, rows=rows)
