"""The matrices of a network with their biases, and which of their axes are the outputs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from identify.arrays import FloatArray
from identify.checkpoints.limits import RefusedError, quoted
from identify.checkpoints.sources import Source
from identify.checkpoints.stored import ROUNDOFF, Stored

_FLOATS = ("float64", "float32", "float16", "bfloat16")


@dataclass(frozen=True, slots=True, eq=False)
class StoredLayer:
    """A matrix of one state of a network, with its bias.

    Attributes:
        label: The argument and the name, for error messages.
        weight: The matrix as it is stored.
        bias: What is added to its outputs, shape (h,), if anything.
        turned: Whether it is stored as (d, h), inputs ahead of outputs.
    """

    label: str
    weight: Stored
    bias: Stored | None
    turned: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Outputs, inputs, and a convolution's kernel."""
        return self.weight.shape[::-1] if self.turned else self.weight.shape

    @property
    def dtype(self) -> str:
        """The coarser of the types in which matrix and bias are stored."""
        stored = [self.weight.dtype] + ([] if self.bias is None else [self.bias.dtype])
        return max(stored, key=ROUNDOFF.__getitem__)

    @property
    def precision(self) -> float:
        """Its eps."""
        return 2 * ROUNDOFF[self.dtype]

    def rows(self, rows: slice) -> FloatArray:
        """Consecutive rows, kernels flattened, the bias as last column."""
        try:
            if self.turned:
                values = self.weight.rows(slice(None)).T[rows]
            else:
                values = self.weight.rows(rows)
            values = values.reshape(len(values), prod(self.shape[1:]))
            if self.bias is not None:
                values = np.column_stack([values, self.bias.rows(rows)])
        except (RefusedError, OSError, RuntimeError) as error:
            raise ValueError(f"{self.label}: {error}") from error
        if not np.isfinite(values).all():
            raise ValueError(f"{self.label}: found nan or infinite values; pass finite weights")
        return values


def stored_layers(source: Source) -> dict[str, StoredLayer]:
    """Every matrix of a network, with its bias where it has one.

    Returns:
        What has two axes, or more where its name ends with "weight" (a convolution), in the order
        of the source. A bias is what goes by the name of a matrix with "bias" for "weight" or "b"
        for "W", and has a number per output.

    Raises:
        ValueError: If there is none, or one is stored in a type that is not read.
    """
    tensors = source.tensors
    found: dict[str, StoredLayer] = {}
    for name, weight in tensors.items():
        if not _is_matrix(name, weight):
            continue
        label = f"{source.label}: {quoted(name)}"
        if weight.dtype not in _FLOATS:
            raise ValueError(
                f"{label}: found dtype {weight.dtype}; pass weights in {', '.join(_FLOATS)}"
            )
        bias = tensors.get(_bias(name))
        if bias is None or len(bias.shape) != 1 or bias.dtype not in _FLOATS:
            bias = None
        found[name] = StoredLayer(label, weight, bias)
    if not found:
        raise ValueError(
            f"{source.label}: found no weight matrix among {source.listed()}; pass the weights of "
            "a network"
        )
    return _oriented(found)


def _is_matrix(name: str, tensor: Stored) -> bool:
    last = name.rpartition(".")[2]
    axes = len(tensor.shape)
    if not prod(tensor.shape) or tensor.dtype.startswith(("int", "uint", "bool")):
        return False
    return (axes == 2 and last != "bias") or (axes in {3, 4, 5} and last == "weight")


def _bias(name: str) -> str:
    # The name under which the bias of a matrix goes.
    ahead, dot, last = name.rpartition(".")
    last = re.sub(r"^[wW](?=\d*$)", "b", last.replace("weight", "bias").replace("kernel", "bias"))
    return ahead + dot + last


def _oriented(layers: dict[str, StoredLayer]) -> dict[str, StoredLayer]:
    # Biases belong to outputs: where they fit the second axis alone, that one is the outputs.
    turned = {
        name
        for name, layer in layers.items()
        if layer.bias is not None
        and len(layer.weight.shape) == 2
        and layer.bias.shape[0] == layer.weight.shape[1] != layer.weight.shape[0]
    }
    found: dict[str, StoredLayer] = {}
    for name, layer in layers.items():
        square = bool(turned) and len({*layer.weight.shape}) == 1 and layer.bias is not None
        shown = replace(layer, turned=name in turned or square)
        fits = layer.bias is not None and layer.bias.shape[0] == shown.shape[0]
        found[name] = shown if fits else replace(shown, bias=None)
    return found
