"""Checks of what is given to the maps: one sentence that names the argument and what to pass."""

from __future__ import annotations

import torch
from torch import Tensor

from attack.network.mlp import Parameters


def check_layers(name: str, theta: Parameters, *, one_output: bool = False) -> None:
    """Check that there are layers, that they fit together, and that every weight is finite."""
    if not theta:
        raise ValueError(f"{name}: found no layer; pass at least one")
    shapes = [tuple(layer.weight.shape) for layer in theta]
    if any(len(shape) != 2 for shape in shapes):
        raise ValueError(f"{name}: found weights of shapes {shapes}; pass (out, in) for each layer")
    first = theta[0].weight
    if not first.is_floating_point():
        raise ValueError(f"{name}[0].weight: found {first.dtype}; pass a floating-point type")
    width = first.shape[-1]
    for index, layer in enumerate(theta):
        where = f"{name}[{index}]"
        _check_tensor(f"{where}.weight", layer.weight, (len(layer.weight), width), first)
        width = len(layer.weight)
        if layer.bias is not None:
            _check_tensor(f"{where}.bias", layer.bias, (width,), first)
    if one_output and width != 1:
        raise ValueError(f"{name}: found {width} outputs; pass a network with one output")


def check_same_shapes(initial: Parameters, trained: Parameters) -> None:
    """Check that two networks have the same layers."""
    shapes = [
        [[*t.shape] for layer in theta for t in layer.tensors()] for theta in (initial, trained)
    ]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"trained: found shapes {shapes[1]} where initial has {shapes[0]}; "
            "pass the same network before and after training"
        )


def check_labels(name: str, labels: Tensor, allowed: range) -> None:
    """Check that labels are one-dimensional and each of them is allowed."""
    known = torch.tensor([*allowed], dtype=labels.dtype, device=labels.device)
    if labels.ndim != 1 or not torch.isin(labels, known).all():
        span = " or ".join(map(str, allowed)) if len(allowed) < 4 else f"0..{allowed[-1]}"
        found = f"shape {tuple(labels.shape)} with values {labels.unique()[:5].tolist()}"
        raise ValueError(f"{name}: found {found}; pass (k,) labels, each {span}")


def check_label_count(name: str, labels: Tensor, phi: Tensor) -> None:
    """Check that there is one label for each row of the outputs phi, (k, C)."""
    if len(labels) != len(phi):
        raise ValueError(
            f"{name}: found {len(labels)} labels for {len(phi)} samples; pass one a sample"
        )


def _check_tensor(where: str, t: Tensor, shape: tuple[int, ...], like: Tensor) -> None:
    if t.shape != shape:
        raise ValueError(f"{where}: found shape {tuple(t.shape)}; pass {shape}")
    if (t.dtype, t.device) != (like.dtype, like.device):
        raise ValueError(
            f"{where}: found {t.dtype} on {t.device}; pass {like.dtype} on {like.device}, "
            "as in the first layer"
        )
    if not t.isfinite().all():
        raise ValueError(f"{where}: found values that are not finite; pass finite weights")
