"""What training added to each layer, as a table, JSON and a page with the spectra."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from identify.checkpoints.layer_change import LayerChange
from identify.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

COLUMNS = ("matrix", "shape", "reads", "records", "gap", "decay", "noise", "columns", "still")
CAPTION = "columns: that moved; still: rows that did not, such as tokens not seen"


def cells(change: LayerChange) -> tuple[str, ...]:
    """Return the row of a change under ``COLUMNS``."""
    h, d = change.shape
    return (
        change.name,
        f"{h}x{d}",
        change.kind,
        "no gap" if change.rank is None else str(change.rank),
        "-" if change.rank is None else f"{change.gap:.0f}",
        "-" if change.decay is None else f"{change.decay:.7g}",
        "-" if change.noise is None else f"{change.noise:.1e}",
        str(change.effective_dimension),
        str(len(change.untouched_rows)),
    )


def spans_table(changes: Sequence[LayerChange]) -> Table:
    """Return the changes as a table for the terminal."""
    from rich.table import Table

    table = Table(*COLUMNS, box=None, pad_edge=False, caption=CAPTION, caption_justify="left")
    for change in changes:
        table.add_row(*cells(change))
    return table


def change_dict(change: LayerChange) -> dict[str, Any]:
    """Return a change as JSON holds it, without the basis."""
    return {
        "name": change.name,
        "shape": list(change.shape),
        "kind": change.kind,
        "has_bias": change.has_bias,
        "decay": change.decay,
        "rank": change.rank,
        "gap": change.gap,
        "noise": change.noise,
        "effective_dimension": change.effective_dimension,
        "untouched_rows": change.untouched_rows.tolist(),
        "untouched_columns": change.untouched_columns.tolist(),
        "singular_values": change.singular_values.tolist(),
        "linear": change.linear,
        "reasons": list(change.reasons),
    }


def write_spans_json(changes: Sequence[LayerChange], path: Path) -> None:
    """Write the changes as JSON."""
    write_atomic(path, json.dumps([change_dict(change) for change in changes], indent=1) + "\n")


def write_spans_page(changes: Sequence[LayerChange], path: Path) -> None:
    """Write the changes as one self-contained page."""
    import matplotlib as mpl

    from identify.page import write_page
    from identify.rendering.style import STYLE, inline_svg

    with mpl.rc_context(STYLE):
        plots = {
            change.name: inline_svg(change_figure(change), f"s{k}")
            for k, change in enumerate(changes)
            if change.singular_values.size
        }
        write_page(
            path,
            "identify/rendering/spans.html.j2",
            changes=changes,
            heads=COLUMNS,
            caption=CAPTION,
            rows=[cells(change) for change in changes],
            plots=plots,
        )


def change_figure(change: LayerChange) -> Figure:
    """Draw the singular values, those of records and those of noise in two colours."""
    from identify.rendering.style import ACCENT, MUTED, figure_of_height

    values = change.singular_values
    index = np.arange(1, len(values) + 1)
    figure = figure_of_height(2.6)
    axes = figure.add_subplot()
    rank = change.rank or 0
    for part, colour in ((slice(0, rank), ACCENT), (slice(rank, None), MUTED)):
        axes.plot(index[part], values[part], ".", ms=4, color=colour)
    floor = 1e-3 * (values[rank] if change.rank is not None else values[0])
    axes.set(xlabel="index", ylabel="singular value", yscale="log")
    axes.set_ylim(bottom=max(floor, float(values[values > 0].min(initial=np.inf)) / 3, 1e-300))
    return figure
