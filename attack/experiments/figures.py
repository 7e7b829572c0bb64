"""The paper's four figures for one comparison, in the colours of the other reports.

Orange is the run without splitting, blue the run with it. Everything is drawn through matplotlib's
object interface, so no global state is touched and no display is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from torch import Tensor

from attack.experiments.comparison import Comparison, Run, top_samples
from attack.metrics.metrics import towards
from identify.arrays import FloatArray
from identify.rendering.shapes import as_picture
from identify.rendering.style import ACCENT, INK, MUTED, SECOND
from identify.rendering.words import number, printable

WITHOUT, WITH = SECOND, ACCENT
DASHES = (0, (4, 3))
WIDE = 100.0
"""Values that span more than this factor are drawn on a logarithmic scale."""


def shown_samples(
    truth: Tensor, without: Run, with_: Run, comparison: Comparison, chosen: Sequence[int]
) -> list[tuple[FloatArray | None, FloatArray | None, FloatArray]]:
    """Collect, for each chosen true sample, its two partners and itself.

    Args:
        truth: (n, d).
        without: The run without splitting.
        with_: The run with it.
        comparison: Their comparison.
        chosen: Indices of true samples.

    Returns:
        Without, with, truth; partners turned towards the truth, None where there is none.
    """
    sides = ((without, comparison.before), (with_, comparison.after))
    rows = []
    for i in chosen:
        x, pair = truth[i].detach().cpu().double(), []
        for run, matched in sides:
            j = int(matched.partner[i])
            y = run.x[j].detach().cpu().double()
            pair.append(towards(x, y, comparison.symmetry).numpy() if j >= 0 else None)
        rows.append((pair[0], pair[1], x.numpy()))
    return rows


def image_grid(
    truth: Tensor,
    without: Run,
    with_: Run,
    comparison: Comparison,
    shape: tuple[int, ...],
    *,
    count: int = 25,
) -> Figure:
    """Draw figure 1: without splitting, with splitting, true sample; the largest gain first.

    Args:
        truth: (n, d).
        without: The run without splitting.
        with_: The run with it.
        comparison: Their comparison.
        shape: (h, w) or (h, w, 3) of a picture.
        count: The paper shows 25.

    Returns:
        Three rows of pictures, each scaled by its own extremes, with the metric below.
    """
    chosen = top_samples(comparison, count)
    columns = max(1, len(chosen))
    figure = Figure(figsize=(1.0 + 0.75 * columns, 2.7), dpi=150, layout="constrained")
    panels = figure.subplots(3, columns, squeeze=False)
    rows = shown_samples(truth, without, with_, comparison, chosen.tolist())
    for axes in panels.flat:
        axes.set(xticks=[], yticks=[], frame_on=False)
    for column, row in zip(panels.T, rows, strict=False):
        for axes, x in zip(column, row, strict=True):
            if x is not None:
                axes.imshow(as_picture(x, shape), cmap="gray", interpolation="nearest")
    for axes, name in zip(panels[:, 0], ("without", "with", "truth"), strict=True):
        axes.set_ylabel(name, rotation=0, ha="right", va="center", color=INK)
    for column, i in zip(panels.T, chosen, strict=False):
        sides = zip(column[:2], (comparison.before, comparison.after), strict=True)
        for axes, matched in sides:
            axes.set_xlabel(number(float(matched.values[i])), color=MUTED, fontsize=7, labelpad=1)
    return figure


def scatter_figure(comparisons: Sequence[Comparison]) -> Figure:
    """Draw figure 2: every true sample of all seeds, the metric without against with splitting.

    Args:
        comparisons: One or more, of one metric.

    Returns:
        A scatter with the diagonal; samples without a partner on either side are left out.
    """
    name = _plain(comparisons[0].metric.name)
    before = np.concatenate([c.before.values for c in comparisons])
    after = np.concatenate([c.after.values for c in comparisons])
    gain = np.concatenate([np.where(abs(c.gain) > c.tolerance, c.gain, 0) for c in comparisons])
    both = np.isfinite(before) & np.isfinite(after)
    figure = Figure(figsize=(5.0, 4.4), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    styles = ((gain > 0, WITH, "better"), (gain < 0, WITHOUT, "worse"), (gain == 0, MUTED, "same"))
    for part, colour, word in styles:
        kept = part & both
        if kept.any():
            style = {"color": colour, "alpha": 0.6, "ms": 5, "mew": 0}
            axes.plot(before[kept], after[kept], "o", label=f"{word}: {kept.sum()}", **style)
    values = np.concatenate([before[both], after[both]])
    low, high = (values.min(), values.max()) if values.size else (0.0, 1.0)
    if low > 0 and high > WIDE * low:
        axes.set(xscale="log", yscale="log")
        _decades(axes, "x")
        _decades(axes, "y")
        low, high = low / 1.5, high * 1.5
    else:
        margin = 0.04 * (high - low) or 0.5
        low, high = low - margin, high + margin
    axes.plot([low, high], [low, high], color=MUTED, lw=1, ls=DASHES)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set(xlabel=f"{name} without splitting", ylabel=f"{name} with splitting")
    if both.any():
        _legend(figure)
    return figure


def curves_figure(without: Run, with_: Run, metric_name: str) -> Figure:
    """Draw figure 3: loss and mean metric against the step, splits dashed and merges dotted.

    Args:
        without: The run without splitting.
        with_: The run with it.
        metric_name: What the runs recorded.

    Returns:
        One panel for the loss, and one for the metric where a run recorded it.
    """
    measured = [run for run in (without, with_) if run.metric.size]
    count = 2 if measured else 1
    figure = Figure(figsize=(5.0, 0.4 + 2.4 * count), dpi=100, layout="constrained")
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    for run, colour in ((without, WITHOUT), (with_, WITH)):
        panels[0].plot(run.steps, run.losses, color=colour, lw=1.5, label=_plain(run.name))
        if run.metric.size:
            panels[1].plot(run.metric_steps, _mean(run.metric), color=colour, lw=1.5)
    for axes in panels:
        _events(axes, with_)
    recorded = np.concatenate([without.losses, with_.losses])
    if (recorded > 0).any():
        panels[0].set_yscale("log")
        _decades(panels[0], "y")
    panels[0].set(ylabel="loss")
    _legend(figure)
    if measured:
        panels[1].set(ylabel=f"mean {_plain(metric_name)}")
    _steps(panels[-1])
    return figure


def trajectories_figure(
    without: Run, with_: Run, chosen: Sequence[int], metric_name: str
) -> Figure | None:
    """Draw figure 4: the metric of single true samples against the step.

    Args:
        without: The run without splitting.
        with_: The run with it.
        chosen: Indices of true samples, one panel each.
        metric_name: What the runs recorded.

    Returns:
        The figure, or None where nothing was chosen or neither run recorded the metric.
    """
    measured = [(r, c) for r, c in ((without, WITHOUT), (with_, WITH)) if r.metric.size]
    if not measured or not len(chosen):
        return None
    columns = min(2, len(chosen))
    lines = -(-len(chosen) // columns)
    figure = Figure(figsize=(5.0, 0.5 + 1.5 * lines), dpi=100, layout="constrained")
    panels = figure.subplots(lines, columns, sharex=True, squeeze=False)
    for axes, i in zip(panels.flat, chosen, strict=False):
        for run, colour in measured:
            axes.plot(run.metric_steps, run.metric[:, i], color=colour, lw=1.3)
        _events(axes, with_)
        axes.set_title(f"true sample {i + 1}", fontsize=9)
        axes.yaxis.set_major_locator(MaxNLocator(3))
    for axes in panels.flat[len(chosen) :]:
        axes.set_axis_off()
    for axes in panels[-1]:
        _steps(axes)
    figure.supylabel(_plain(metric_name), color=MUTED, fontsize=10)
    return figure


def _plain(name: str) -> str:
    """The name as it is: matplotlib would read what stands between dollars as a formula."""
    return printable(name).replace("$", r"\$")


def _legend(figure: Figure) -> None:
    place = {"loc": "outside upper left", "ncols": 3}
    figure.legend(frameon=False, labelcolor=INK, handlelength=1.2, **place)


def _events(axes: Axes, run: Run) -> None:
    for step in run.split_steps:
        axes.axvline(step, color=MUTED, lw=0.8, ls=DASHES, zorder=0)
    for step in run.merge_steps:
        axes.axvline(step, color=MUTED, lw=0.8, ls=(0, (1, 3)), zorder=0)


def _mean(metric: FloatArray) -> FloatArray:
    known = ~np.isnan(metric)
    total = np.where(known, metric, 0.0).sum(1)
    return np.where(known.any(1), total / np.maximum(known.sum(1), 1), np.nan)


def _steps(axes: Axes) -> None:
    axes.set(xlabel="step")
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _decades(axes: Axes, side: str) -> None:
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(numticks=6))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
