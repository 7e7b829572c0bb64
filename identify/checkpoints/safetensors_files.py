"""Reads safetensors files: a list of contents as JSON, then the tensors one after the other."""

from __future__ import annotations

import json
import os
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from identify.checkpoints import limits
from identify.checkpoints.limits import FEW, SAVE, RefusedError, check_tensor_count, quoted
from identify.checkpoints.stored import Stored, in_file

INDEX = ".safetensors.index.json"
"""End of the name of a list of shards."""

_CODES = {
    **{f"F{bits}": (f"<f{bits // 8}", f"float{bits}") for bits in (16, 32, 64)},
    **{f"I{bits}": (f"<i{bits // 8}", f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": (f"<u{bits // 8}", f"uint{bits}") for bits in (8, 16, 32, 64)},
    "BF16": ("<u2", "bfloat16"),
}


def read_safetensors(file: Path, handle: BinaryIO) -> dict[str, Stored]:
    """The tensors of a file, sorted by name: writers keep no order that means anything."""
    size = handle.seek(0, os.SEEK_END) - 8
    handle.seek(0)
    length = int.from_bytes(handle.read(8), "little")
    if length > size:
        raise ValueError("the header ends beyond the file")
    if length > limits.MAX_HEADER:
        raise RefusedError(
            f"found a header of {length} bytes, more than {limits.MAX_HEADER}; {FEW}"
        )
    entries = _object(handle.read(length))
    entries.pop("__metadata__", None)
    check_tensor_count(len(entries))
    tensors: dict[str, Stored] = {}
    end = 0  # the tensors fill the file without gaps, overlaps or a rest
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        code, dtype = _CODES.get(entry["dtype"], ("", str(entry["dtype"])))
        shape = tuple(entry["shape"])
        start, stop = entry["data_offsets"]
        if any(type(number) is not int or number < 0 for number in (*shape, start, stop)):
            raise ValueError("a shape or a place in the file is no list of whole numbers")
        if start != end or stop < start or stop > size - length:
            raise ValueError("the places of the tensors do not fill the file")
        if code and prod(shape) * np.dtype(code).itemsize != stop - start:
            raise ValueError("a tensor takes another number of bytes than its shape says")
        tensors[name] = in_file(file, 8 + length + start, code, dtype, shape)
        end = stop
    if end != size - length:
        raise ValueError("the places of the tensors do not fill the file")
    return dict(sorted(tensors.items()))


def read_shards(file: Path, handle: BinaryIO) -> dict[str, Stored]:
    """The tensors of all files that a list of shards names, which lie beside it."""
    text = handle.read(limits.MAX_HEADER + 1)
    if len(text) > limits.MAX_HEADER:
        raise RefusedError(f"found a list of shards of more than {limits.MAX_HEADER} bytes; {FEW}")
    named: dict[Any, set[str]] = {}
    for name, shard in _object(text)["weight_map"].items():
        named.setdefault(shard, set()).add(name)
    tensors: dict[str, Stored] = {}
    for shard, names in named.items():
        found = _shard(file.parent, shard)
        if found.keys() != names:
            name = min(found.keys() ^ names)
            raise RefusedError(
                f"found {quoted(name)} in the shard {quoted(shard)} or listed for it, and not "
                "both; pass the folder as it was saved"
            )
        tensors |= found
    return dict(sorted(tensors.items()))


def _shard(folder: Path, name: Any) -> dict[str, Stored]:
    # The tensors of one shard; a list of shards names files beside itself and nothing else.
    if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
        raise RefusedError(
            f"found the shard {quoted(name)}, which is no .safetensors file beside the list; {SAVE}"
        )
    path = folder / name
    if not path.is_file():
        raise RefusedError(f"found no file {quoted(name)} beside the list; put every shard there")
    try:
        with path.open("rb") as handle:
            return read_safetensors(path, handle)
    except RefusedError as refused:
        raise RefusedError(f"in the shard {quoted(name)}: {refused}") from refused
    except Exception as error:
        raise RefusedError(
            f"found the shard {quoted(name)} to be damaged ({type(error).__name__}); save it again"
        ) from error


def _object(text: bytes) -> dict[str, Any]:
    # Parse a JSON object whose names are all different.
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name occurs twice")
        return found

    found = json.loads(text, object_pairs_hook=unique)
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found
