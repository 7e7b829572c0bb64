"""Figures of a report, drawn through matplotlib's object interface: no global state is touched."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from identify.arrays import FloatArray
from identify.findings import CLAIM, Findings, Neurons, RankReport, Recovery
from identify.rendering.text import claimed, number, relative_bound

INK, MUTED, RULE, ACCENT, SECOND = "#1c1d20", "#63666d", "#d5d7db", "#1f5fae", "#b8501c"
DIVERGING = LinearSegmentedColormap.from_list("signed", [SECOND, "#f4f4f2", ACCENT])
MAX_NEURONS = 2000
SMALLEST_SIDE = 6
"""Vectors of fewer pixels a side are shown as heat maps: nobody recognises a 3 x 3 picture."""


def picture_shape(d: int) -> tuple[int, ...] | None:
    """Guess the picture a vector of length d stands for.

    Args:
        d: Input dimension.

    Returns:
        (h, w) for a square d, (h, w, 3) with the channel last for d = 3 k^2, None otherwise.
    """
    for channels in ((), (3,)):
        pixels, rest = divmod(d, math.prod(channels))
        side = math.isqrt(pixels) if rest == 0 else 0
        if side > 0 and side * side == pixels:
            return (side, side, *channels)
    return None


def choose_shape(d: int, image_shape: Sequence[int] | None) -> tuple[int, ...] | None:
    """Take the caller's picture shape, or guess one that is worth drawing.

    Args:
        d: Input dimension.
        image_shape: (h, w) or (h, w, 3), or None to guess.

    Returns:
        The shape, or None where the samples are no pictures.

    Raises:
        ValueError: If ``image_shape`` does not hold d numbers.
    """
    if image_shape is None:
        guess = picture_shape(d)
        return guess if guess is not None and guess[0] >= SMALLEST_SIDE else None
    shape = tuple(int(side) for side in image_shape)
    if math.prod(shape) != d or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
        msg = f"image_shape is {shape}; pass (h, w) or (h, w, 3) with product d = {d}"
        raise ValueError(msg)
    return shape


def as_picture(x: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Scale one sample to [0, 1] by its own extremes.

    Args:
        x: The sample, (d,).
        shape: (h, w) or (h, w, 3).

    Returns:
        The picture; a constant sample is black.
    """
    x = np.nan_to_num(np.asarray(x, dtype=float).reshape(shape), posinf=0.0, neginf=0.0)
    span = np.ptp(x)
    return (x - x.min()) / span if span > 0 else np.zeros(shape)


def match_samples(
    first: ArrayLike, second: ArrayLike
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray, FloatArray]:
    """Pair two sample sets one to one, modulo sign, by the largest total absolute cosine.

    Args:
        first: Samples as rows, (n, d).
        second: Samples as rows, (n', d).

    Returns:
        Indices into ``first`` and ``second``, the signs that turn the second samples towards the
        first, and the cosines after turning; each (min(n, n'),).
    """
    cosine = _unit(first) @ _unit(second).T
    rows, cols = linear_sum_assignment(-np.abs(cosine))
    paired = cosine[rows, cols]
    return rows, cols, np.where(paired < 0, -1.0, 1.0), np.minimum(np.abs(paired), 1.0)


def cosine_label(cosine: float) -> str:
    """Write a cosine so that one close to 1 still shows how close.

    Args:
        cosine: Between 0 and 1.

    Returns:
        For instance ``cos 0.9312`` or ``cos 1 − 3e-9``.
    """
    gap = 1 - cosine
    if gap > 1e-3:
        return f"cos {cosine:.4f}"
    return "cos 1" if gap < 1e-15 else f"cos 1 − {number(float(f'{gap:.0e}'))}"


def spectrum_figure(rank: RankReport) -> Figure:
    """Draw the singular values against the tolerance, with the rank found and needed.

    Args:
        rank: The rank report.

    Returns:
        One panel, or two where the symmetric system was solved as well.
    """
    panels = 2 if rank.symmetric_singular_values.size else 1
    figure = _figure(2.9 * panels)
    top = figure.add_subplot(panels, 1, 1)
    _spectrum(top, rank.singular_values, rank.rank, rank.N)
    top.axhline(max(rank.tolerance, 1e-300), color=SECOND, lw=1, ls=(0, (4, 3)))
    top.set_title(
        f"Gram: rank {rank.rank}, N = {rank.N}, tolerance {number(rank.tolerance)} (dashed)"
    )
    if panels == 2:
        low = figure.add_subplot(2, 1, 2)
        found, needed = rank.symmetric_rank, rank.symmetric_dimension
        _spectrum(low, rank.symmetric_singular_values, found, needed)
        low.set_title(f"Symmetric: rank {found}, needed {needed}")
    return figure


