"""Networks that others trained: checkpoints of linear layers, and their activation by name."""

from __future__ import annotations

import os

import torch

from attack.network.checks import check_layers, check_same_shapes
from attack.network.mlp import Layer
from attack.networks import LayeredNetwork
from attack.victims.config import ACTIVATIONS, activation_from_text
from identify.checkpoints.linear_layers import as_network

_TYPES = {
    torch.finfo(dtype).eps: dtype
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16)
}
"""Types of weights by their eps."""


def read_checkpoints(
    trained: str | os.PathLike[str], init: str | os.PathLike[str] | None, activation: str | None
) -> LayeredNetwork:
    """Read a Sequential of Linear layers after and, where it is known, before training.

    Args:
        trained: A .safetensors, .pt, .pth or .npz file, or PATH#NAME for what a file holds under a
            name.
        init: The same before training, or None.
        activation: relu, softplus:BETA, power:ALPHA or polynomial:C0,C1,...; no file tells it.

    Returns:
        The network, every weight matrix in the type in which it is stored.

    Raises:
        ValueError: If a file holds no such network, the two do not belong together, or the
            activation is missing or another.
    """
    after = _layers(trained, "trained")
    if activation is None:
        raise ValueError(
            f"activation: found None, and {os.fspath(trained)!r} holds weights alone; pass "
            f"{ACTIVATIONS}"
        )
    before = None if init is None else _layers(init, "init")
    if before is not None:
        check_same_shapes(before, after)
        pairs = zip(before, after, strict=True)
        if all(torch.equal(one.weight, other.weight) for one, other in pairs):
            raise ValueError(
                f"init: {os.fspath(init or '')!r}: found the weights of the trained network; pass "
                "those before training"
            )
    return LayeredNetwork(after, before, activation_from_text(activation))


def _layers(source: str | os.PathLike[str], argument: str) -> list[Layer]:
    layers = [
        Layer(
            torch.as_tensor(layer.weight),
            None if layer.bias is None else torch.as_tensor(layer.bias),
        ).to(_TYPES[layer.precision])
        for layer in as_network(source, argument)
    ]
    label = f"{argument}: {os.fspath(source)!r}"
    check_layers(label, [layer.to(torch.float64) for layer in layers])  # they are finite
    return layers
