"""A sweep from its cells to its files; a run that was interrupted goes on from its log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from identify.files import write_atomic
from identify.sweep.audits import PairCell, Questions
from identify.sweep.cells import PhaseGrid, Row, SweepCell
from identify.sweep.pairs_in_folders import find_pairs
from identify.sweep.pool import rows_of, workers
from identify.sweep.row_log import DIED, open_log, read_log
from identify.sweep.tables import grid_points, pair_table, phase_table

LOG, TABLE, PAGE = "rows.jsonl", "table.csv", "index.html"


def sweep_phases(
    grid: PhaseGrid,
    out: Path,
    *,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[str]:
    """Measure every cell of a grid that has no row yet, and write table, diagram and page.

    Args:
        grid: The points, and how often each is drawn.
        out: Folder for the files; a log in it is gone on from, whatever grid it was begun for.
        jobs: Processes on this machine.
        cluster: None, "local", or the address of a Dask scheduler.
        progress: Called with what is being done and the part of it that is finished.

    Returns:
        What came out, as sentences.

    Raises:
        ValueError: If another run writes the folder, or the cluster is not there.
    """
    from identify.sweep.pages import phase_sentences, write_phase_page

    cells = list(grid)
    rows = measure_all(cells, out, jobs=jobs, cluster=cluster, progress=progress)
    points = grid_points(cells, rows)
    write_atomic(out / TABLE, phase_table(cells, rows))
    write_phase_page(out / PAGE, grid, points)
    return phase_sentences(points)


def audit_folder(
    folder: Path,
    out: Path,
    questions: Questions,
    *,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[str]:
    """Audit every pair of checkpoints in a folder, and write table, report and a page for each.

    Args:
        folder: Where the checkpoints are, on a cluster the same for all workers.
        out: Folder for the files, likewise.
        questions: What is asked of every network.
        jobs: Processes on this machine.
        cluster: None, "local", or the address of a Dask scheduler.
        progress: Called with what is being done and the part of it that is finished.

    Returns:
        What came out, as sentences.

    Raises:
        ValueError: If there are no checkpoints, another run writes the folder, or the cluster is
            not there.
    """
    from identify.sweep.pages import pair_sentences, write_audit_page

    cells, unnamed = pair_cells(folder, out, questions)
    rows = measure_all(cells, out, jobs=jobs, cluster=cluster, progress=progress)
    write_atomic(out / TABLE, pair_table(cells, rows))
    write_audit_page(out / PAGE, cells, rows, unnamed)
    return pair_sentences([rows[c.key] for c in cells if c.key in rows], unnamed)


def pair_cells(folder: Path, out: Path, questions: Questions) -> tuple[list[PairCell], list[str]]:
    """Return the cells of a folder of checkpoints, and the files that are of neither state."""
    pairs, unnamed = find_pairs(folder)
    more = [Path(questions.candidates)] if questions.candidates else []
    cells = [
        PairCell(
            pair.name,
            pair.trained,
            pair.initial,
            tuple(
                _stamp(file)
                for file in (*(folder / p for p in (pair.trained, pair.initial) if p), *more)
            ),
            questions,
            pair.problem,
            str(folder.resolve()),
            str((out / "pages").resolve()),
        )
        for pair in pairs
    ]
    return cells, unnamed


def measure_all(
    cells: Sequence[SweepCell],
    out: Path,
    *,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Row]:
    """Return the rows of all cells, those from the log in ``out`` and those measured now."""
    out.mkdir(parents=True, exist_ok=True)
    wanted = {cell.key for cell in cells}
    with open_log(out / LOG) as log:
        rows = {key: row for key, row in read_log(out / LOG).items() if key in wanted}
        pending = [c for c in cells if c.key not in rows or rows[c.key]["state"] == DIED]
        done = len(cells) - len(pending)
        if not pending:
            return rows
        with workers(jobs, cluster):
            for row in rows_of(pending):
                log.append(row)
                rows[row["key"]] = row
                done += 1
                if progress is not None:
                    progress(f"{done} of {len(cells)}", done / len(cells))
    return rows


def _stamp(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