def neurons_figure(neurons: Neurons, seed: int) -> Figure:
    """Draw the directions of the neurons in their strongest plane, and the norms.

    Args:
        neurons: The neurons.
        seed: Seed of the choice where there are more than 2000.

    Returns:
        Scatter and histogram, coloured by the sign of the output weight.
    """
    m = len(neurons.norm)
    keep = np.arange(m)
    if m > MAX_NEURONS:
        keep = np.sort(np.random.default_rng(seed).choice(m, MAX_NEURONS, replace=False))
    norm, positive = np.nan_to_num(neurons.norm, posinf=0.0), neurons.output >= 0
    top = norm.max(initial=0.0) or 1.0
    size = 2 + np.round(4 * norm / top)
    figure = _figure(5.4)
    plane, hist = figure.subplots(2, 1, height_ratios=[3, 1])
    angle = np.linspace(0, 2 * np.pi, 181)
    plane.plot(np.cos(angle), np.sin(angle), color=RULE, lw=1)
    for sign, colour in ((True, ACCENT), (False, SECOND)):
        for width in np.unique(size):
            mine = keep[(positive[keep] == sign) & (size[keep] == width)]
            style = {"color": colour, "alpha": 0.5, "ms": width, "mew": 0}
            plane.plot(neurons.plane[mine, 0], neurons.plane[mine, 1], "o", **style)
    reach = 1.05 * max(
        1.0, np.abs(np.nan_to_num(neurons.plane, posinf=0.0, neginf=0.0)).max(initial=0.0)
    )
    plane.set(aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
    plane.set_axis_off()
    bins = np.linspace(0, top, 31)
    words = [f"a ≥ 0: {positive.sum()}", f"a < 0: {(~positive).sum()}"]
    parts = [norm[positive], norm[~positive]]
    hist.hist(parts, bins.tolist(), stacked=True, color=[ACCENT, SECOND], label=words)
    _legend(hist)
    hist.set(xlabel="norm", ylabel="neurons")
    hist.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    return figure


def bounds_figure(recovery: Recovery) -> Figure | None:
    """Draw the relative error bounds in increasing order.

    Args:
        recovery: The recovery.

    Returns:
        The figure, or None where no bound is finite.
    """
    bound = np.sort(relative_bound(recovery))
    bound = bound[np.isfinite(bound)]
    if not bound.size:
        return None
    floor = 10.0 ** math.floor(math.log10(max(bound[bound > 0].min(initial=CLAIM), 1e-300)) - 1)
    bound = np.maximum(bound, floor)
    edges, sure = np.arange(bound.size + 1) + 0.5, int(np.searchsorted(bound, CLAIM))
    figure = _figure(2.6)
    axes = figure.add_subplot()
    for part, colour in ((slice(0, sure), ACCENT), (slice(sure, None), SECOND)):
        if bound[part].size:
            ends = edges[part.start : part.start + bound[part].size + 1]
            axes.stairs(bound[part], ends, baseline=floor, fill=True, color=colour, alpha=0.8)
    axes.axhline(CLAIM, color=INK, lw=1, ls=(0, (4, 3)))
    _log(axes)
    axes.set(xlim=(edges[0], edges[-1]), ylim=(floor, max(3 * CLAIM, 3 * bound.max())))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set(xlabel="samples, smallest bound first", ylabel="bound / norm")
    axes.set_title(f"A sample is claimed below {CLAIM:g} (dashed)")
    return figure


def heat_figure(blocks: dict[str, FloatArray]) -> Figure:
    """Draw sample sets that are no pictures: one row per sample, one column per coordinate.

    Args:
        blocks: Title to samples as rows.

    Returns:
        One heat map per block, on one scale.
    """
    count = len(blocks)
    rows = max(len(x) for x in blocks.values())
    figure = _figure(count * min(3.2, 1.0 + 0.12 * rows))
    top = max(np.abs(np.nan_to_num(x)).max(initial=0.0) for x in blocks.values()) or 1.0
    panels = list(figure.subplots(count, 1, squeeze=False)[:, 0])
    image = None
    for axes, (title, x) in zip(panels, blocks.items(), strict=True):
        extent = (0.5, x.shape[1] + 0.5, len(x) + 0.5, 0.5)
        image = axes.imshow(
            x, DIVERGING, vmin=-top, vmax=top, aspect="auto", interpolation="none", extent=extent
        )
        axes.set_title(title)
        axes.set(xlabel="coordinate", ylabel="sample")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    if image is not None:
        bar = figure.colorbar(image, ax=panels, fraction=0.05, aspect=10 * count + 5)
        bar.outline.set_visible(False)
    return figure


def recovery_figure(
    report: Findings,
    truth: ArrayLike | None = None,
    image_shape: Sequence[int] | None = None,
    *,
    columns: int = 12,
    most: int = 48,
) -> Figure:
    """Draw the recovered samples, each below the true sample it is matched with.

    Args:
        report: A report with a recovery.
        truth: True samples as rows, (n', d), or None.
        image_shape: (h, w) or (h, w, 3); guessed from d where None.
        columns: Pictures per row.
        most: Draw at most this many, the smallest error bounds first.

    Returns:
        The figure: pictures where d is a picture's, heat maps otherwise.

    Raises:
        ValueError: If the report has no recovered samples, or ``truth`` does not fit them.
    """
    if report.recovery is None or not len(report.recovery.x):
        msg = "report.recovery holds no samples; recovery_figure needs a report that recovered some"
        raise ValueError(msg)
    x, bound = report.recovery.x, report.recovery.error_bound
    sure = claimed(report.recovery)
    shape = choose_shape(x.shape[1], image_shape)
    order = np.argsort(relative_bound(report.recovery), kind="stable").tolist()
    if truth is None:
        order = order[:most]
        labels = [f"≤ {number(float(bound[i]))}" if sure[i] else "no claim" for i in order]
        rows = {"recovered": x[order]}
    else:
        true = np.asarray(truth, dtype=float)
        if true.ndim != 2 or true.shape[1] != x.shape[1] or not len(true):
            msg = f"truth has shape {true.shape}; pass (n, {x.shape[1]}), one sample per row"
            raise ValueError(msg)
        left, right, sign, cosine = match_samples(true, x)
        where = {int(j): k for k, j in enumerate(right)}
        pairs = [where[i] for i in order if i in where][:most]
        labels = [cosine_label(float(cosine[k])) for k in pairs]
        rows = {"truth": true[left[pairs]], "recovered": sign[pairs, None] * x[right[pairs]]}
    return _strips(rows, labels, shape, columns) if shape else heat_figure(rows)


def _strips(
    rows: dict[str, FloatArray], labels: list[str], shape: tuple[int, ...], columns: int
) -> Figure:
    columns = min(columns, len(labels))
    side, tall, gap, under, left = 0.9, 0.9 * shape[0] / shape[1], 0.06, 0.32, 0.9  # inches
    block = len(rows) * (tall + gap) + under
    width = left + columns * (side + gap)
    height = math.ceil(len(labels) / columns) * block
    figure = Figure(figsize=(width, height), dpi=150)
    for k, label in enumerate(labels):
        line, column = divmod(k, columns)
        x0, top = left + column * (side + gap), height - line * block
        for depth, (name, x) in enumerate(rows.items(), 1):
            y0 = top - depth * (tall + gap)
            axes = figure.add_axes((x0 / width, y0 / height, side / width, tall / height))
            axes.set_axis_off()
            axes.imshow(as_picture(x[k], shape), cmap="gray", interpolation="nearest")
            if column == 0:
                middle = (y0 + tall / 2) / height
                figure.text((left - 0.1) / width, middle, name, ha="right", va="center", c=INK)
        base = (top - len(rows) * (tall + gap) - 0.05) / height
        figure.text((x0 + side / 2) / width, base, label, ha="center", va="top", c=MUTED, size=8)
    return figure


def _spectrum(axes: Axes, values: FloatArray, found: int | None, needed: int) -> None:
    positive = values[np.isfinite(values) & (values > 0)]
    floor = float(positive.min()) / 10 if positive.size else 1e-16
    shown = np.where(np.isfinite(values), np.maximum(values, floor), floor)
    index = np.arange(1, len(shown) + 1)
    axes.plot(index, shown, ".", color=ACCENT, ms=5 if len(shown) < 150 else 3, mew=0)
    _log(axes)
    far = needed > 2 * max(len(shown), 1)
    edge = max(len(shown), 1 if far else needed)
    axes.set_xlim(0, edge + max(1.0, 0.04 * edge))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set(xlabel="index", ylabel="singular value")
    if found is not None:
        axes.axvline(found + 0.5, color=ACCENT, lw=1)
    if far:
        axes.text(
            0.99, 0.93, f"needed {needed}: beyond →", transform=axes.transAxes, ha="right", c=MUTED
        )
    else:
        axes.axvline(needed + 0.5, color=INK, lw=1, ls=(0, (1, 2)))


def _figure(height: float) -> Figure:
    return Figure(figsize=(5.0, height), dpi=100, layout="constrained")


def _log(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, loc="upper right", labelcolor=INK, handlelength=1)


def _unit(x: ArrayLike) -> FloatArray:
    x = np.nan_to_num(np.asarray(x, dtype=float), posinf=0.0, neginf=0.0)
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(norm > 0, norm, 1.0)
