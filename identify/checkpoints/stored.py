"""A tensor as it is stored: shape and dtype at once, values when they are asked for, by rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from identify.arrays import FloatArray
from identify.checkpoints.limits import RefusedError

ROUNDOFF = {
    **dict.fromkeys(
        (f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)), 2.0**-53
    ),
    np.dtype(np.longdouble).name: 2.0**-53,
    "float64": 2.0**-53,
    "float32": 2.0**-24,
    "float16": 2.0**-11,
    "bfloat16": 2.0**-8,
}
"""Unit roundoff of every dtype that is accepted, by its name; a dtype's eps is twice that."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A tensor of a file, a state dict or a module.

    Attributes:
        shape: Shape it is stored with.
        dtype: Name of the dtype it is stored in.
        read: Reads consecutive rows, or all of it for None; bfloat16 comes as float32, and what
            is in none of the dtypes of ``ROUNDOFF`` comes empty.
        place: Where it lies in memory, the same for tied weights; None where that is not known.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[slice | None], NDArray[Any]]
    place: tuple[int, ...] | None = None

    @property
    def values(self) -> NDArray[Any]:
        """The whole tensor."""
        return self.read(None)

    def rows(self, rows: slice) -> FloatArray:
        """Some consecutive rows in float64; ``slice(None)`` gives them all."""
        start, stop, step = rows.indices(self.shape[0])
        if step != 1:
            raise ValueError(f"rows: found the step {step}; pass a slice of consecutive rows")
        return self.read(slice(start, max(start, stop))).astype(np.float64)

    def loaded(self) -> Stored:
        """The same with its values in memory."""
        return from_array(self.values, self.dtype, self.shape)


def from_array(
    values: NDArray[Any], dtype: str | None = None, shape: tuple[int, ...] | None = None
) -> Stored:
    """An array in memory, with the dtype and the shape it was stored with where they differ."""
    return Stored(
        values.shape if shape is None else shape,
        values.dtype.name if dtype is None else dtype,
        lambda rows: values if rows is None else values[rows],
    )


def from_torch(tensor: Any) -> Stored:
    """A torch tensor, copied to a numpy array as far as it is read."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    if "strided" not in str(tensor.layout):  # sparse and packed tensors have no rows to read
        return Stored(tuple(tensor.shape), f"{dtype} ({tensor.layout})", lambda _: np.empty(0))
    return Stored(
        tuple(tensor.shape),
        dtype,
        lambda rows: to_numpy(tensor if rows is None else tensor[rows])[0],
        (tensor.data_ptr(), *tensor.shape, *tensor.stride()) if tensor.is_cpu else None,
    )


def in_file(file: Path, offset: int, code: str, dtype: str, shape: tuple[int, ...]) -> Stored:
    """A tensor that lies row by row in a file, ``offset`` bytes from its start."""
    width = prod(shape[1:])

    def read(rows: slice | None) -> NDArray[Any]:
        if not code:
            return np.empty(0)
        first, count, kept = 0, prod(shape), shape
        if rows is not None:
            first, count = rows.start * width, (rows.stop - rows.start) * width
            kept = (rows.stop - rows.start, *shape[1:])
        with file.open("rb") as handle:  # a map of the file would keep the pages that were read
            handle.seek(offset + first * np.dtype(code).itemsize)
            values = np.fromfile(handle, dtype=code, count=count)
        if values.size != count:
            raise RefusedError("found the file to be shorter than when it was opened; open it anew")
        if dtype == "bfloat16":  # the upper half of a float32
            values = (values.astype(np.uint32) << 16).view(np.float32)
        return values.reshape(kept)

    return Stored(shape, dtype, read)


def to_numpy(value: Any) -> tuple[NDArray[Any], str]:
    """Turn a value into a numpy array, with the name of the dtype it had."""
    if isinstance(value, Stored):
        return value.values, value.dtype
    if isinstance(value, list | tuple) and value and all(map(is_torch, value)):
        import torch

        return to_numpy(torch.stack(list(value)))
    if is_torch(value):
        tensor = cast(Any, value).detach().cpu()
        dtype = str(tensor.dtype).removeprefix("torch.")
        if dtype not in ROUNDOFF:
            return np.empty(0), dtype
        return (tensor.float() if dtype == "bfloat16" else tensor).resolve_neg().numpy(), dtype
    array = np.asanyarray(value)
    return array, array.dtype.name


def is_torch(value: object) -> bool:
    """Whether a value is torch's, told without importing torch."""
    return any(str(base.__module__).split(".")[0] == "torch" for base in type(value).__mro__)
