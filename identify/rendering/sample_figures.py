"""Figures of samples: pictures beside their partners, or heat maps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from identify.arrays import FloatArray
from identify.findings import Findings
from identify.rendering.shapes import as_picture, choose_shape
from identify.rendering.style import DIVERGING, INK, MUTED, figure_of_height
from identify.rendering.words import claimed, number, relative_bound
from identify.sample_sets import match_samples


def heat_figure(blocks: dict[str, FloatArray]) -> Figure:
    """Draw sample sets that are no pictures, title to rows, as heat maps on one scale."""
    count = len(blocks)
    rows = max(len(x) for x in blocks.values())
    figure = figure_of_height(count * min(3.2, 1.0 + 0.12 * rows))
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

    At most ``most`` are drawn, ``columns`` to a row, the smallest error bounds first.

    Returns:
        Pictures where d is a picture's or ``image_shape`` is given, heat maps otherwise.

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
    return strips_figure(rows, labels, shape, columns) if shape else heat_figure(rows)


def strips_figure(
    rows: dict[str, FloatArray], labels: list[str], shape: tuple[int, ...], columns: int = 12
) -> Figure:
    """Draw sample sets as rows of pictures below one another, a label under each column."""
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


def cosine_label(cosine: float) -> str:
    """Write a cosine so that one near 1 shows how near: ``cos 0.9312``, ``cos 1 − 3e-9``."""
    gap = 1 - cosine
    if gap > 1e-3:
        return f"cos {cosine:.4f}"
    return "cos 1" if gap < 1e-15 else f"cos 1 − {number(float(f'{gap:.0e}'))}"
