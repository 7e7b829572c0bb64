"""How near a candidate comes to a training sample, with the definition beside every number.

A structural similarity without its window, padding and range is no number: the two definitions the
field uses differ by more than the effects it reports. Every metric here carries its own in words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

Symmetry: TypeAlias = Literal["none", "sign", "scale", "line"]
"""What the map leaves open: nothing, +-x, c x with c >= 0, or c x with any c."""

ENTRIES = 1 << 22
"""Numbers held at once per temporary array: 32 MB in double precision."""
SIGMA = 1.5
"""Width of the Gaussian window, in kornia, in torchmetrics and in Wang et al. 2004."""
K1, K2 = 0.01, 0.03
"""Constants of Wang et al. 2004, the defaults of both libraries."""


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
    return Metric("cosine", "Cosine <x, y> / (|x| |y|).", True, _cosine)


def ncc(shape: tuple[int, ...]) -> Metric:
    """Normalised cross-correlation, by which Haim et al. 2022 and Buzaglo et al. 2023 match.

    Args:
        shape: (h, w) or (h, w, c) of a picture.

    Returns:
        The metric. The published code minimises 2 (h w - 1) c (1 - NCC), which orders alike.
    """
    definition = "Correlation of the pixels of each channel (mean removed), averaged over channels."

    def pairs(x: Tensor, y: Tensor) -> Tensor:
        x, y = _channels(x, shape).flatten(-2), _channels(y, shape).flatten(-2)
        centred = x - x.mean(-1, keepdim=True), y - y.mean(-1, keepdim=True)
        return _cosine(*centred).mean(-1)

    return Metric("NCC", definition, True, pairs)


def ssim_window_3(
    shape: tuple[int, ...], mean: Tensor | float = 0.0, *, scale_truth: bool = False
) -> Metric:
    """Structural similarity as evaluated by Haim et al. 2022 (kornia), who report (1 - SSIM) / 2.

    Args:
        shape: (h, w) or (h, w, c) of a picture.
        mean: What was subtracted from the data, (d,) or a number; added back to both.
        scale_truth: Also scale the true samples to [0, 1]; theirs lie there once the mean is back.

    Returns:
        The metric; candidates are scaled to [0, 1] by their own extremes, as theirs are.
    """
    _check_sides(shape, window=3)
    scaled = "both pictures" if scale_truth else "the candidate"
    definition = (
        f"SSIM, Gaussian window 3 x 3 with sigma {SIGMA}, reflected edges, averaged over pixels "
        f"and channels, K1 = {K1}, K2 = {K2}, range 1, 1e-12 added to the denominator; the data "
        f"mean is added to both pictures, then {scaled} scaled to [0, 1] by its own extremes "
        "(Haim et al. 2022, kornia)."
    )

    def pairs(x: Tensor, y: Tensor) -> Tensor:
        x, y = x + _like(mean, x), _unit_range(y + _like(mean, y))
        x = _unit_range(x) if scale_truth else x
        return _ssim(_channels(x, shape), _channels(y, shape), 3, 1.0, 1e-12)

    return Metric("SSIM (window 3)", definition, True, pairs)


def ssim_window_11(shape: tuple[int, ...], data_range: float) -> Metric:
    """Structural similarity with torchmetrics' defaults, but for the range, which is fixed here.

    Args:
        shape: (h, w) or (h, w, c) of a picture, no side below 6.
        data_range: Range of the pixels. torchmetrics takes the larger range of the two batches,
            which two runs do not share: pass that of the data to compare them.

    Returns:
        The metric.

    Raises:
        ValueError: If the range is not positive.
    """
    _check_sides(shape, window=11)
    if not data_range > 0:
        raise ValueError(f"data_range: found {data_range}; pass a positive number")
    definition = (
        f"SSIM, Gaussian window 11 x 11 with sigma {SIGMA}, reflected edges, averaged over pixels "
        f"and channels, K1 = {K1}, K2 = {K2}, range {data_range:.6g} (torchmetrics)."
    )

    def pairs(x: Tensor, y: Tensor) -> Tensor:
        return _ssim(_channels(x, shape), _channels(y, shape), 11, data_range, 0.0)

    return Metric("SSIM (window 11)", definition, True, pairs)


def scores(metric: Metric, truth: Tensor, found: Tensor, symmetry: Symmetry = "none") -> Tensor:
    """The metric of every true sample against every candidate.

    Args:
        metric: The metric.
        truth: (n, d).
        found: (k, d), turned towards each true sample as far as the symmetry allows.
        symmetry: What the map leaves open.

    Returns:
        (n, k) on the device of ``found``, in double precision: evaluation is not a place for TF32.
    """
    check_samples(truth, found)
    truth, found = truth.detach().to(found.device, torch.float64), found.detach().double()
    values = truth.new_empty(len(truth), len(found))
    rows = max(1, ENTRIES // max(1, found.numel()))
    for start in range(0, len(truth), rows):
        x, y = truth[start : start + rows, None], found[None]
        values[start : start + rows] = metric.pairs(x, towards(x, y, symmetry))
    return values


def towards(x: Tensor, y: Tensor, symmetry: Symmetry) -> Tensor:
    """Turn and scale candidates towards true samples as far as the symmetry allows.

    Args:
        x: (..., d).
        y: (..., d), broadcast against x.
        symmetry: What the map leaves open.

    Returns:
        c y, where c is 1, a sign, or the least-squares factor.

    Raises:
        ValueError: If the symmetry is none of the four.
    """
    if symmetry not in get_args(Symmetry):
        raise ValueError(f"symmetry: found {symmetry!r}; pass one of {get_args(Symmetry)}")
    if symmetry == "none":
        return y
    inner = (x * y).sum(-1, keepdim=True)
    if symmetry == "sign":
        return torch.where(inner < 0, -y, y)
    inner = inner.clamp_min(0) if symmetry == "scale" else inner
    return y * _ratio(inner, y.square().sum(-1, keepdim=True))


def check_samples(truth: Tensor, found: Tensor) -> None:
    """Refuse samples that cannot be compared.

    Args:
        truth: (n, d).
        found: (k, d).

    Raises:
        ValueError: If they are not matrices with the same number of columns, or truth is empty.
    """
    if truth.ndim != 2 or found.ndim != 2 or truth.shape[1] != found.shape[1] or not len(truth):
        shapes = f"{tuple(truth.shape)} and {tuple(found.shape)}"
        raise ValueError(f"truth, found: found shapes {shapes}; pass (n, d) and (k, d), n >= 1")


def _ssim(x: Tensor, y: Tensor, window: int, data_range: float, eps: float) -> Tensor:
    """Wang et al. 2004, equation 13, averaged; x and y are (..., c, h, w)."""
    down, across = (_blur_matrix(side, window).to(x) for side in x.shape[-2:])

    def blur(z: Tensor) -> Tensor:
        return down @ z @ across.T

    mu_x, mu_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mu_x**2, blur(y * y) - mu_y**2
    cov = blur(x * y) - mu_x * mu_y
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    above = (2 * mu_x * mu_y + c1) * (2 * cov + c2)
    below = (mu_x**2 + mu_y**2 + c1) * (var_x + var_y + c2)
    return (above / (below + eps)).mean((-3, -2, -1))


def _blur_matrix(side: int, window: int) -> Tensor:
    """The Gaussian average along one side, (side, side), edges reflected without repetition."""
    offset = torch.arange(window) - window // 2
    g = torch.exp(-(offset.double() ** 2) / (2 * SIGMA**2))
    at = (torch.arange(side)[:, None] + offset).abs()
    at = torch.where(at < side, at, 2 * (side - 1) - at)
    weights = (g / g.sum()).expand(side, window)
    return torch.zeros(side, side, dtype=torch.float64).scatter_add_(1, at, weights)


def _channels(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Turn (..., h w c) into (..., c, h, w)."""
    if len(shape) not in {2, 3} or prod(shape) != x.shape[-1]:
        raise ValueError(f"shape: found {shape} for {x.shape[-1]} pixels; pass (h, w) or (h, w, c)")
    return x.unflatten(-1, (*shape, 1)[:3]).movedim(-1, -3)


def _check_sides(shape: tuple[int, ...], window: int) -> None:
    if min(shape[:2]) <= window // 2:
        need = window // 2 + 1
        raise ValueError(
            f"shape: found {shape}; a window of {window} needs sides of {need} or more"
        )


def _cosine(x: Tensor, y: Tensor) -> Tensor:
    return _ratio((x * y).sum(-1), x.norm(dim=-1) * y.norm(dim=-1))


def _unit_range(x: Tensor) -> Tensor:
    low, high = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
    return _ratio(x - low, high - low)


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    """Above / below, and 0 where below is 0."""
    return torch.where(below == 0, 0.0, above / torch.where(below == 0, 1.0, below))


def _like(value: Tensor | float, x: Tensor) -> Tensor:
    return torch.as_tensor(value, dtype=x.dtype, device=x.device)
