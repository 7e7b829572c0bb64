"""The report as one page that asks nothing of the network: styles, pictures and figures inline."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure
from matplotlib.image import imsave
from numpy.typing import ArrayLike

from identify.arrays import FloatArray
from identify.files import write_atomic
from identify.findings import Findings, Recovery, Verdict
from identify.rendering import figures, text
from identify.sample_sets import match_samples

MOST = 120
"""Pictures per block."""
LARGEST_SIDE = 64
"""Longer sides are thinned out to at most this many pixels."""
TONE = {
    Verdict.GLOBALLY_IDENTIFIABLE: "exposed",
    Verdict.LOCALLY_IDENTIFIABLE: "exposed partly",
    Verdict.PARTIALLY_IDENTIFIABLE: "exposed partly",
    Verdict.NOT_IDENTIFIABLE: "open",
    Verdict.UNDECIDED: "none",
    Verdict.MODEL_REJECTED: "none",
}
COLOURS = {
    figures.INK: "ink",
    figures.MUTED: "muted",
    figures.RULE: "rule",
    figures.ACCENT: "accent",
    figures.SECOND: "second",
}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": figures.MUTED,
    "axes.labelcolor": figures.MUTED,
    "axes.titlecolor": figures.INK,
    "xtick.color": figures.MUTED,
    "ytick.color": figures.MUTED,
    "axes.unicode_minus": False,
}


@dataclass(frozen=True, slots=True, eq=False)
class Chapter:
    """One more section of the page: sentences, and samples beside those they are matched with.

    Attributes:
        title: Its heading.
        sentences: Full sentences.
        samples: (k, d), or None for words alone.
        name: What the samples are, as "Reconstructed".
        labels: One for each sample; their numbers where empty.
        beside: What they are matched with, and its name, or None.
    """

    title: str
    sentences: Sequence[str]
    samples: FloatArray | None = None
    name: str = "Sample"
    labels: tuple[str, ...] = ()
    beside: tuple[str, FloatArray] | None = None


def write_html(
    report: Findings,
    path: str | Path,
    *,
    truth: ArrayLike | None = None,
    image_shape: Sequence[int] | None = None,
    chapters: Sequence[Chapter] = (),
) -> None:
    """Write the report as one self-contained page.

    Args:
        report: The report.
        path: Where to; an existing file is replaced in one step.
        truth: True samples as rows, (n', d), to be drawn beside the recovered ones, or None.
        image_shape: (h, w) or (h, w, 3); guessed from d where None.
        chapters: More sections, before the figures.

    Raises:
        ValueError: If ``truth`` or ``image_shape`` does not fit the dimension of the samples.
    """
    true = None if truth is None else np.asarray(truth, dtype=float)
    recovered = None if report.recovery is None else report.recovery.x
    if true is not None and recovered is not None and true.shape[1:] != recovered.shape[1:]:
        msg = f"truth has shape {true.shape}; pass (n, {recovered.shape[1]}), one sample per row"
        raise ValueError(msg)
    environment = Environment(
        loader=PackageLoader("identify", "rendering"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    with mpl.rc_context(STYLE):
        page = environment.get_template("report.html.j2").render(
            report=report,
            title=report.verdict.value.replace("_", " ").capitalize(),
            tone=TONE[report.verdict],
            text=text,
            samples=_samples(report.recovery, true, image_shape),
            witness=_witness(report, image_shape),
            chapters=[_chapter(n, chapter, image_shape) for n, chapter in enumerate(chapters)],
            plots=_plots(report),
        )
    write_atomic(path, page)


def _plots(report: Findings) -> dict[str, str | None]:
    bounds = None if report.recovery is None else figures.bounds_figure(report.recovery)
    neurons = figures.neurons_figure(report.neurons, report.seed)
    return {
        "spectrum": None
        if report.rank is None
        else inline_svg(figures.spectrum_figure(report.rank), "s"),
        "neurons": inline_svg(neurons, "n"),
        "bounds": None if bounds is None else inline_svg(bounds, "b"),
    }


def _samples(
    recovery: Recovery | None, true: FloatArray | None, image_shape: Sequence[int] | None
) -> dict[str, Any] | None:
    """Return the recovered samples, the smallest bounds first, beside their true partners."""
    if recovery is None or not len(recovery.x):
        return None
    order = np.argsort(text.relative_bound(recovery), kind="stable")[:MOST]
    sure = text.claimed(recovery)
    bounds = [f"bound {text.number(bound)}" for bound in recovery.error_bound.tolist()]
    names = [bounds[i] if sure[i] else "no claim" for i in order]
    block = _block("Recovered", recovery.x, order, names, ("True", true), image_shape)
    known = {"truth": None if true is None else len(true), "ranked": bool(sure.any())}
    return block | known | {"total": len(recovery.x)}


def _witness(report: Findings, image_shape: Sequence[int] | None) -> dict[str, Any] | None:
    """Return the witness beside the recovered samples it is matched with."""
    if report.witness is None or not len(report.witness.x):
        return None
    x = report.witness.x
    order = np.arange(len(x))[:MOST]
    partner = None if report.recovery is None else report.recovery.x
    names = [f"witness {i + 1}" for i in order]
    block = _block("Witness", x, order, names, ("Recovered", partner), image_shape)
    return block | {"total": len(x)}


def _chapter(number: int, chapter: Chapter, image_shape: Sequence[int] | None) -> dict[str, Any]:
    """Return a chapter with its samples as cards."""
    found: dict[str, Any] = {"title": chapter.title, "sentences": chapter.sentences, "block": None}
    x = chapter.samples
    if x is None or not len(x):
        return found
    order = np.arange(len(x))[:MOST]
    labels = [chapter.labels[i] if chapter.labels else f"sample {i + 1}" for i in order]
    name, beside = chapter.name, chapter.beside or ("", None)
    block = _block(name, x, order, labels, beside, image_shape, prefix=f"chapter{number}")
    return found | {"block": block, "total": len(x), "name": name, "beside": beside[0]}


def _block(
    name: str,
    x: FloatArray,
    order: np.ndarray,
    labels: list[str],
    other: tuple[str, FloatArray | None],
    image_shape: Sequence[int] | None,
    *,
    prefix: str = "",
) -> dict[str, Any]:
    """Return samples as cards of one or two pictures, or as heat maps where they are none."""
    beside, partner = other
    shape = figures.choose_shape(x.shape[1], image_shape)
    pairs: dict[int, tuple[int, float, float]] = {}
    if partner is not None:
        match = match_samples(partner, x)
        pairs = {int(j): (int(i), s, c) for i, j, s, c in zip(*match, strict=True)}
    cards, rows, partners = [], [], []
    paired_first = sorted(zip(order, labels, strict=True), key=lambda item: item[0] not in pairs)
    for i, label in paired_first if shape is None else zip(order, labels, strict=True):
        j, sign, cosine = pairs.get(int(i), (-1, 1.0, 0.0))
        rows.append(sign * x[i])
        notes, pictures = [label], [(f"{name} sample {i + 1}", rows[-1])]
        if partner is not None and j >= 0:
            partners.append(partner[j])
            pictures.insert(0, (f"{beside} sample {j + 1}", partner[j]))
            notes.insert(0, figures.cosine_label(cosine) + (", sign flipped" if sign < 0 else ""))
        elif partner is not None:
            notes.insert(0, "no partner")
        cards.append({"pictures": pictures, "notes": notes})
    if shape is None:
        sets = {f"{beside}, matched": np.array(partners)} if partners else {}
        heat = figures.heat_figure(sets | {name: np.array(rows)})
        svg = inline_svg(heat, prefix or name[0].lower() + "h")
        return {"heat": svg, "cards": [], "shown": len(cards)}
    for card in cards:
        card["pictures"] = [(alt, inline_png(row, shape)) for alt, row in card["pictures"]]
    return {"heat": None, "cards": cards, "shown": len(cards), "paired": bool(pairs)}


def inline_png(x: FloatArray, shape: tuple[int, ...]) -> str:
    """Return a picture as a data URL, on a scale of its own."""
    picture = figures.as_picture(x, shape)
    step = -(-max(shape[:2]) // LARGEST_SIDE)
    buffer = io.BytesIO()
    imsave(buffer, picture[::step, ::step], format="png", cmap="gray", vmin=0, vmax=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def inline_svg(figure: Figure, prefix: str) -> str:
    """Return the figure as inline SVG in the page's own colours, type and name space."""
    buffer = io.StringIO()
    salt: dict[Any, Any] = {"svg.hashsalt": prefix}
    with mpl.rc_context(salt):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(xmlns(:\w+)?)="[^"]*"', "", svg)
    svg = re.sub(r'\b(id|xlink:href)="(#?)(?!data:)', rf'\1="\2{prefix}-', svg)
    svg = svg.replace("url(#", f"url(#{prefix}-")
    svg = re.sub(r"(font: [^;\"]*?\d+px )[^;\"]+", r"\1var(--sans)", svg)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    for colour, name in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg
