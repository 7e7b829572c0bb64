"""Two states of a Sequential of linear layers, layer beside layer, and the first that changed.

Layers are matched by their place, so that a fine-tuned network may have other names and another
head than the checkpoint it started from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.checkpoints.limits import quoted
from identify.checkpoints.linear_layers import LinearLayer, as_network
from identify.checkpoints.pairs import MatrixPair, pair_layers


@dataclass(frozen=True, slots=True, eq=False)
class NetworkPair:
    """A network after and before training, with k layers ahead of the first that changed.

    Attributes:
        trained: Its layers after training.
        initial: Its layers before, of which only the first k + 1 need to fit.
        frozen: k.
        changed: Layer k + 1 before and after, or None where there is none to be read.
        refusal: Why not, a full sentence, or "".
        notes: How the two were matched where names or heads differ, full sentences.
    """

    trained: tuple[LinearLayer, ...]
    initial: tuple[LinearLayer, ...]
    frozen: int
    changed: MatrixPair | None
    refusal: str
    notes: tuple[str, ...]


def pair_networks(trained: object, initial: object) -> NetworkPair:
    """Match two states of a network and find the first layer that training changed.

    Args:
        trained: A path, a state dict or a torch module: two linear layers or more.
        initial: The same network before training, of which the head may differ or be missing.

    Returns:
        The pair.

    Raises:
        ValueError: If one is no Sequential of linear layers, or their first layers do not fit.
    """
    after, before = as_network(trained, "trained"), as_network(initial, "initial")
    if len(after) < 2:
        raise ValueError(
            "trained: found 1 linear layer; pass a network of two or more: behind the layer that "
            "is read there has to be a ReLU"
        )
    frozen = 0
    for layer, earlier in zip(after, before, strict=False):
        if not _same(layer, earlier):
            break
        frozen += 1
    refusal = _refusal(after, before, frozen)
    changed = None
    if not refusal:
        layer = after[frozen]
        kind = "features" if frozen else "inputs"
        changed = pair_layers(layer.name, kind, layer.stored, before[frozen].stored)
    return NetworkPair(after, before, frozen, changed, refusal, _notes(after, before, frozen))


def _same(layer: LinearLayer, earlier: LinearLayer) -> bool:
    """Whether a layer is the same in both, to the last bit."""
    weights = np.array_equal(layer.weight, earlier.weight)
    return weights and _same_bias(layer, earlier)


def _same_bias(layer: LinearLayer, earlier: LinearLayer) -> bool:
    if layer.bias is None or earlier.bias is None:
        return layer.bias is earlier.bias
    return np.array_equal(layer.bias, earlier.bias)


def _refusal(after: tuple[LinearLayer, ...], before: tuple[LinearLayer, ...], frozen: int) -> str:
    """Say why the first layer that changed cannot be read, "" where it can."""
    if frozen == len(after):
        return "Both networks are the same to the last bit: nothing was trained."
    name = quoted(after[frozen].name)
    if frozen == len(after) - 1:
        return (
            f"Only the last layer, {name}, changed: no ReLU follows it, so that its change is zero "
            "nowhere and is not taken apart. Which features it read is still in its span: see "
            "read_changes and membership."
        )
    known = frozen < len(before) and before[frozen].weight.shape == after[frozen].weight.shape
    if frozen and not known:
        return (
            f"The first {frozen} linear layers did not change, and what {name} was before training "
            "is not known: the initial network has no such layer. Pass its weights at the start "
            "of this training."
        )
    if known and np.array_equal(after[frozen].weight, before[frozen].weight):
        return (
            f"Of {name} only the bias changed: weights without a change do not tell what they "
            "read, and what lies behind them read other features at every step."
        )
    return ""


def _notes(
    after: tuple[LinearLayer, ...], before: tuple[LinearLayer, ...], frozen: int
) -> tuple[str, ...]:
    """Say how layers were matched where names differ, and that another head does not matter."""
    notes: list[str] = []
    read = list(zip(after, before, strict=False))[: frozen + 1]
    other = [(a.name, b.name) for a, b in read if a.name != b.name]
    if other:
        pairs = ", ".join(f"{quoted(a)} with {quoted(b)}" for a, b in other)
        notes.append(f"Layers were matched by their place, as names differ: {pairs}.")
    rest = [layer.weight.shape for layer in after[frozen + 1 :]]
    if rest != [layer.weight.shape for layer in before[frozen + 1 :]]:
        notes.append(
            "The layers behind the one that is read differ in number or shape from the initial "
            "ones; they are not needed."
        )
    return tuple(notes)
