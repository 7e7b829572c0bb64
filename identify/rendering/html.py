"""The report as one page that asks nothing of the network: styles, pictures and figures inline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import ArrayLike

from identify.findings import Findings, Verdict
from identify.page import write_page
from identify.rendering import figures, sentences, words
from identify.rendering.gallery import (
    Chapter,
    chapter_gallery,
    recovered_gallery,
    witness_gallery,
)
from identify.rendering.style import STYLE, inline_svg

TONE = {
    Verdict.GLOBALLY_IDENTIFIABLE: "exposed",
    Verdict.LOCALLY_IDENTIFIABLE: "exposed partly",
    Verdict.PARTIALLY_IDENTIFIABLE: "exposed partly",
    Verdict.NOT_IDENTIFIABLE: "open",
    Verdict.UNDECIDED: "none",
    Verdict.MODEL_REJECTED: "none",
}


def write_html(
    report: Findings,
    path: str | Path,
    *,
    truth: ArrayLike | None = None,
    image_shape: Sequence[int] | None = None,
    chapters: Sequence[Chapter] = (),
) -> None:
    """Write the report as one self-contained page.

    True samples (n', d) are drawn beside the recovered ones; the shape of a picture, (h, w) or
    (h, w, 3), is guessed from d where it is None; chapters are sections before the figures.

    Raises:
        ValueError: If ``truth`` or ``image_shape`` does not fit the dimension of the samples.
    """
    true = None if truth is None else np.asarray(truth, dtype=float)
    recovered = None if report.recovery is None else report.recovery.x
    if true is not None and recovered is not None and true.shape[1:] != recovered.shape[1:]:
        msg = f"truth has shape {true.shape}; pass (n, {recovered.shape[1]}), one sample per row"
        raise ValueError(msg)
    numbered = enumerate(chapters)
    with mpl.rc_context(STYLE):
        write_page(
            path,
            "identify/rendering/report.html.j2",
            report=report,
            title=words.title(report.verdict),
            tone=TONE[report.verdict],
            words=words,
            sentences=sentences,
            samples=recovered_gallery(report.recovery, true, image_shape),
            witness=witness_gallery(report, image_shape),
            chapters=[chapter_gallery(n, chapter, image_shape) for n, chapter in numbered],
            plots=_plots(report),
        )


def _plots(report: Findings) -> dict[str, str | None]:
    bounds = None if report.recovery is None else figures.bounds_figure(report.recovery)
    neurons = figures.neurons_figure(report.neurons, report.seed)
    return {
        "spectrum": None
        if report.rank is None
        else inline_svg(figures.spectrum_figure(report.rank), "s"),
        "neurons": inline_svg(neurons, "n"),
        "bounds": None if bounds is None else inline_svg(bounds, "b"),
        "course": None
        if report.course is None
        else inline_svg(figures.course_figure(report.course), "c"),
    }
