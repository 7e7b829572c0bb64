"""Figures of numbers: singular values, neurons and error bounds.

They are drawn through matplotlib's object interface: no global state is touched.
"""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from identify.arrays import FloatArray
from identify.findings import CLAIM, Course, Neurons, RankReport, Recovery
from identify.rendering.style import ACCENT, INK, MUTED, RULE, SECOND, figure_of_height
from identify.rendering.words import number, relative_bound

MAX_NEURONS = 2000


def spectrum_figure(rank: RankReport) -> Figure:
    """Draw the singular values of each test against tolerance, rank found and rank needed."""
    panels = 2 if rank.symmetric_singular_values.size else 1
    figure = figure_of_height(2.9 * panels)
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
    """Draw directions and norms of the neurons, at most 2000 of them chosen by ``seed``."""
    m = len(neurons.norm)
    keep = np.arange(m)
    if m > MAX_NEURONS:
        keep = np.sort(np.random.default_rng(seed).choice(m, MAX_NEURONS, replace=False))
    norm, positive = np.nan_to_num(neurons.norm, posinf=0.0), neurons.output >= 0
    top = norm.max(initial=0.0) or 1.0
    size = 2 + np.round(4 * norm / top)
    figure = figure_of_height(5.4)
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
    if not positive.all():
        _legend(hist)
    hist.set(xlabel="norm", ylabel="neurons")
    hist.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    return figure


def bounds_figure(recovery: Recovery) -> Figure | None:
    """Draw the relative error bounds in increasing order; None where none is finite."""
    bound = np.sort(relative_bound(recovery))
    bound = bound[np.isfinite(bound)]
    if not bound.size:
        return None
    floor = 10.0 ** math.floor(math.log10(max(bound[bound > 0].min(initial=CLAIM), 1e-300)) - 1)
    bound = np.maximum(bound, floor)
    edges, sure = np.arange(bound.size + 1) + 0.5, int(np.searchsorted(bound, CLAIM))
    figure = figure_of_height(2.6)
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


def course_figure(course: Course) -> Figure:
    """Draw how the residual of every sample went, relative to the largest at the start."""
    figure = figure_of_height(2.6)
    axes = figure.add_subplot()
    start = float(np.abs(course.residuals[0]).max(initial=0.0)) or 1.0
    for n, sure in enumerate(course.confirmed):
        shown = np.abs(course.residuals[:, n]) / start
        axes.plot(course.times, shown, color=ACCENT if sure else MUTED, lw=1, alpha=0.6)
    _number_ends(axes, np.abs(course.residuals[-1]) / start)
    axes.axhline(0, color=RULE, lw=1)
    axes.set(xlim=(0, 1), xlabel="share of the training, at its own pace", ylabel="|residual|")
    axes.set_ylim(bottom=0)
    return figure


def _number_ends(axes: Axes, ends: FloatArray) -> None:
    """Write the number of each sample beside its curve where there is room for it."""
    gap, below = 0.07 * float(ends.max(initial=1.0)), -np.inf
    for i in np.argsort(ends):
        if ends[i] >= below + gap:
            axes.annotate(str(i + 1), (1.01, ends[i]), va="center", c=MUTED, annotation_clip=False)
            below = ends[i]


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


def _log(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, loc="upper right", labelcolor=INK, handlelength=1)
