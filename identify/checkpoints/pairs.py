"""The weight matrices of a network before and after training, side by side and read by rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from math import prod

from identify.arrays import FloatArray
from identify.checkpoints.kinds import is_table, kinds
from identify.checkpoints.layers import StoredLayer, stored_layers
from identify.checkpoints.limits import quoted
from identify.checkpoints.sources import Source, open_source

_STATES = "pass two states of one network, or names= with the matrices wanted"


@dataclass(frozen=True, slots=True, eq=False)
class MatrixPair:
    """One weight matrix before and after training.

    Attributes:
        name: As in the trained network, without the names that wrappers put ahead of it.
        shape: (h, d): outputs and inputs. A convolution of shape (out, in, *kernel) counts as
            (out, in * prod(kernel)): what it reads are the patches.
        precision: The eps of the coarsest type in which the pair is stored.
        dtype: The name of that type.
        has_bias: Whether ``trained`` and ``initial`` have the bias as a column more.
        kind: "inputs" for the first matrix of the network, "embedding" for a table that is looked
            up, "features" otherwise.
    """

    name: str
    shape: tuple[int, int]
    precision: float
    dtype: str
    has_bias: bool
    kind: str
    layers: tuple[StoredLayer, StoredLayer] = field(repr=False)

    def trained(self, rows: slice = slice(None)) -> FloatArray:
        """Consecutive rows after training, shape (rows, d), or (rows, d + 1) with the bias."""
        return self.layers[0].rows(rows)

    def initial(self, rows: slice = slice(None)) -> FloatArray:
        """The same rows before training."""
        return self.layers[1].rows(rows)


def open_pairs(
    trained: object,
    initial: object,
    *,
    names: Collection[str] | None = None,
    inputs: str | None = None,
) -> tuple[MatrixPair, ...]:
    """Match the weight matrices of two states of one network by name, reading none of them yet.

    A matrix has two axes, or more where its name ends with "weight" (a convolution). Biases that
    fit the other axis show that a file stores matrices as (inputs, outputs), and its square ones
    with a bias are then read so too. Vectors that are no bias, whole numbers and truth values are
    passed over.

    Args:
        trained: A path, a state dict or a torch module.
        initial: The same network before training, likewise.
        names: The matrices wanted; all of them by default, which must then be the same in both
            but for tied weights that one of them keeps under one name alone.
        inputs: Name of the matrix that reads the inputs, or "" if none does, where names, order
            and shapes do not tell.

    Returns:
        The pairs, in the order of the trained network.

    Raises:
        ValueError: If one cannot be read, or they do not match; lists what there is.
    """
    after, before = open_source(trained, "trained"), open_source(initial, "initial")
    layers, earlier = stored_layers(after), stored_layers(before)
    tables = _tables(after, before, layers)
    order = list(layers) if after.ordered else None
    if order is None and before.ordered and earlier.keys() == layers.keys():
        order = list(earlier)
    wanted = _wanted(layers, earlier, names, after, before)
    kind = kinds({name: layer.shape for name, layer in layers.items()}, tables, order, inputs)
    return tuple(pair_layers(name, kind[name], layers[name], earlier[name]) for name in wanted)


def _tables(after: Source, before: Source, layers: Mapping[str, StoredLayer]) -> frozenset[str]:
    # The embedding tables: by type where a module tells it, else by name.
    told = [source.tables for source in (after, before) if source.tables is not None]
    if told:
        return frozenset.union(*told) & layers.keys()
    return frozenset(
        name
        for name, layer in layers.items()
        if is_table(name, layer.shape, bias=layer.bias is not None)
    )


def _wanted(
    layers: Mapping[str, StoredLayer],
    earlier: Mapping[str, StoredLayer],
    names: Collection[str] | None,
    after: Source,
    before: Source,
) -> list[str]:
    # The names to match, which have to be in both networks; weights tied to others may be left out.
    if isinstance(names, str):
        raise ValueError(f"names: found the text {quoted(names)}; pass a list of names")
    every = layers.keys() | earlier.keys() if names is None else names
    for have, source, other in ((layers, after, before), (earlier, before, after)):
        missing = [name for name in every if name not in have]
        whose = ""
        if names is None:
            missing = [name for name in missing if not _tied(name, other, have)]
            whose = f", which is in {other.label},"
        if missing:
            raise ValueError(
                f"{source.label}: found no matrix {quoted(min(missing))}{whose} among "
                f"{source.listed()}; {_STATES}"
            )
    return [name for name in layers if name in every and name in earlier]


def _tied(name: str, source: Source, have: Mapping[str, StoredLayer]) -> bool:
    # Whether a tensor is the same one as another, under whose name the other network has it.
    tensor = source.tensors.get(name)
    place = None if tensor is None else tensor.place
    return place is not None and any(
        source.tensors[kept].place == place for kept in have if kept in source.tensors
    )


def pair_layers(name: str, kind: str, after: StoredLayer, before: StoredLayer) -> MatrixPair:
    """Return two states of one matrix side by side; a ValueError says where they do not fit."""
    before = replace(before, turned=after.turned)
    for what in ("weight", "bias"):
        found, expected = (getattr(layer, what) for layer in (before, after))
        shapes = [None if tensor is None else tensor.shape for tensor in (found, expected)]
        if shapes[0] != shapes[1]:
            what = "" if what == "weight" else " a bias"
            raise ValueError(
                f"{before.label}: found{what} of shape {shapes[0]}, where the trained network has "
                f"{shapes[1]}; {_STATES}"
            )
    coarser = max(after, before, key=lambda layer: layer.precision)
    return MatrixPair(
        name,
        (after.shape[0], prod(after.shape[1:])),
        coarser.precision,
        coarser.dtype,
        after.bias is not None,
        kind,
        (after, before),
    )
