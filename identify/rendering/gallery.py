"""Sample sets as cards of one or two pictures, or as heat maps where they are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from identify.arrays import FloatArray
from identify.findings import Findings, Recovery
from identify.rendering.sample_figures import cosine_label, heat_figure
from identify.rendering.shapes import choose_shape
from identify.rendering.style import inline_png, inline_svg
from identify.rendering.words import claimed, number, relative_bound
from identify.sample_sets import match_samples

MOST = 120
"""Pictures per block."""


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


def recovered_gallery(
    recovery: Recovery | None, true: FloatArray | None, image_shape: Sequence[int] | None
) -> dict[str, Any] | None:
    """Return the recovered samples, the smallest bounds first, beside their true partners."""
    if recovery is None or not len(recovery.x):
        return None
    order = np.argsort(relative_bound(recovery), kind="stable")[:MOST]
    sure = claimed(recovery)
    bounds = [f"bound {number(bound)}" for bound in recovery.error_bound.tolist()]
    names = [bounds[i] if sure[i] else "no claim" for i in order]
    block = _gallery("Recovered", recovery.x, order, names, ("True", true), image_shape)
    known = {"truth": None if true is None else len(true), "ranked": bool(sure.any())}
    return block | known | {"total": len(recovery.x)}


def witness_gallery(report: Findings, image_shape: Sequence[int] | None) -> dict[str, Any] | None:
    """Return the witness beside the recovered samples it is matched with."""
    if report.witness is None or not len(report.witness.x):
        return None
    x = report.witness.x
    order = np.arange(len(x))[:MOST]
    partner = None if report.recovery is None else report.recovery.x
    names = [f"witness {i + 1}" for i in order]
    block = _gallery("Witness", x, order, names, ("Recovered", partner), image_shape)
    return block | {"total": len(x)}


def chapter_gallery(
    index: int, chapter: Chapter, image_shape: Sequence[int] | None
) -> dict[str, Any]:
    """Return a chapter with its samples as cards."""
    found: dict[str, Any] = {"title": chapter.title, "sentences": chapter.sentences, "block": None}
    x = chapter.samples
    if x is None or not len(x):
        return found
    order = np.arange(len(x))[:MOST]
    labels = [chapter.labels[i] if chapter.labels else f"sample {i + 1}" for i in order]
    name, beside = chapter.name, chapter.beside or ("", None)
    block = _gallery(name, x, order, labels, beside, image_shape, prefix=f"chapter{index}")
    return found | {"block": block, "total": len(x), "name": name, "beside": beside[0]}


def _gallery(
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
    shape = choose_shape(x.shape[1], image_shape)
    pairs: dict[int, tuple[int, float, float]] = {}
    if partner is not None:
        match = match_samples(partner, x)
        pairs = {int(j): (int(i), s, c) for i, j, s, c in zip(*match, strict=True)}
    if shape is None:  # those with a partner first, so that the rows of both maps correspond
        order = np.array(sorted(order, key=lambda i: i not in pairs))
        svg = _heat_maps(name, x, order, other, pairs, prefix)
        return {"heat": svg, "cards": [], "shown": len(order)}
    cards = []
    for i, label in zip(order.tolist(), labels, strict=True):
        j, sign, cosine = pairs.get(i, (-1, 1.0, 0.0))
        notes, pictures = [label], [(f"{name} sample {i + 1}", inline_png(sign * x[i], shape))]
        if partner is not None and j >= 0:
            pictures.insert(0, (f"{beside} sample {j + 1}", inline_png(partner[j], shape)))
            notes.insert(0, cosine_label(cosine) + (", sign flipped" if sign < 0 else ""))
        elif partner is not None:
            notes.insert(0, "no partner")
        cards.append({"pictures": pictures, "notes": notes})
    return {"heat": None, "cards": cards, "shown": len(cards), "paired": bool(pairs)}


def _heat_maps(
    name: str,
    x: FloatArray,
    order: np.ndarray,
    other: tuple[str, FloatArray | None],
    pairs: dict[int, tuple[int, float, float]],
    prefix: str,
) -> str:
    beside, partner = other
    sets = {name: np.array([pairs.get(i, (-1, 1.0, 0.0))[1] * x[i] for i in order.tolist()])}
    if partner is not None and pairs:
        matched = np.array([partner[pairs[i][0]] for i in order.tolist() if i in pairs])
        sets = {f"{beside}, matched": matched} | sets
    return inline_svg(heat_figure(sets), prefix or name[0].lower() + "h")
