"""Stores victims, and opens the files of others without trusting them.

One .safetensors file holds everything: the tensors ``initial.L.weight``, ``initial.L.bias``,
``trained.L.weight``, ``trained.L.bias``, ``losses`` and ``margins``, and in its metadata, as JSON,
the configuration and where the data come from. So it is written in one step and never in parts. The
.json file beside it repeats all but the weights for the reader, and is not read again.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from attack.network.mlp import Layer
from attack.victims.config import VictimConfig, biased_layers, layer_widths
from attack.victims.record import REMEDY, VictimRecord, read_record
from attack.victims.training import Victim
from identify.checkpoints.limits import MAX_BYTES
from identify.files import write_atomic

_KEY = "attack-victim"
_DTYPES = {"F64": torch.float64, "F32": torch.float32}


def check_path(path: str | Path) -> None:
    """Require a path that a victim can be written to.

    Raises:
        ValueError: If the extension is another, or the folder does not exist.
    """
    if Path(path).suffix != ".safetensors":
        raise ValueError(f"out: found {str(path)!r}; pass a file name ending in .safetensors")
    if not Path(path).parent.is_dir():
        raise ValueError(f"out: found no folder {str(Path(path).parent)!r}; create it first")


def save_victim(victim: Victim, path: str | Path) -> None:
    """Write a victim, and beside it the same in JSON without the weights; each in one step."""
    check_path(path)
    record = VictimRecord(config=victim.config, data=victim.data, seconds=victim.seconds)
    tensors = {"losses": victim.losses, "margins": victim.margins}
    for name, layers in (("initial", victim.initial), ("trained", victim.trained)):
        for index, layer in enumerate(layers):
            for kind, tensor in zip(("weight", "bias"), layer.tensors(), strict=False):
                tensors[f"{name}.{index}.{kind}"] = tensor.detach().cpu().contiguous()
    write_atomic(path, save(tensors, {_KEY: record.model_dump_json()}))
    curves = {"losses": victim.losses.tolist(), "margins": victim.margins.tolist()}
    text = json.dumps(record.model_dump(mode="json") | curves)
    write_atomic(Path(path).with_suffix(".json"), text + "\n")


def is_victim(path: str | Path) -> bool:
    """Whether a file says of itself that ``save_victim`` wrote it; its entries are not checked."""
    if Path(path).suffix != ".safetensors" or not Path(path).is_file():
        return False
    try:
        with safe_open(path, "pt") as stored:
            return _KEY in (stored.metadata() or {})
    except (SafetensorError, OSError):
        return False


def load_victim(path: str | Path) -> Victim:
    """Return the victim of ``save_victim`` in a file, all checked; ValueError if it is none."""
    file = Path(path)
    try:
        if not file.is_file():
            raise ValueError(f"found no such file; {REMEDY}")
        if file.suffix != ".safetensors" or file.stat().st_size > MAX_BYTES:
            raise ValueError(f"found another extension or more than {MAX_BYTES} bytes; {REMEDY}")
        with safe_open(file, "pt") as stored:
            return _read(stored)
    except (SafetensorError, OSError, RecursionError) as error:
        raise ValueError(
            f"victim: {str(path)!r}: found a damaged file ({type(error).__name__}); {REMEDY}"
        ) from error
    except ValueError as error:
        raise ValueError(f"victim: {str(path)!r}: {error}") from error


def _read(stored: Any) -> Victim:
    text = (stored.metadata() or {}).get(_KEY)
    if text is None:
        raise ValueError(f"found no metadata {_KEY!r}; {REMEDY}")
    record = read_record(text)
    shapes = _shapes(record)
    if set(stored.keys()) != {*shapes, "losses", "margins"}:
        wrong = sorted({*shapes, "losses", "margins"} ^ set(stored.keys()))
        raise ValueError(f"found tensors missing or unknown: {str(wrong[:4])[:200]}; {REMEDY}")
    dtype = _DTYPES.get(stored.get_slice("trained.0.weight").get_dtype(), torch.float64)
    tensors = {name: _tensor(stored, name, shape, dtype) for name, shape in shapes.items()}
    return Victim(
        _layers(tensors, "initial", record.config),
        _layers(tensors, "trained", record.config),
        record.config,
        record.data,
        _tensor(stored, "losses", (None, 2), torch.float64),
        _tensor(stored, "margins", (record.data.n,), torch.float64),
        record.seconds,
    )


def _shapes(record: VictimRecord) -> dict[str, tuple[int | None, ...]]:
    """The tensors that a victim of this configuration has."""
    found: dict[str, tuple[int | None, ...]] = {}
    config, data = record.config, record.data
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
            f"says ({wanted}) and {dtype}; {REMEDY}"
        )
    tensor = stored.get_tensor(name).clone()
    if not tensor.numel() or not bool(tensor.isfinite().all()):
        raise ValueError(f"found {name} empty, or with entries nan or infinite; {REMEDY}")
    return tensor
