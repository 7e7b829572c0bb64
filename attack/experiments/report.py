"""One self-contained page for a comparison with and without splitting, whichever way it went."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from attack.experiments.comparison import Comparison, loss_ratio, top_samples
from attack.experiments.curves import curves_figure, trajectories_figure
from attack.experiments.figures import scatter_figure, shown_samples
from attack.experiments.settings import SourcedValue
from attack.experiments.summary import HELPED, MIXED, SAME, WORSE, summarise
from identify.arrays import FloatArray
from identify.page import write_page
from identify.rendering import words
from identify.rendering.sample_figures import heat_figure
from identify.rendering.shapes import choose_shape
from identify.rendering.style import STYLE, inline_png, inline_svg

TRAJECTORIES = 6
"""Panels of the last figure."""
TONE = {HELPED: "better", WORSE: "worse", MIXED: "none", SAME: "none"}


def write_report(
    path: str | Path,
    *,
    title: str,
    settings: Sequence[SourcedValue],
    comparisons: Sequence[Comparison],
    shape: Sequence[int] | None = None,
    pictures: int = 25,
) -> None:
    """Write the comparisons, one per seed, as one page that asks nothing of the network.

    Pictures and curves are those of the first. The shape of a picture, (h, w) or (h, w, 3), is
    guessed from d where it is None; at most so many pictures are drawn, the paper shows 25.

    Raises:
        ValueError: If there is no comparison, or their metrics differ.
    """
    if len({c.metric.definition for c in comparisons}) != 1:
        definitions = sorted({c.metric.definition for c in comparisons})
        raise ValueError(
            f"comparisons: found the metrics {definitions}; pass one or more comparisons of one"
        )
    verdict, *sentences = summarise(comparisons)
    with mpl.rc_context(STYLE):
        write_page(
            path,
            "attack/experiments/report.html.j2",
            title=title,
            verdict=verdict,
            tone=TONE[verdict],
            sentences=sentences,
            metric=comparisons[0].metric,
            first=comparisons[0],
            seed=comparisons[0].without.seed,
            samples=_samples(comparisons[0], shape, pictures),
            plots=_plots(comparisons),
            rows=[row for c in comparisons for row in _rows(c)],
            settings=settings,
            words=words,
        )


def _rows(c: Comparison) -> list[dict[str, Any]]:
    """Both runs, as lines of the table."""
    rows = []
    for name, run, matched, change in (
        ("without splitting", c.without, c.before, ""),
        ("with splitting", c.with_, c.after, f"{c.wins} / {c.losses}"),
    ):
        values = matched.values[~np.isnan(matched.values)]
        rows.append({
            "seed": run.seed,
            "name": name,
            "k": matched.k,
            "found": f"{matched.found} of {len(c.truth)}",
            "mean": words.number(float(values.mean())) if values.size else "none",
            "loss": words.number(loss_ratio(run)),
            "change": change,
            "seconds": words.number(run.seconds),
        })
    return rows


def _plots(comparisons: Sequence[Comparison]) -> dict[str, str | None]:
    first = comparisons[0]
    order = top_samples(first)
    even = np.linspace(0, len(order) - 1, min(TRAJECTORIES, len(order))).round().astype(int)
    paths = trajectories_figure(first, [order[i] for i in even])
    return {
        "scatter": inline_svg(scatter_figure(comparisons), "s"),
        "curves": inline_svg(curves_figure(first), "c"),
        "trajectories": None if paths is None else inline_svg(paths, "t"),
    }


def _samples(c: Comparison, shape: Sequence[int] | None, most: int) -> dict[str, Any]:
    """The chosen samples as cards of three pictures, or as heat maps where they are none."""
    d = c.truth.shape[1]
    picture = choose_shape(d, shape)
    chosen = top_samples(c, most)
    rows = shown_samples(c, chosen)
    known = {"shown": len(chosen), "total": len(c.truth), "cards": [], "heat": None}
    if not chosen:
        return known
    if picture is None:
        gone = np.full(d, np.nan)
        blocks = {
            name: np.array([gone if row[at] is None else row[at] for row in rows])
            for at, name in enumerate(("Without splitting", "With splitting", "True samples"))
        }
        return known | {"heat": inline_svg(heat_figure(blocks), "h")}
    cards = []
    for i, row in zip(chosen, rows, strict=True):
        values = float(c.before.values[i]), float(c.after.values[i])
        names = (f"Without splitting, sample {i + 1}", f"With splitting, sample {i + 1}")
        cards.append({
            "pictures": _drawn((*names, f"True sample {i + 1}"), row, picture),
            "notes": ["none" if np.isnan(v) else words.number(v) for v in values],
            "tone": {1: "better", -1: "worse", 0: ""}[c.sign[i]],
        })
    return known | {"cards": cards}


def _drawn(
    names: Sequence[str], row: Sequence[FloatArray | None], shape: tuple[int, ...]
) -> list[tuple[str, str | None]]:
    pairs = zip(names, row, strict=True)
    return [(name, None if x is None else inline_png(x, shape)) for name, x in pairs]
