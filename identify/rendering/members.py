"""Which records were used, as a table, JSON and a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from identify.checkpoints.judging import CANNOT_TELL, MEMBER, NOT_A_MEMBER, Membership
from identify.files import write_atomic
from identify.rendering.spans import change_dict, change_figure

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("record", "answer", "distance", "member up to", "none from", "chance")
MOST = 40
"""Records that the terminal shows."""

_ORDER = {MEMBER: 0, CANNOT_TELL: 1, NOT_A_MEMBER: 2}


def summary(found: Membership) -> str:
    """Return the counts in a sentence."""
    counts = {answer: found.answers.count(answer) for answer in _ORDER}
    return (
        f"Of {len(found.answers)} records, {counts[MEMBER]} were used, "
        f"{counts[NOT_A_MEMBER]} were not, and of {counts[CANNOT_TELL]} it cannot be told."
    )


def rows(found: Membership, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the rows under ``COLUMNS``: members first, then by distance."""
    order = sorted(
        range(len(names)),
        key=lambda k: (_ORDER[found.answers[k]], np.nan_to_num(found.distance[k])),
    )
    figures = (found.distance, found.threshold, found.far, found.chance)
    return [
        (names[k], found.answers[k], *("-" if np.isnan(f[k]) else f"{f[k]:.1e}" for f in figures))
        for k in order
    ]


def members_table(found: Membership, names: Sequence[str]) -> Table:
    """Return the first records as a table for the terminal."""
    from rich.table import Table
    from rich.text import Text

    table = Table(*COLUMNS, box=None, pad_edge=False)
    listed = rows(found, names)
    for row in listed[:MOST]:
        table.add_row(*(Text(cell) for cell in row))
    if len(listed) > MOST:
        table.add_row(f"and {len(listed) - MOST} more")
    return table


def write_members_json(found: Membership, names: Sequence[str], path: Path) -> None:
    """Write all figures as JSON; what cannot be told is null."""

    def number(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    records: list[dict[str, Any]] = [
        {
            "record": name,
            "answer": found.answers[k],
            "distance": number(found.distance[k]),
            "threshold": number(found.threshold[k]),
            "far": number(found.far[k]),
            "chance": number(found.chance[k]),
        }
        for k, name in enumerate(names)
    ]
    content = {
        "records": records,
        "reasons": list(found.reasons),
        "change": change_dict(found.change),
    }
    write_atomic(path, json.dumps(content, indent=1) + "\n")


def write_members_page(found: Membership, names: Sequence[str], path: Path) -> None:
    """Write every record on one self-contained page."""
    import matplotlib as mpl

    from identify.page import write_page
    from identify.rendering.style import STYLE, inline_svg

    with mpl.rc_context(STYLE):
        write_page(
            path,
            "identify/rendering/members.html.j2",
            found=found,
            summary=summary(found),
            heads=COLUMNS,
            rows=rows(found, names),
            plot_of=inline_svg(change_figure(found.change), "s"),
        )
