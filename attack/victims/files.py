"""Stores victims, and opens the files of others without trusting them.

One .safetensors file holds everything: the tensors ``initial.L.weight``, ``initial.L.bias``,
``trained.L.weight``, ``trained.L.bias``, ``losses`` and ``margins``, and in its metadata, as JSON,
the configuration and where the data come from. So it is written in one step and never in parts. The
.json file beside it repeats all but the weights for the reader, and is not read again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from attack.data.dataset import NAMES, DataInfo
from attack.network.mlp import Layer
from attack.victims.config import VictimConfig, biased_layers, check_config, layer_widths
from attack.victims.training import Victim
from identify.equations.weights import MAX_BYTES
from identify.files import write_atomic

_KEY = "attack-victim"
_FORMAT = 1
_REMEDY = "pass a .safetensors file that attack train wrote"
_DTYPES = {"F64": torch.float64, "F32": torch.float32}
_INTEGERS = range(-(2**63), 2**63)

_T = TypeVar("_T", VictimConfig, DataInfo)


def check_path(path: str | Path) -> None:
    """Require a path that a victim can be written to.

    Args:
        path: The file to write.

    Raises:
        ValueError: If the extension is another, or the folder does not exist.
    """
    if Path(path).suffix != ".safetensors":
        raise ValueError(f"out: found {str(path)!r}; pass a file name ending in .safetensors")
    if not Path(path).parent.is_dir():
        raise ValueError(f"out: found no folder {str(Path(path).parent)!r}; create it first")


def save_victim(victim: Victim, path: str | Path) -> None:
    """Write a victim, and beside it the same in JSON without the weights.

    Args:
        victim: The victim.
        path: A .safetensors file; an existing one is replaced in one step.
    """
    check_path(path)
    record = {
        "format": _FORMAT,
        "config": asdict(victim.config),
        "data": asdict(victim.data),
        "seconds": victim.seconds,
    }
    tensors = {"losses": victim.losses, "margins": victim.margins}
    for name, layers in (("initial", victim.initial), ("trained", victim.trained)):
        for index, layer in enumerate(layers):
            for kind, tensor in zip(("weight", "bias"), layer.tensors(), strict=False):
                tensors[f"{name}.{index}.{kind}"] = tensor.detach().cpu().contiguous()
    metadata = {_KEY: json.dumps(record)}
    write_atomic(path, save(tensors, metadata))
    record |= {"losses": victim.losses.tolist(), "margins": victim.margins.tolist()}
    write_atomic(Path(path).with_suffix(".json"), json.dumps(record) + "\n")


def load_victim(path: str | Path) -> Victim:
    """Open a victim, on the CPU.

    Args:
        path: A .safetensors file written by ``save_victim``.

    Returns:
        The victim, every entry checked.

    Raises:
        ValueError: If the file is missing, damaged or no victim; says what was found.
    """
    file = Path(path)
    try:
        if not file.is_file():
            raise ValueError(f"found no such file; {_REMEDY}")
        if file.suffix != ".safetensors" or file.stat().st_size > MAX_BYTES:
            raise ValueError(f"found another extension or more than {MAX_BYTES} bytes; {_REMEDY}")
        with safe_open(file, "pt") as stored:
            return _read(stored)
    except (SafetensorError, OSError, RecursionError) as error:
        raise ValueError(
            f"victim: {str(path)!r}: found a damaged file ({type(error).__name__}); {_REMEDY}"
        ) from error
    except ValueError as error:
        raise ValueError(f"victim: {str(path)!r}: {error}") from error


def _read(stored: Any) -> Victim:
    text = (stored.metadata() or {}).get(_KEY)
    if text is None:
        raise ValueError(f"found no metadata {_KEY!r}; {_REMEDY}")
    try:
        record = json.loads(text)
    except ValueError as error:
        raise ValueError(f"found metadata that is no JSON ({error}); {_REMEDY}") from error
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        raise ValueError(f"found metadata that is not of format {_FORMAT}; {_REMEDY}")
    config = _decode(VictimConfig, record.get("config"))
    data = _decode(DataInfo, record.get("data"))
    seconds = record.get("seconds")
    if seconds is None or not _is_float(seconds):
        raise ValueError(f"found seconds {str(seconds)[:80]!r}; {_REMEDY}")
    _check_data(data)
    check_config(config, data.classes)
    shapes = _shapes(config, data)
    if set(stored.keys()) != {*shapes, "losses", "margins"}:
        wrong = sorted({*shapes, "losses", "margins"} ^ set(stored.keys()))
        raise ValueError(f"found tensors missing or unknown: {str(wrong[:4])[:200]}; {_REMEDY}")
    dtype = _DTYPES.get(stored.get_slice("trained.0.weight").get_dtype(), torch.float64)
    tensors = {name: _tensor(stored, name, shape, dtype) for name, shape in shapes.items()}
    return Victim(
        _layers(tensors, "initial", config),
        _layers(tensors, "trained", config),
        config,
        data,
        _tensor(stored, "losses", (None, 2), torch.float64),
        _tensor(stored, "margins", (data.n,), torch.float64),
        float(seconds),
    )


def _shapes(config: VictimConfig, data: DataInfo) -> dict[str, tuple[int | None, ...]]:
    # The tensors that a victim of this configuration has.
    found: dict[str, tuple[int | None, ...]] = {}
    widths = layer_widths(config, math.prod(data.shape), data.classes)
    for index, (into, out) in enumerate(pairwise(widths)):
        for name in ("initial", "trained"):
            found[f"{name}.{index}.weight"] = (out, into)
            if biased_layers(config)[index]:
                found[f"{name}.{index}.bias"] = (out,)
    return found


def _layers(tensors: dict[str, Tensor], name: str, config: VictimConfig) -> tuple[Layer, ...]:
    return tuple(
        Layer(tensors[f"{name}.{index}.weight"], tensors.get(f"{name}.{index}.bias"))
        for index in range(len(config.widths) + 1)
    )


def _tensor(stored: Any, name: str, shape: tuple[int | None, ...], dtype: torch.dtype) -> Tensor:
    entry = stored.get_slice(name)
    found = entry.get_shape()
    fits = len(found) == len(shape) and all(
        wanted in {None, size} for wanted, size in zip(shape, found, strict=True)
    )
    if not fits or _DTYPES.get(entry.get_dtype()) != dtype:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(
            f"found {name} of shape {found} and type {entry.get_dtype()} where the configuration "
            f"says ({wanted}) and {dtype}; {_REMEDY}"
        )
    tensor = stored.get_tensor(name).clone()
    if not tensor.numel() or not bool(tensor.isfinite().all()):
        raise ValueError(f"found {name} empty, or with entries nan or infinite; {_REMEDY}")
    return tensor


def _check_data(data: DataInfo) -> None:
    known = data.name in NAMES and data.classes in {2, 10} and data.n >= data.classes
    if not known or len(data.shape) not in {2, 3} or min(data.shape) < 1:
        raise ValueError(f"found the data {str(data)[:200]}, which cannot be; {_REMEDY}")


def _decode(kind: type[_T], found: object) -> _T:
    # A dataclass from the dictionary of its fields, each of its declared type.
    declared = {field.name: str(field.type) for field in fields(kind)}
    if not isinstance(found, dict) or set(found) != set(declared):
        raise ValueError(f"found a {kind.__name__} without the right entries; {_REMEDY}")
    for name, type_name in declared.items():
        if not _CHECKS[type_name](found[name]):
            raise ValueError(f"found {name} {str(found[name])[:80]!r}, no {type_name}; {_REMEDY}")
    values: dict[str, Any] = {k: tuple(v) if type(v) is list else v for k, v in found.items()}
    return kind(**values)


def _is_int(value: object) -> bool:
    return type(value) is int and value in _INTEGERS


def _is_float(value: object) -> bool:
    return _is_int(value) or (isinstance(value, float) and math.isfinite(value))


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "int": _is_int,
    "float": _is_float,
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "tuple[int, ...]": lambda value: isinstance(value, list) and all(map(_is_int, value)),
    "tuple[float, ...]": lambda value: isinstance(value, list) and all(map(_is_float, value)),
}
