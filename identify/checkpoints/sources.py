"""What people have for one network: a file, a folder of shards, a state dict or a torch module."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from identify.checkpoints.limits import RefusedError, listed, quoted
from identify.checkpoints.names import WRAPPERS, Contents
from identify.checkpoints.nesting import leaves, named
from identify.checkpoints.readers import open_tensors
from identify.checkpoints.safetensors_files import INDEX
from identify.checkpoints.stored import Stored, from_array, from_torch, is_torch

_INSIDE = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""Names that torch itself puts into the middle of others."""

_IN_FOLDERS = (INDEX, ".safetensors")
_SOURCES = (
    "pass a .safetensors, .safetensors.index.json, .pt, .pth or .npz file, a folder that holds one "
    "of the first two, a state dict or a torch module"
)
_PART = 'pass PATH#NAME with a name ahead of a "."'


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The tensors of one network.

    Attributes:
        label: The argument, with the path where there is one, for error messages.
        tensors: By name, without the names that programs and torch put ahead of them.
        ordered: Whether they come in the order in which the network declares them.
        tables: Names of the embedding tables, where a module told the type of each layer.
    """

    label: str
    tensors: dict[str, Stored]
    ordered: bool
    tables: frozenset[str] | None = None

    def listed(self) -> str:
        """What there is, for an error message."""
        shapes = ((name, tensor.shape) for name, tensor in self.tensors.items())
        count = len(self.tensors)
        return "the tensors " + listed(shapes, count) if count else "no tensors"


def open_source(source: object, argument: str) -> Source:
    """Open one network, reading nothing but names, shapes and dtypes where its format allows it.

    Returns:
        Its tensors by name; where a file nests some under ``WRAPPERS``, those alone.

    Raises:
        ValueError: If it is nothing of the kind, or cannot be read.
    """
    label, tables, part = argument, None, ""
    if isinstance(source, str | os.PathLike):
        label = f"{argument}: {os.fspath(source)!r}"
        path, part = _part(os.fspath(source))
        contents = open_tensors(_file(path, label), argument, rows=True)
    elif isinstance(source, Mapping):
        contents = _in_memory(source, label)
    elif is_torch(source) and hasattr(source, "named_modules"):
        network = cast(Any, source)
        contents, tables = _in_memory(network.state_dict(), label), _tables(network)
    else:
        raise ValueError(f"{argument}: found a {type(source).__name__}; {_SOURCES}")
    tensors = _chosen(contents, part, label)
    short = unwrapped(tensors)
    if tables is not None:
        tables = frozenset(short[name] for name in tables & short.keys())
    by_name = {short[name]: tensor for name, tensor in tensors.items()}
    return Source(label, by_name, contents.ordered, tables)


def unwrapped(names: Iterable[str]) -> dict[str, str]:
    """Each name without ``WRAPPERS`` ahead of it, unless two names would become one."""
    short: dict[str, str] = {}
    for name in names:
        parts = [part for part in name.split(".") if part not in _INSIDE]
        while len(parts) > 1 and parts[0] in WRAPPERS:
            del parts[0]
        short[name] = ".".join(parts) or name
    often = Counter(short.values())
    taken = {name: below if often[below] == 1 else name for name, below in short.items()}
    return taken if len({*taken.values()}) == len(taken) else {name: name for name in taken}


def _chosen(contents: Contents, part: str, label: str) -> dict[str, Stored]:
    # The network's tensors, or those under the name that was asked for.
    everything = contents.model | contents.other
    if not part:
        matrices = any(len(tensor.shape) > 1 for tensor in contents.model.values())
        return contents.model if matrices else everything
    ahead = part + "."
    below = {n.removeprefix(ahead): t for n, t in everything.items() if n.startswith(ahead)}
    if not below:
        found = Source(label, everything, contents.ordered).listed()
        raise ValueError(f"{label}: found nothing under {quoted(part)} among {found}; {_PART}")
    return below


def _part(path: str | bytes) -> tuple[str | bytes, str]:
    # Path and name of PATH#NAME, which reads what stands under one name; a file may be called so.
    if isinstance(path, bytes) or "#" not in path or os.path.lexists(path):
        return path, ""
    ahead, _, name = path.rpartition("#")
    return ahead, name


def _file(path: str | bytes, label: str) -> Any:
    # The file to open: the one given, or the one list of shards or safetensors file of a folder.
    try:
        folder = Path(cast(str, path))
        if not folder.is_dir():
            return path
        held = sorted(file for file in folder.iterdir() if file.name.endswith(_IN_FOLDERS))
    except (OSError, TypeError, ValueError):
        return path  # the reader says what is wrong with it
    files = [file for file in held if file.name.endswith(INDEX)] or held
    if len(files) != 1:
        names = ", ".join(quoted(file.name) for file in files[:20]) or "no such file"
        raise ValueError(f"{label}: found the folder to hold {names}; {_SOURCES}")
    return files[0]


def _in_memory(content: Mapping[Any, Any], label: str) -> Contents:
    # The tensors of a state dict, or of one within dictionaries.
    found: list[tuple[tuple[str, ...], Stored]] = []
    try:
        for path, value in leaves(content):
            if is_torch(value) and hasattr(value, "layout"):
                found.append((path, from_torch(value)))
            elif hasattr(value, "__array__") and hasattr(value, "shape"):
                found.append((path, from_array(np.asarray(value))))
        return named(found)
    except RefusedError as refused:
        raise ValueError(f"{label}: {refused}") from refused


def _tables(network: Any) -> frozenset[str]:
    # The names of the weights of a module's embedding layers.
    import torch

    kinds = (torch.nn.Embedding, torch.nn.EmbeddingBag)
    return frozenset(
        f"{name}.weight" if name else "weight"
        for name, part in network.named_modules()
        if isinstance(part, kinds)
    )
