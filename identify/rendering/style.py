"""Colours and type of the figures, and pictures and figures as parts of a page."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import imsave

from identify.arrays import FloatArray
from identify.rendering.shapes import as_picture

INK, MUTED, RULE, ACCENT, SECOND = "#1c1d20", "#63666d", "#d5d7db", "#1f5fae", "#b8501c"
DIVERGING = LinearSegmentedColormap.from_list("signed", [SECOND, "#f4f4f2", ACCENT])
LARGEST_SIDE = 64
"""Longer sides are thinned out to at most this many pixels."""
COLOURS = {
    INK: "ink",
    MUTED: "muted",
    RULE: "rule",
    ACCENT: "accent",
    SECOND: "second",
}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.unicode_minus": False,
}


def inline_png(x: FloatArray, shape: tuple[int, ...]) -> str:
    """Return a picture as a data URL, on a scale of its own."""
    picture = as_picture(x, shape)
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


def figure_of_height(height: float) -> Figure:
    """Return an empty figure, as wide as a column of the page, of that height in inches."""
    return Figure(figsize=(5.0, height), dpi=100, layout="constrained")
