"""Workers: joblib's processes on this machine, or a Dask cluster, for the same cells.

A worker that dies takes along what it was computing and what it had not handed over. On this
machine joblib then gives up all that is under way, and it is handed out again here; on a cluster
Dask does so itself. A cell that was under way at two such deaths is run by itself afterwards; if
its worker dies once more, that is its row.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.metadata import version
from time import perf_counter
from typing import Any

from identify.sweep.cells import Row, SweepCell
from identify.sweep.row_log import DIED

PATIENCE = 2
"""Deaths of workers that a cell may be under way at before it is run by itself."""

CONNECTING = 15
"""Seconds that a scheduler has to answer in."""

OWN_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
)
"""What no input should cause; the row says so, and the sweep goes on."""


def measure_cell(cell: SweepCell) -> Row:
    """Compute the row of a cell: state "done", or "refused" with a sentence under ``error``."""
    _one_thread()
    start = perf_counter()
    state, found = "done", {}
    try:
        found = cell.measure()
    except (ValueError, OSError) as error:
        state, found = "refused", {"error": str(error)}
    except OWN_FAULTS as error:
        said = f"identify itself failed with {type(error).__name__}: {error}"
        state, found = "refused", {"error": said}
    seconds = round(perf_counter() - start, 4)
    of = {"key": cell.key, "state": state, "seconds": seconds}
    return of | {"version": version("data-identifiability")} | found


@contextmanager
def workers(jobs: int, cluster: str | None) -> Iterator[None]:
    """Have joblib's work done by ``jobs`` processes, or by a Dask cluster.

    Args:
        jobs: Processes on this machine, also those of a local cluster.
        cluster: None; "local" for a Dask cluster on this machine; the address of a scheduler.

    Yields:
        Nothing.

    Raises:
        ValueError: If there is no Dask, or no scheduler answers.
    """
    from joblib import parallel_config

    with ExitStack() as stack, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A worker stopped while")  # it is replaced
        options: dict[str, Any] = {"backend": "loky", "n_jobs": jobs}
        if cluster is not None:
            stack.enter_context(_client(jobs, cluster))
            options = {"backend": "dask", "wait_for_workers_timeout": 60}
        stack.enter_context(parallel_config(**options))
        yield


def rows_of(cells: Sequence[SweepCell]) -> Iterator[Row]:
    """Yield the row of every cell once, as they come; the workers are those of ``workers``."""
    pending = {cell.key: cell for cell in cells}
    deaths: Counter[str] = Counter()
    while together := [c for c in pending.values() if deaths[c.key] < PATIENCE]:
        under_way: dict[str, SweepCell] = {}
        try:
            for row in _handed_out(together, under_way):
                del pending[row["key"]], under_way[row["key"]]
                yield row
        except _worker_deaths():
            if not under_way:
                raise
            deaths.update(list(under_way))
    for cell in pending.values():
        try:
            yield from _handed_out([cell], {})
        except _worker_deaths() as error:
            said = f"its worker died {PATIENCE + 1} times, at last with {type(error).__name__}"
            yield {"key": cell.key, "state": DIED, "seconds": 0.0, "error": said}


def _handed_out(cells: Iterable[SweepCell], under_way: dict[str, SweepCell]) -> Iterator[Row]:
    """Yield rows as they come, and note which cells were handed out."""
    from joblib import Parallel, delayed

    def calls() -> Iterator[Any]:
        for cell in cells:
            under_way[cell.key] = cell
            yield delayed(measure_cell)(cell)

    rows: Any = Parallel(return_as="generator_unordered", pre_dispatch="3*n_jobs")(calls())
    yield from rows


@cache
def _one_thread() -> None:
    # Sums do not depend on the number of threads where there is one.
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def _worker_deaths() -> tuple[type[Exception], ...]:
    from concurrent.futures import BrokenExecutor

    try:
        from distributed import KilledWorker
    except ImportError:
        return (BrokenExecutor,)
    return BrokenExecutor, KilledWorker


@contextmanager
def _client(jobs: int, cluster: str) -> Iterator[None]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ValueError(
            f"--cluster: found {cluster!r} without Dask; install data-identifiability[cluster]"
        ) from error
    with ExitStack() as stack:
        address: Any = cluster
        if cluster == "local":
            options = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
            address = stack.enter_context(LocalCluster(host="127.0.0.1", **options))
        try:
            stack.enter_context(Client(address, timeout=CONNECTING))
        except (OSError, ValueError) as error:
            raise ValueError(
                f"--cluster: found no scheduler at {cluster!r} ({error}); pass tcp://host:port, or "
                "local"
            ) from error
        yield
