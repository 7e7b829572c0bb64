"""How near a candidate comes to a training sample as a picture, with the definition in words.

A structural similarity without its window, padding and range is no number: the two definitions the
field uses differ by more than the effects it reports. Wang et al. 2004, equation 13:

    SSIM = (2 mu_x mu_y + c1) (2 cov + c2) / ((mu_x^2 + mu_y^2 + c1) (var_x + var_y + c2)),
    c1 = (K1 range)^2,  c2 = (K2 range)^2,  moments under a Gaussian window of width SIGMA.

Window 11 is that of Wang et al., by torchmetrics; window 3 that of Haim et al., written out here,
because torchmetrics ties the size of a Gaussian window to its width.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from attack.metrics.vectors import Metric, cosines, ratio

SIGMA = 1.5
"""Width of the Gaussian window, in kornia, in torchmetrics and in Wang et al. 2004."""
K1, K2 = 0.01, 0.03
"""Constants of Wang et al. 2004, the defaults of both libraries."""


def ncc(shape: tuple[int, ...]) -> Metric:
    """Normalised cross-correlation, by which Haim et al. 2022 and Buzaglo et al. 2023 match."""
    # the published code minimises 2 (h w - 1) c (1 - NCC), which orders alike
    definition = "Correlation of the pixels of each channel (mean removed), averaged over channels."

    def pairs(x: Tensor, y: Tensor) -> Tensor:
        x, y = _channels(x, shape).flatten(-2), _channels(y, shape).flatten(-2)
        return cosines(x - x.mean(-1, keepdim=True), y - y.mean(-1, keepdim=True)).mean(-1)

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
        back = torch.as_tensor(mean, dtype=x.dtype, device=x.device)
        x, y = x + back, _unit_range(y + back)
        x = _unit_range(x) if scale_truth else x
        return _ssim_of_three(_channels(x, shape), _channels(y, shape))

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
        from torchmetrics.functional.image import structural_similarity_index_measure

        x, y = torch.broadcast_tensors(_channels(x, shape), _channels(y, shape))
        found = structural_similarity_index_measure(
            y.reshape(-1, *y.shape[-3:]),
            x.reshape(-1, *x.shape[-3:]),
            sigma=SIGMA,
            reduction="none",
            data_range=data_range,
            k1=K1,
            k2=K2,
        )
        assert isinstance(found, Tensor)
        return found.reshape(x.shape[:-3])

    return Metric("SSIM (window 11)", definition, True, pairs)


def _ssim_of_three(x: Tensor, y: Tensor) -> Tensor:
    """SSIM of pictures (..., c, h, w) in [0, 1], averaged over pixels and channels."""
    down, across = (_blur_matrix(side).to(x) for side in x.shape[-2:])

    def blur(z: Tensor) -> Tensor:
        return down @ z @ across.T

    mu_x, mu_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mu_x**2, blur(y * y) - mu_y**2
    cov = blur(x * y) - mu_x * mu_y
    c1, c2 = K1**2, K2**2
    above = (2 * mu_x * mu_y + c1) * (2 * cov + c2)
    below = (mu_x**2 + mu_y**2 + c1) * (var_x + var_y + c2)
    return (above / (below + 1e-12)).mean((-3, -2, -1))


def _blur_matrix(side: int) -> Tensor:
    """The Gaussian average of three along one side, (side, side), edges reflected once."""
    offset = torch.arange(-1, 2)
    g = torch.exp(-(offset.double() ** 2) / (2 * SIGMA**2))
    at = (torch.arange(side)[:, None] + offset).abs()
    at = torch.where(at < side, at, 2 * (side - 1) - at)
    weights = (g / g.sum()).expand(side, 3)
    return torch.zeros(side, side, dtype=torch.float64).scatter_add_(1, at, weights)


def _channels(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Turn (..., h w c) into (..., c, h, w)."""
    if len(shape) not in {2, 3} or prod(shape) != x.shape[-1]:
        raise ValueError(f"shape: found {shape} for {x.shape[-1]} pixels; pass (h, w) or (h, w, c)")
    return x.unflatten(-1, (*shape, 1)[:3]).movedim(-1, -3)


def _check_sides(shape: tuple[int, ...], window: int) -> None:
    need = window // 2 + 1
    if min(shape[:2]) < need:
        raise ValueError(
            f"shape: found {shape}; a window of {window} needs sides of {need} or more"
        )


def _unit_range(x: Tensor) -> Tensor:
    low, high = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
    return ratio(x - low, high - low)
