"""Phase diagrams: maps over two axes, one row of three for every point of the other axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from identify.rendering.style import ACCENT, INK, MUTED, SECOND
from identify.sweep.cells import AXES, PhaseGrid
from identify.sweep.phase import counts_needed
from identify.sweep.tables import GridPoint

SHARES = (
    ("determined", "a rank condition holds"),
    ("recovered", "all samples recovered"),
    ("answered", "the verdict claims something"),
)
MOST_ROWS = 12
"""Rows of maps drawn; the table holds all points."""

_SHARE = LinearSegmentedColormap.from_list("share", ["#f4f4f2", ACCENT])


def plane_of(grid: PhaseGrid) -> tuple[str, str]:
    """The axes that are drawn across and upwards: n and m if varied, else the first that are."""
    varied = grid.varied
    order = [name for name in ("n", "m") if name in varied]
    order += [name for name in (*varied, *AXES) if name not in order]
    return order[0], order[1]


def phase_diagram(grid: PhaseGrid, points: Sequence[GridPoint]) -> Figure:
    """Draw the shares of every point; lines show how many neurons the rank conditions count."""
    across, upwards = plane_of(grid)
    others = [name for name in grid.varied if name not in {across, upwards}]
    rows: dict[tuple[Any, ...], list[GridPoint]] = {}
    for point in points:
        rows.setdefault(tuple(point.values[name] for name in others), []).append(point)
    drawn = list(rows.items())[:MOST_ROWS]
    figure = Figure(figsize=(10.5, 0.6 + 3.0 * len(drawn)), dpi=100, layout="constrained")
    panels = figure.subplots(len(drawn), len(SHARES), squeeze=False, sharex=True, sharey=True)
    for line, (values, here) in zip(panels, drawn, strict=True):
        named = ", ".join(f"{name} {value}" for name, value in zip(others, values, strict=True))
        for axes, (share, title) in zip(line, SHARES, strict=True):
            _map(axes, grid, (across, upwards), here, share)
            axes.set_title(f"{title}\n{named}" if named else title)
        line[0].set_ylabel(upwards)
        scale = ScalarMappable(Normalize(0, 1), _SHARE)
        figure.colorbar(scale, ax=list(line), label="share", shrink=0.9, aspect=30)
    for axes in panels[-1]:
        axes.set_xlabel(across)
    return figure


def _map(
    axes: Axes, grid: PhaseGrid, plane: tuple[str, str], points: Sequence[GridPoint], share: str
) -> None:
    xs, ys = (list(getattr(grid, name)) for name in plane)
    values = np.full((len(ys), len(xs)), np.nan)
    for point in points:
        x, y = (point.values[name] for name in plane)
        found = getattr(point, share)
        values[ys.index(y), xs.index(x)] = np.nan if found is None else found
        if point.exceeded:
            axes.plot(xs.index(x), ys.index(y), "x", color=SECOND, ms=7)
    axes.imshow(values, origin="lower", aspect="auto", vmin=0, vmax=1, cmap=_SHARE)
    for set_ticks, of in ((axes.set_xticks, xs), (axes.set_yticks, ys)):
        step = -(-len(of) // 12)
        set_ticks(range(0, len(of), step), [str(value) for value in of[::step]])
    axes.tick_params(length=0)
    if plane == ("n", "m") and len(xs) > 1 and len(ys) > 1:
        _counts(axes, xs, ys, points[0].values)


def _counts(axes: Axes, xs: list[int], ys: list[int], values: Any) -> None:
    """Draw how many neurons each rank condition needs, on the scale of the rows of the map."""
    needed = np.array([counts_needed(n, values["d"], values["alpha"]) for n in xs])
    for k, (style, name) in enumerate(((":", "symmetric"), ("-", "Gram"))):
        of = needed[:, 1 - k]
        inside = (of >= ys[0]) & (of <= ys[-1])
        height = np.where(inside, np.interp(of, ys, range(len(ys))), np.nan)
        axes.plot(range(len(xs)), height, style, color=INK, lw=1.2, label=f"{name} count")
    axes.legend(fontsize=8, frameon=False, labelcolor=MUTED, loc="lower right")
