"""The true samples of a comparison with their partners, and all of them in one scatter.

Orange is the run without splitting, blue the run with it. Everything is drawn through matplotlib's
object interface, so no global state is touched and no display is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from attack.experiments.comparison import Comparison
from attack.metrics.vectors import towards
from identify.arrays import FloatArray
from identify.rendering.style import ACCENT, INK, MUTED, SECOND
from identify.rendering.words import number, printable

WITHOUT, WITH = SECOND, ACCENT
DASHES = (0, (4, 3))
WIDE = 100.0
"""Values that span more than this factor are drawn on a logarithmic scale."""


def shown_samples(
    c: Comparison, chosen: Sequence[int]
) -> list[tuple[FloatArray | None, FloatArray | None, FloatArray]]:
    """Return for each chosen true sample its partners without and with splitting, and itself.

    Partners are turned towards the truth, and None where there is none.
    """
    rows = []
    for i in chosen:
        x, pair = c.truth[i].detach().cpu().double(), []
        for run, matched in ((c.without, c.before), (c.with_, c.after)):
            j = int(matched.partner[i])
            y = run.x[j].detach().cpu().double()
            pair.append(towards(x, y, c.symmetry).numpy() if j >= 0 else None)
        rows.append((pair[0], pair[1], x.numpy()))
    return rows


def scatter_figure(comparisons: Sequence[Comparison]) -> Figure:
    """Return every true sample of all seeds, the metric without against with splitting.

    Samples without a partner on either side are left out (figure 2 of arXiv 2602.08723).
    """
    before = np.concatenate([c.before.values for c in comparisons])
    after = np.concatenate([c.after.values for c in comparisons])
    sign = np.concatenate([c.sign for c in comparisons])
    both = np.isfinite(before) & np.isfinite(after)
    figure = Figure(figsize=(5.0, 4.4), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for way, colour, word in ((1, WITH, "better"), (-1, WITHOUT, "worse"), (0, MUTED, "same")):
        kept = (sign == way) & both
        if kept.any():
            style = {"color": colour, "alpha": 0.6, "ms": 5, "mew": 0}
            axes.plot(before[kept], after[kept], "o", label=f"{word}: {kept.sum()}", **style)
    limits = _limits(axes, np.concatenate([before[both], after[both]]))
    axes.plot(limits, limits, color=MUTED, lw=1, ls=DASHES)
    name = literal(comparisons[0].metric.name)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    axes.set(xlabel=f"{name} without splitting", ylabel=f"{name} with splitting")
    if both.any():
        legend(figure)
    return figure


def literal(name: str) -> str:
    """The name as it is: matplotlib would read what stands between dollars as a formula."""
    return printable(name).replace("$", r"\$")


def legend(figure: Figure) -> None:
    """One legend above all panels."""
    place = {"loc": "outside upper left", "ncols": 3}
    figure.legend(frameon=False, labelcolor=INK, handlelength=1.2, **place)


def decades(axes: Axes, side: str) -> None:
    """Few labels on the logarithmic axis "x" or "y", as plain numbers."""
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(numticks=6))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def _limits(axes: Axes, values: FloatArray) -> tuple[float, float]:
    """Limits of both axes, which become logarithmic for values that span much."""
    low, high = (values.min(), values.max()) if values.size else (0.0, 1.0)
    if low > 0 and high > WIDE * low:
        axes.set(xscale="log", yscale="log")
        decades(axes, "x")
        decades(axes, "y")
        return low / 1.5, high * 1.5
    margin = 0.04 * (high - low) or 0.5
    return low - margin, high + margin
