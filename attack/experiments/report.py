"""One self-contained page for a comparison with and without splitting, whichever way it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from torch import Tensor

from attack.experiments import figures
from attack.experiments.comparison import Comparison, Run, top_samples
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


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table of settings.

    Attributes:
        name: What.
        value: As used.
        source: Where the value comes from: a paper, published code, or a choice made here.
    """

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two runs from one start, with the truth and their comparison.

    Attributes:
        truth: (n, d) true samples.
        without: The run without splitting.
        with_: The run with it.
        comparison: What ``compare_runs`` made of them.
    """

    truth: Tensor
    without: Run
    with_: Run
    comparison: Comparison


def write_report(
    path: str | Path,
    *,
    title: str,
    settings: Sequence[Setting],
    pairs: Sequence[Pair],
    shape: Sequence[int] | None = None,
    pictures: int = 25,
) -> None:
    """Write the comparison as one page that asks nothing of the network.

    Args:
        path: Where to; an existing file is replaced in one step.
        title: What was compared.
        settings: All that was set, with sources.
        pairs: One per seed, all of one metric; pictures and curves are those of the first.
        shape: (h, w) or (h, w, 3) of a picture; guessed from d where None.
        pictures: Draw at most this many true samples; the paper shows 25.

    Raises:
        ValueError: If there is no pair, or their metrics differ.
    """
    if len({pair.comparison.metric.definition for pair in pairs}) != 1:
        definitions = sorted({pair.comparison.metric.definition for pair in pairs})
        raise ValueError(f"pairs: found the metrics {definitions}; pass one or more pairs of one")
    verdict, *sentences = summarise([pair.comparison for pair in pairs])
    with mpl.rc_context(STYLE):
        write_page(
            path,
            "attack/experiments/report.html.j2",
            title=title,
            verdict=verdict,
            tone=TONE[verdict],
            sentences=sentences,
            metric=pairs[0].comparison.metric,
            first=pairs[0].comparison,
            seed=pairs[0].without.seed,
            samples=_samples(pairs[0], shape, pictures),
            plots=_plots(pairs),
            rows=[row for pair in pairs for row in _rows(pair)],
            settings=settings,
            words=words,
        )


def _rows(pair: Pair) -> list[dict[str, Any]]:
    c, n = pair.comparison, len(pair.truth)
    rows = []
    for run, matched in ((pair.without, c.before), (pair.with_, c.after)):
        mean = matched.values[~np.isnan(matched.values)]
        rows.append({
            "seed": run.seed,
            "name": run.name,
            "k": matched.k,
            "found": f"{matched.found} of {n}",
            "mean": words.number(float(mean.mean())) if mean.size else "none",
            "loss": words.number(run.loss_ratio),
            "change": f"{c.wins} / {c.losses}" if run is pair.with_ else "",
            "seconds": words.number(run.seconds),
        })
    return rows


def _plots(pairs: Sequence[Pair]) -> dict[str, str | None]:
    first, name = pairs[0], pairs[0].comparison.metric.name
    order = top_samples(first.comparison)
    even = np.linspace(0, len(order) - 1, min(TRAJECTORIES, len(order))).round().astype(int)
    paths = figures.trajectories_figure(first.without, first.with_, order[even].tolist(), name)
    scatter = figures.scatter_figure([pair.comparison for pair in pairs])
    return {
        "scatter": inline_svg(scatter, "s"),
        "curves": inline_svg(figures.curves_figure(first.without, first.with_, name), "c"),
        "trajectories": None if paths is None else inline_svg(paths, "t"),
    }


def _samples(pair: Pair, shape: Sequence[int] | None, most: int) -> dict[str, Any]:
    """Return the chosen samples as cards of three pictures, or as heat maps where they are none."""
    picture, c = choose_shape(pair.truth.shape[1], shape), pair.comparison
    chosen = top_samples(c, most).tolist()
    rows = figures.shown_samples(pair.truth, pair.without, pair.with_, c, chosen)
    known = {"shown": len(chosen), "total": len(pair.truth), "cards": [], "heat": None}
    if not chosen:
        return known
    if picture is None:
        gone = np.full(pair.truth.shape[1], np.nan)
        blocks = {
            name: np.array([gone if row[at] is None else row[at] for row in rows])
            for at, name in enumerate(("Without splitting", "With splitting", "True samples"))
        }
        return known | {"heat": inline_svg(heat_figure(blocks), "h")}
    cards = []
    for i, row in zip(chosen, rows, strict=True):
        values = float(c.before.values[i]), float(c.after.values[i])
        names = (f"Without splitting, sample {i + 1}", f"With splitting, sample {i + 1}")
        notes = ["none" if np.isnan(v) else words.number(v) for v in values]
        drawn = _drawn((*names, f"True sample {i + 1}"), row, picture)
        tone = "better" if c.gain[i] > c.tolerance else "worse" if c.gain[i] < -c.tolerance else ""
        cards.append({"pictures": drawn, "notes": notes, "tone": tone})
    return known | {"cards": cards}


def _drawn(
    names: Sequence[str], row: Sequence[FloatArray | None], shape: tuple[int, ...]
) -> list[tuple[str, str | None]]:
    pairs = zip(names, row, strict=True)
    return [(name, None if x is None else inline_png(x, shape)) for name, x in pairs]
