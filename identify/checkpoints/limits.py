"""What a weight file may hold, and the words in which it is refused.

A weight file is untrusted input. Sizes that it declares are compared with these limits before
anything of that size is read, so a file is refused in time and memory that do not depend on it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from itertools import islice
from typing import BinaryIO, cast

MAX_BYTES = 8 * 2**30
"""Largest size that is read as a whole, declared or actual: 8 GiB."""

MAX_HEADER = 4 * 2**20
"""Largest list of contents that is parsed, in any format: 4 MiB, some 50,000 entries."""

MAX_TENSORS = 10_000
"""Largest number of tensors in a file; a two-layer network has two to four."""

SAVE = "save the weights as plain arrays, as .safetensors or with numpy.savez"
MODEL = "save model.state_dict(), or the weights as .safetensors"
FEW = "save the weights of the two layers alone, as .safetensors or with numpy.savez"


class RefusedError(Exception):
    """What was found in a weight file and what to do instead."""


class _Bounded:
    # A file that hands out no more than MAX_HEADER bytes at a time, to read a list of contents.

    def __init__(self, handle: BinaryIO) -> None:
        self.handle = handle
        self.seek, self.tell = handle.seek, handle.tell

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > MAX_HEADER:
            size = MAX_HEADER + 1
        data = self.handle.read(size)
        if len(data) > MAX_HEADER:
            raise RefusedError(f"found a list of contents of more than {MAX_HEADER} bytes; {FEW}")
        return data


def check_tensor_count(number: int) -> None:
    """Refuse a file of more than ``MAX_TENSORS`` tensors."""
    if number > MAX_TENSORS:
        raise RefusedError(f"found {number} tensors, more than {MAX_TENSORS}; {FEW}")


def check_archive(handle: BinaryIO, most: int) -> list[zipfile.ZipInfo]:
    """Return the entries of a plain zip archive, before anything is unpacked.

    Raises:
        RefusedError: If it has too many entries, unpacks to more than ``most`` bytes, or is packed
            in another way than by deflate.
    """
    with zipfile.ZipFile(cast(BinaryIO, _Bounded(handle))) as archive:
        entries = archive.infolist()
    size = sum(entry.file_size for entry in entries)
    if size > most:
        raise RefusedError(
            f"found entries of {size} bytes once unpacked; pass a file of at most {most} bytes"
        )
    if any(e.flag_bits & 1 or e.compress_type not in {0, zipfile.ZIP_DEFLATED} for e in entries):
        raise RefusedError(f"found entries that are encrypted or not packed by deflate; {SAVE}")
    return entries


def is_code(name: str) -> RefusedError:
    """The refusal of a pickle that refers to anything but tensors."""
    return RefusedError(
        f"found a reference to {quoted(name)[1:-1]}, which is code, where "
        f"torch.load(weights_only=True) reads tensors only; {MODEL}"
    )


def quoted(name: object) -> str:
    """At most 80 characters of a name from a file, in quotes, control characters escaped."""
    text = str(name)
    return repr(text if len(text) <= 80 else text[:77] + "...")


def listed(shapes: Iterable[tuple[str, tuple[int, ...]]], number: int) -> str:
    """List the first 20 of ``number`` names and shapes, in at most some 4,000 characters."""
    shown = [f"{quoted(name)} {_cut(shape)}" for name, shape in islice(shapes, 20)]
    return ", ".join(shown) + (f" and {number - 20} more" if number > 20 else "")


def _cut(shape: tuple[int, ...]) -> str:
    text = str(shape)
    return text if len(text) <= 80 else text[:77] + "..."
