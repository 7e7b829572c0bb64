"""The pages of a sweep: a phase diagram with its points, or the networks of an audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from identify.files import draft_of
from identify.page import write_page
from identify.rendering.words import number
from identify.sweep.audits import PairCell
from identify.sweep.cells import AXES, PhaseGrid, Row
from identify.sweep.tables import ANSWERED, GridPoint

MOST_POINTS = 400
"""Points shown on the page; the table holds all."""


def phase_sentences(points: Sequence[GridPoint]) -> list[str]:
    """Say in words what the points came to."""
    cells, errors = (sum(getattr(p, name) for p in points) for name in ("cells", "errors"))
    everywhere = sum(p.recovered == 1 for p in points)
    nowhere = sum(p.found == 0 for p in points)
    exceeded = sum(p.exceeded for p in points)
    return [
        f"{cells} networks at {len(points)} points of the grid; {errors} of them gave no figures.",
        f"At {everywhere} points every sample of every draw came out, at {nowhere} none of any.",
        f"{exceeded} claimed samples lie outside their bound.",
    ]


def write_phase_page(path: Path, grid: PhaseGrid, points: Sequence[GridPoint]) -> None:
    """Write the phase diagram as a page, and as phase.png beside it."""
    import matplotlib as mpl

    from identify.rendering.style import STYLE, inline_svg
    from identify.sweep.diagrams import MOST_ROWS, phase_diagram, plane_of

    fixed = [name for name in AXES if name not in grid.varied]
    with mpl.rc_context(STYLE):
        figure = phase_diagram(grid, points)
        with draft_of(path.with_name("phase.png")) as draft:
            figure.savefig(draft, dpi=160)
        write_page(
            path,
            "identify/sweep/phase.html.j2",
            diagram=inline_svg(figure, "p"),
            plane=plane_of(grid),
            sentences=phase_sentences(points),
            fixed=", ".join(f"{name} {getattr(grid, name)[0]}" for name in fixed),
            grid=grid,
            heads=[
                *(f"{name}#" for name in grid.varied),
                *("rank#", "recovered#", "samples#", "claims#", "outside#", "errors#"),
            ],
            rows=[_point_cells(grid, point) for point in points[:MOST_POINTS]],
            total=len(points),
            most=MOST_ROWS,
        )


def _point_cells(grid: PhaseGrid, point: GridPoint) -> list[str]:
    determined = "-" if point.determined is None else f"{point.determined:.0%}"
    shares = (point.recovered, point.found, point.answered)
    return [
        *(str(point.values[name]) for name in grid.varied),
        determined,
        *(f"{share:.0%}" for share in shares),
        str(point.exceeded),
        str(point.errors),
    ]


def pair_sentences(rows: Sequence[Row], unnamed: Sequence[str]) -> list[str]:
    """Say in words what an audit came to."""
    done = [row for row in rows if row["state"] == "done"]
    told = sum(row["records"] is not None for row in done)
    verdicts = Counter(row["verdict"] for row in done if "verdict" in row)
    sentences = [
        f"{len(rows)} networks, of which {len(rows) - len(done)} could not be read.",
        f"Of {told} it can be told how many independent records they were trained on.",
    ]
    if verdicts:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
        claimed = sum(row.get("claimed", 0) for row in done)
        sentences.append(f"Verdicts: {counts}; {claimed} samples come with a bound.")
    if any("members" in row for row in done):
        named = sum(row.get("members", 0) > 0 for row in done)
        sentences.append(f"Members of the training were named in {named} networks.")
    if unnamed:
        sentences.append(
            f"{len(unnamed)} checkpoints say neither before nor after: {', '.join(unnamed[:5])}"
            f"{' ...' if len(unnamed) > 5 else '.'}"
        )
    return sentences


def write_audit_page(
    path: Path, cells: Sequence[PairCell], rows: Mapping[str, Row], unnamed: Sequence[str]
) -> None:
    """Write the page of all networks, with a link to the page of each."""
    known = [(cell, rows[cell.key]) for cell in cells if cell.key in rows]
    write_page(
        path,
        "identify/sweep/audit.html.j2",
        sentences=pair_sentences([row for _, row in known], unnamed),
        exposed=sum(
            row.get("verdict") in ANSWERED or row.get("members", 0) > 0 for _, row in known
        ),
        total=len(cells),
        networks=[_network(cell, row) for cell, row in known],
    )


def _network(cell: PairCell, row: Row) -> dict[str, str]:
    def shown(name: str) -> str:
        value = row.get(name)
        if value is None:
            return "-"
        return number(value) if isinstance(value, float) else str(value)

    names = ("records", "gap", "decay", "noise", "verdict", "claimed", "members", "excluded")
    said = row.get("error") or row.get("unanswered") or ""
    page = f"pages/{row['page']}" if "page" in row else ""
    return {"name": cell.name, "page": page, "said": said} | {name: shown(name) for name in names}
