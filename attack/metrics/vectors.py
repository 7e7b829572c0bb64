"""How near a candidate comes to a training sample as a vector, with the definition in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

Symmetry: TypeAlias = Literal["none", "sign", "scale", "line"]
"""What the map leaves open: nothing, +-x, c x with c >= 0, or c x with any c."""

ENTRIES = 1 << 22
"""Numbers held at once per temporary array: 32 MB in double precision."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A comparison of two samples.

    Attributes:
        name: A word or two, for axes.
        definition: All that is needed to compute it again.
        higher: Whether larger values are better.
        pairs: From samples (..., d) and (..., d), broadcast, to values (...).
    """

    name: str
    definition: str
    higher: bool
    pairs: Callable[[Tensor, Tensor], Tensor]


def l2() -> Metric:
    """The Euclidean distance; taken of differences, so that 1e-12 is not lost to cancellation."""
    return Metric("L2", "L2 distance |x - y|.", False, lambda x, y: (x - y).norm(dim=-1))


def cosine() -> Metric:
    """The cosine of the angle between two samples, 0 for a sample 0."""
    return Metric("cosine", "Cosine <x, y> / (|x| |y|).", True, cosines)


def scores(metric: Metric, truth: Tensor, found: Tensor, symmetry: Symmetry = "none") -> Tensor:
    """The metric, (n, k), of every true sample (n, d) and every candidate (k, d) turned to it."""
    check_sample_shapes(truth, found)
    # double precision: evaluation is not a place for TF32
    truth, found = truth.detach().to(found.device, torch.float64), found.detach().double()
    values = truth.new_empty(len(truth), len(found))
    rows = max(1, ENTRIES // max(1, found.numel()))
    for start in range(0, len(truth), rows):
        x, y = truth[start : start + rows, None], found[None]
        values[start : start + rows] = metric.pairs(x, towards(x, y, symmetry))
    return values


def towards(x: Tensor, y: Tensor, symmetry: Symmetry) -> Tensor:
    """Turn and scale y (..., d) towards x (..., d) by 1, a sign, or the least-squares factor."""
    if symmetry not in get_args(Symmetry):
        raise ValueError(f"symmetry: found {symmetry!r}; pass one of {get_args(Symmetry)}")
    if symmetry == "none":
        return y
    inner = (x * y).sum(-1, keepdim=True)
    if symmetry == "sign":
        return torch.where(inner < 0, -y, y)
    inner = inner.clamp_min(0) if symmetry == "scale" else inner
    return y * ratio(inner, y.square().sum(-1, keepdim=True))  # min_c |x - c y|^2


def check_sample_shapes(truth: Tensor, found: Tensor) -> None:
    """Refuse samples that are not (n, d) with n >= 1 and (k, d)."""
    if truth.ndim != 2 or found.ndim != 2 or truth.shape[1] != found.shape[1] or not len(truth):
        shapes = f"{tuple(truth.shape)} and {tuple(found.shape)}"
        raise ValueError(f"truth, found: found shapes {shapes}; pass (n, d) and (k, d), n >= 1")


def cosines(x: Tensor, y: Tensor) -> Tensor:
    """<x, y> / (|x| |y|) along the last axis, 0 where one of them is 0."""
    return ratio((x * y).sum(-1), x.norm(dim=-1) * y.norm(dim=-1))


def ratio(above: Tensor, below: Tensor) -> Tensor:
    """Above / below, and 0 where below is 0."""
    return torch.where(below == 0, 0.0, above / torch.where(below == 0, 1.0, below))
