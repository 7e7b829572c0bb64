"""How two runs went, step by step: figures 3 and 4 of arXiv 2602.08723 for one comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from attack.descent.result import Reconstruction
from attack.experiments.comparison import Comparison, event_steps
from attack.experiments.figures import DASHES, WITH, WITHOUT, decades, legend, literal
from identify.arrays import FloatArray
from identify.rendering.figures import MUTED


def curves_figure(c: Comparison) -> Figure:
    """Return loss and mean metric against the step, splits dashed and merges dotted.

    There is one panel for the loss, and one for the metric where a run recorded it.
    """
    runs = ((c.without, "without splitting", WITHOUT), (c.with_, "with splitting", WITH))
    count = 2 if any(_metric(run).size for run, *_ in runs) else 1
    figure = Figure(figsize=(5.0, 0.4 + 2.4 * count), dpi=100, layout="constrained")
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    positive = False
    for run, name, colour in runs:
        losses = [record.loss for record in run.history]
        positive |= max(losses) > 0
        panels[0].plot(_taken(run), losses, color=colour, lw=1.5, label=name)
        metric = _metric(run)
        if metric.size:
            panels[1].plot(_taken(run), _mean(metric), color=colour, lw=1.5)
    for axes in panels:
        _events(axes, c.with_)
    if positive:
        panels[0].set_yscale("log")
        decades(panels[0], "y")
    panels[0].set(ylabel="loss")
    legend(figure)
    if count == 2:
        panels[1].set(ylabel=f"mean {literal(c.metric.name)}")
    _steps(panels[-1])
    return figure


def trajectories_figure(c: Comparison, chosen: Sequence[int]) -> Figure | None:
    """Return the metric of single true samples against the step, one panel each.

    There is no figure where nothing was chosen or neither run recorded the metric.
    """
    runs = ((c.without, WITHOUT), (c.with_, WITH))
    measured = [(_taken(run), _metric(run), colour) for run, colour in runs if _metric(run).size]
    if not measured or not chosen:
        return None
    columns = min(2, len(chosen))
    lines = -(-len(chosen) // columns)
    figure = Figure(figsize=(5.0, 0.5 + 1.5 * lines), dpi=100, layout="constrained")
    panels = figure.subplots(lines, columns, sharex=True, squeeze=False)
    for axes, i in zip(panels.flat, chosen, strict=False):
        for steps, metric, colour in measured:
            axes.plot(steps, metric[:, i], color=colour, lw=1.3)
        _events(axes, c.with_)
        axes.set_title(f"true sample {i + 1}", fontsize=9)
        axes.yaxis.set_major_locator(MaxNLocator(3))
    for axes in panels.flat[len(chosen) :]:
        axes.set_axis_off()
    for axes in panels[-1]:
        _steps(axes)
    figure.supylabel(literal(c.metric.name), color=MUTED, fontsize=10)
    return figure


def _taken(run: Reconstruction) -> list[int]:
    return [record.step for record in run.history]


def _metric(run: Reconstruction) -> FloatArray:
    """(records, n), one column per true sample; (records, 0) where the truth is not known."""
    return np.array([record.metric for record in run.history])


def _mean(metric: FloatArray) -> FloatArray:
    known = ~np.isnan(metric)
    total = np.where(known, metric, 0.0).sum(1)
    return np.where(known.any(1), total / np.maximum(known.sum(1), 1), np.nan)


def _events(axes: Axes, run: Reconstruction) -> None:
    marks = (
        (DASHES, event_steps(run, "split")),
        ((0, (1, 3)), event_steps(run, "merge", "remove")),
    )
    for dashes, steps in marks:
        for step in steps:
            axes.axvline(step, color=MUTED, lw=0.8, ls=dashes, zorder=0)


def _steps(axes: Axes) -> None:
    axes.set(xlabel="step")
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
