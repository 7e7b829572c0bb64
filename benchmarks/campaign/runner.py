"""Run instances, one row each: built, verified, judged, against the clock, in worker processes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from identify import verify_identifiability

from . import families
from .instances import Case
from .judge import judge, may_refuse
from .matching import independence, unit

ROOT = Path(__file__).resolve().parents[2]
SLOW = 120.0
"""Seconds after which an instance is given up and listed as slow."""

BATCH = 8
"""Instances a worker takes at once; a killed run loses at most what is under way."""

Row = dict[str, Any]


class _SlowError(BaseException):
    """Raised by the alarm; no ``except Exception`` on the way may swallow it."""


def fingerprint() -> str:
    """Return a short hash of the code under test and of the campaign itself."""
    digest = hashlib.sha256()
    for folder in ("identify", "benchmarks/campaign"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def clear_cut(case: Case) -> bool:
    """Whether samples are separated, weights exact, neurons enough and statements right."""
    if case.kind != "identifiable" or case.noise or case.adjusted or len(case.x) < 3:
        return False
    u = unit(case.x)
    cosine = np.abs(u @ u.T)[~np.eye(len(u), dtype=bool)].max()
    sizes = np.abs(case.b) * np.linalg.norm(case.x, axis=1) ** (len(case.coefficients) - 1)
    return bool(
        cosine < np.cos(0.3)
        and independence(u).min() > 0
        and np.linalg.cond(u) < 10
        and sizes.max() < 30 * sizes.min()
    )


def examine(number: int, seed: int = families.SEED) -> Row:
    """Build, verify and judge one instance.

    Args:
        number: Its number.
        seed: Seed of the campaign.

    Returns:
        Its row.
    """
    row: Row = {"k": number, "family": families.family(number), "seconds": 0.0}
    row |= {"kind": "", "clear": False, "noisy": False, "told": False, "adjusted": False}
    try:
        _, case = families.instance(number, seed)
        row |= {"kind": case.kind, "clear": clear_cut(case), "noisy": bool(case.noise > 0)}
        row |= {"told": "n_samples" in case.options, "adjusted": bool(case.adjusted)}
        row |= _judged(case)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error}; {Path(where.filename).name}:{where.lineno}"
        row["failures"] = [["traceback", text[:300]]]
    return {k: v for k, v in row.items() if not isinstance(v, list | str) or v}


def _judged(case: Case) -> Row:
    """Verify and judge; a refusal that names its argument is an answer where one may be given."""
    start = time.perf_counter()
    try:
        report = verified(case)
    except _SlowError:
        return {"slow": True, "seconds": SLOW}
    except ValueError as error:
        if not re.match(r"[\w, :()]+: found ", str(error)):
            raise
        row: Row = {"seconds": round(time.perf_counter() - start, 4), "refused": str(error)[:200]}
        if may_refuse(case, str(error)):
            return row
        return row | {"failures": [["refused", str(error)[:200]]]}
    seconds = round(time.perf_counter() - start, 4)
    judged = judge(case, report)
    return {
        "seconds": seconds,
        "verdict": str(report.verdict),
        "claims": judged.claims,
        "exceeded": judged.exceeded,
        "outside": judged.outside,
        "ratios": [float(f"{ratio:.3g}") for ratio in judged.ratios],
        "failures": [[f.rule, f.text] for f in judged.failures(case)],
        "found": [[f.rule, f.text] for f in judged.findings],
    }


def verified(case: Case) -> Any:
    """Verify an instance within ``SLOW`` seconds, every warning an error."""
    previous = signal.signal(signal.SIGALRM, _alarm)
    signal.setitimer(signal.ITIMER_REAL, SLOW)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return verify_identifiability(case.a, case.W, **case.options)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _alarm(_signal: int, _frame: FrameType | None) -> None:
    raise _SlowError


def one_thread() -> None:
    """Keep this process, and those it starts, to one BLAS thread."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    threadpool_limits(1)


def _start_worker(parent: int) -> None:
    one_thread()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process once its parent was killed; it would wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(2)
    os._exit(1)


def _batch(numbers: list[int], seed: int) -> list[Row]:
    return [examine(number, seed) for number in numbers]


def recorded(folder: Path, version: str, seed: int) -> Iterator[Row]:
    """Read the rows of one version and seed; a line cut short by a kill is passed over."""
    for path in sorted(folder.glob("*.jsonl")):
        with path.open() as lines:
            for line in lines:
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:
                    continue
                if row.get("version") == version and row.get("seed") == seed:
                    yield row


def append(path: Path, rows: Iterable[Row]) -> None:
    """Append rows in one write, on a line of their own even after a line cut short."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    with path.open("ab+") as file:
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            text = text if file.read(1) == b"\n" else "\n" + text
        file.write(text.encode())


def run(numbers: list[int], folder: Path, *, jobs: int, seed: int, show: Any = print) -> None:
    """Run the instances that are not on record yet.

    Args:
        numbers: Instances.
        folder: Where the rows are.
        jobs: Worker processes.
        seed: Seed of the campaign.
        show: Called with the progress in words.
    """
    one_thread()
    version = fingerprint()
    done = {row["k"] for row in recorded(folder, version, seed)}
    left = [k for k in numbers if k not in done]
    show(f"version {version}: {len(numbers) - len(left)} on record, {len(left)} to run")
    path, start, ran, failed = folder / f"{version}.jsonl", time.monotonic(), 0, 0
    batches = (left[k : k + BATCH] for k in range(0, len(left), BATCH))
    shown = start
    for rows in _in_turn(batches, seed) if jobs == 1 else _at_once(batches, seed, jobs):
        append(path, ({"version": version, "seed": seed} | row for row in rows))
        ran, failed = ran + len(rows), failed + sum("failures" in row for row in rows)
        if time.monotonic() - shown > 10 or ran == len(left):
            shown = time.monotonic()
            ahead = (shown - start) / ran * (len(left) - ran)
            show(f"{ran} of {len(left)} run, {failed} failing, {ahead / 60:.1f} minutes left")


def _in_turn(batches: Iterable[list[int]], seed: int) -> Iterator[list[Row]]:
    for batch in batches:
        yield _batch(batch, seed)


def _at_once(batches: Iterator[list[int]], seed: int, jobs: int) -> Iterator[list[Row]]:
    """Run batches in worker processes; yield each as it ends."""
    with ProcessPoolExecutor(
        jobs, get_context("spawn"), initializer=_start_worker, initargs=(os.getpid(),)
    ) as pool:
        pending = {pool.submit(_batch, batch, seed) for batch in islice(batches, 2 * jobs)}
        while pending:
            ended, pending = wait(pending, return_when=FIRST_COMPLETED)
            pending |= {pool.submit(_batch, batch, seed) for batch in islice(batches, len(ended))}
            for future in ended:
                yield future.result()
