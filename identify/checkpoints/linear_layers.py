"""A Sequential of Linear layers, W_L sigma(... sigma(W_1 x + c_1) ...) + c_L, from its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from identify.arrays import FloatArray
from identify.checkpoints.kinds import by_number, chain
from identify.checkpoints.layers import StoredLayer, stored_layers
from identify.checkpoints.limits import listed, quoted
from identify.checkpoints.sources import Source, open_source


@dataclass(frozen=True, slots=True, eq=False)
class LinearLayer:
    """One layer of a network.

    Attributes:
        name: The name of its weight.
        weight: W, shape (out, in).
        bias: c, shape (out,), or None.
        precision: The eps of the type in which the weight is stored.
        stored: Weight and bias as they are stored.
    """

    name: str
    weight: FloatArray
    bias: FloatArray | None
    precision: float
    stored: StoredLayer = field(repr=False)


def as_network(source: object, argument: str = "trained") -> tuple[LinearLayer, ...]:
    """Read the layers of a Sequential of Linear layers, the first one first.

    Returns:
        The layers, in the order on which numbers in their names, the order in which the network
        declares them, and their shapes agree.

    Raises:
        ValueError: If there is anything else in the network, or that order cannot be told.
    """
    opened = open_source(source, argument)
    layers = stored_layers(opened)
    used = {id(t) for layer in layers.values() for t in (layer.weight, layer.bias)}
    more = {name: t.shape for name, t in opened.tensors.items() if id(t) not in used}
    more |= {name: layer.shape for name, layer in layers.items() if len(layer.shape) != 2}
    if more or opened.tables:
        names = listed(more.items(), len(more)) if more else quoted(min(opened.tables or ()))
        raise ValueError(
            f"{opened.label}: found {names} beside linear layers; pass a Sequential of linear "
            "layers with activations between them"
        )
    return tuple(_linear(name, layers[name]) for name in _ordered(opened, layers))


def _ordered(source: Source, layers: dict[str, StoredLayer]) -> Sequence[str]:
    # The one order that every witness agrees on; each layer reads what the one before gives.
    shapes = {name: layer.shape for name, layer in layers.items()}
    orders = [by_number(shapes), chain(shapes), list(layers) if source.ordered else None]
    said = [order for order in orders if order is not None]
    fits = said and all(shapes[a][0] == shapes[b][1] for a, b in pairwise(said[0]))
    if not fits or any(order != said[0] for order in said):
        raise ValueError(
            f"{source.label}: found {listed(shapes.items(), len(shapes))}, which do not follow one "
            "another in an order that names, shapes and the file agree on; pass a Sequential of "
            "linear layers"
        )
    return said[0]


def _linear(name: str, layer: StoredLayer) -> LinearLayer:
    values, columns = layer.rows(slice(None)), layer.shape[1]
    bias = None if layer.bias is None else values[:, columns].copy()
    return LinearLayer(name, values[:, :columns].copy(), bias, layer.precision, layer)
