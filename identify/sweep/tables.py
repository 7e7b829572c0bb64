"""Tables of a sweep, functions of its rows alone: no time, no order of arrival, no worker."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from identify.sweep.audits import PairCell
from identify.sweep.cells import AXES, PhaseCell, Row

PHASE_FIGURES = ("verdict", "gram", "symmetric", "found", "claimed", "exceeded", "error")
PAIR_FIGURES = (
    "records",
    "gap",
    "decay",
    "noise",
    "verdict",
    "shown",
    "claimed",
    "members",
    "excluded",
    "open",
    "unanswered",
    "error",
)
ANSWERED = ("GLOBALLY_IDENTIFIABLE", "LOCALLY_IDENTIFIABLE", "PARTIALLY_IDENTIFIABLE")


@dataclass(frozen=True, slots=True)
class GridPoint:
    """What the repeats of one point of the grid came to.

    Attributes:
        values: Values of the axes, by name.
        cells: Repeats that have a row.
        determined: Share of those with a rank in which a rank condition holds; None without any.
        recovered: Share in which every sample came out.
        found: Share of all samples that came out.
        answered: Share with a verdict that claims something.
        exceeded: Samples claimed that lie outside their bound.
        errors: Cells without figures.
    """

    values: Mapping[str, Any]
    cells: int
    determined: float | None
    recovered: float
    found: float
    answered: float
    exceeded: int
    errors: int


def phase_table(cells: Iterable[PhaseCell], rows: Mapping[str, Row]) -> str:
    """Write one line of CSV a cell, in the order of the grid."""
    heads = (*AXES, "repeat", "seed", *PHASE_FIGURES)
    lines = ([*asdict(c).values(), *_figures(rows.get(c.key), PHASE_FIGURES)] for c in cells)
    return _csv(heads, lines)


def pair_table(cells: Iterable[PairCell], rows: Mapping[str, Row]) -> str:
    """Write one line of CSV a network, in the order of the names."""
    heads = ("network", "trained", "initial", *PAIR_FIGURES)
    lines = (
        [c.name, c.trained, c.initial, *_figures(rows.get(c.key), PAIR_FIGURES)] for c in cells
    )
    return _csv(heads, lines)


def grid_points(cells: Iterable[PhaseCell], rows: Mapping[str, Row]) -> list[GridPoint]:
    """Sum up the repeats of every point, in the order of the grid."""
    points: dict[tuple[Any, ...], list[tuple[PhaseCell, Row]]] = {}
    for cell in cells:
        kept = points.setdefault(cell.point, [])
        if cell.key in rows:
            kept.append((cell, rows[cell.key]))
    return [_point(point, kept) for point, kept in points.items()]


def _point(point: tuple[Any, ...], kept: Sequence[tuple[PhaseCell, Row]]) -> GridPoint:
    done = [(cell, row) for cell, row in kept if row["state"] == "done"]
    ranks = [row["gram"] or row["symmetric"] for _, row in done if row["gram"] is not None]
    samples = sum(cell.n for cell, _ in kept)
    return GridPoint(
        dict(zip(AXES, point, strict=True)),
        len(kept),
        sum(map(bool, ranks)) / len(ranks) if ranks else None,
        _share(sum(row["found"] == cell.n for cell, row in done), len(kept)),
        _share(sum(row["found"] for _, row in done), samples),
        _share(sum(row["verdict"] in ANSWERED for _, row in done), len(kept)),
        sum(row["exceeded"] for _, row in done),
        len(kept) - len(done),
    )


def _share(part: int, of: int) -> float:
    return part / of if of else 0.0


def _figures(row: Row | None, names: Sequence[str]) -> list[str]:
    return [_text(None if row is None else row.get(name)) for name in names]


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _csv(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(lines)
    return text.getvalue()
