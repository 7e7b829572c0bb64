"""Malformed weights and certificates: each answered with one line and exit code 2, at once.

    uv run python benchmarks/hostile_files.py           # all but atheris; resumes by kinds of files
    uv run --group fuzz python benchmarks/hostile_files.py --atheris 20000

Files truncated at every byte, files with bytes drawn anew (Hypothesis), and files built to hurt run
through the commands of ``identify check`` in this process, for speed; some of each kind run as
processes of their own as well, whose exit code, lines, processor time and memory are recorded.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from hostile_cases import built_certificates, built_weights, valid_files
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from identify.__main__ import run_identify
from identify.cli.check import Check
from identify.rendering.words import printable

RECORD = Path(__file__).parent / "results" / "hostile_files.json"
MOST_SECONDS, MOST_BYTES = 1.0, 500e6


class Counts:
    """What became of the files of one kind."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.slowest = 0.0
        self.wrong: list[str] = []

    def add(self, name: str, answer: str, seconds: float) -> None:
        """Count one file; keep the names of those that were not answered as they should."""
        self.answers[answer] += 1
        self.slowest = max(self.slowest, seconds)
        if answer not in {"refused", "still valid"} or seconds > MOST_SECONDS:
            self.wrong.append(f"{name}: {answer}, {seconds:.2f} s")

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        return {
            "files": sum(self.answers.values()),
            **self.answers,
            "slowest_cpu_s": round(self.slowest, 4),
            "wrong": self.wrong[:20],
        }


def answer(certificate: Path, weights: Path) -> tuple[str, float]:
    """Run the command in this process; return what it did and its processor time."""
    start = time.process_time()
    try:
        with redirect_stdout(io.StringIO()):
            Check(certificate, weights).run()
    except (ValueError, OSError) as error:
        one_line = "\n" not in printable(str(error)) and len(str(error)) < 2000
        found = "refused" if one_line else f"{len(str(error))} characters"
    except BaseException as error:
        found = f"{type(error).__name__}: {error}"[:200]
    else:
        found = "still valid"
    return found, time.process_time() - start


def truncated(content: bytes) -> Iterator[bytes]:
    """The file cut at every byte."""
    for length in range(len(content)):
        yield content[:length]


def drawn(content: bytes, count: int) -> list[bytes]:
    """Return files in which Hypothesis drew some bytes anew, took some out or put some in."""
    found: list[bytes] = []

    @seed(0)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        changed = bytearray(content)
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(changed) - 1))
            new = data.draw(st.binary(max_size=8) | st.sampled_from([b"{", b"9" * 40, b"\\u0000"]))
            changed[at : at + data.draw(st.integers(0, 8))] = new
            if not changed:
                break
        found.append(bytes(changed))

    draw()
    return found


def in_process(folder: Path, draws: int, record: dict[str, Any]) -> None:
    """Run every kind of file through the command in this process; kinds on record are skipped."""
    files = valid_files(folder)
    certificate, weights = files["certificate.json"], files["net.npz"]
    for path in files.values():
        original, bad_certificate = path.read_bytes(), path.suffix == ".json"
        target = folder / f"hostile{path.suffix}"
        built = built_certificates if bad_certificate else built_weights
        for kind, contents in (
            ("truncated", lambda original=original: truncated(original)),
            ("drawn", lambda original=original: drawn(original, draws)),
            ("built", lambda built=built, suffix=path.suffix: built(suffix)),
        ):
            name, counts = f"{kind} {path.suffix}", Counts()
            if name in record["kinds"]:
                continue
            for index, content in enumerate(contents()):
                target.write_bytes(content)
                pair = (target, weights) if bad_certificate else (certificate, target)
                counts.add(f"{kind} {index}", *answer(*pair))
            record["kinds"][name] = counts.to_dict()
            save(record)


def save(record: dict[str, Any]) -> None:
    """Write what was measured so far."""
    total = sum(kind["files"] for kind in record["kinds"].values())
    RECORD.write_text(json.dumps({"files": total, **record}, indent=1) + "\n")


def as_processes(folder: Path, count: int) -> dict[str, object]:
    """Run some files of each kind as processes of their own."""
    files, rng = valid_files(folder), np.random.default_rng(0)
    base = _process(["--help"])
    found: list[dict[str, object]] = []
    for path in files.values():
        bad_certificate, original = path.suffix == ".json", path.read_bytes()
        target = folder / f"hostile{path.suffix}"
        built = list((built_certificates if bad_certificate else built_weights)(path.suffix))
        cuts = [original[: int(rng.integers(len(original)))] for _ in range(count)]
        for content in [*built[::4], *cuts]:
            target.write_bytes(content)
            command = ["check", str(target), str(files["net.npz"])]
            if not bad_certificate:
                command = ["verify", str(target)]
            found.append(_process(command))
    return {
        "processes": len(found),
        "exit_codes": dict(Counter(str(one["code"]) for one in found)),
        "lines": dict(Counter(str(one["lines"]) for one in found)),
        "start_up_cpu_s": base["seconds"],
        "most_cpu_s_beyond_start_up": round(
            max(float(str(one["seconds"])) for one in found) - float(str(base["seconds"])), 3
        ),
        "most_memory_mb": max(float(str(one["memory"])) for one in found),
    }


def _process(arguments: list[str]) -> dict[str, object]:
    command = [sys.executable, "-m", "identify", *arguments]
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        errors.seek(0)
        lines = errors.read().count(b"\n")
    return {
        "code": os.waitstatus_to_exitcode(status),
        "lines": lines,
        "seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "memory": round(usage.ru_maxrss / 1000, 1),
    }


def with_atheris(folder: Path, runs: int) -> None:
    """Let atheris draw files, guided by the branches of the readers; it ends the process."""
    atheris = import_module("atheris")
    files = valid_files(folder)
    suffixes = sorted({path.suffix for path in files.values()})

    def one(data: bytes) -> None:
        suffix = suffixes[data[0] % len(suffixes)] if data else ".json"
        target = folder / f"hostile{suffix}"
        target.write_bytes(data[1:])
        pair = (
            (target, files["net.npz"]) if suffix == ".json" else (files["certificate.json"], target)
        )
        found, seconds = answer(*pair)
        if found not in {"refused", "still valid"} or seconds > MOST_SECONDS:
            raise RuntimeError(f"{suffix}: {found}, {seconds:.2f} s")

    corpus = folder / "corpus"
    corpus.mkdir()
    for path in files.values():
        number = bytes([suffixes.index(path.suffix)])
        (corpus / path.name).write_bytes(number + path.read_bytes())
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], str(corpus), f"-atheris_runs={runs}", "-rss_limit_mb=2000"], one)
    atheris.Fuzz()


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--atheris", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.atheris:
            with_atheris(folder, options.atheris)
            return
        with redirect_stdout(io.StringIO()):
            assert run_identify(["check", *map(str, _pair(folder))]) == 0
        record = json.loads(RECORD.read_text()) if RECORD.exists() else {"kinds": {}}
        record.pop("files", None)
        in_process(folder, options.draws, record)
        if "as_processes" not in record:
            record["as_processes"] = as_processes(folder, options.processes)
            save(record)
    print(RECORD.read_text())


def _pair(folder: Path) -> tuple[Path, Path]:
    files = valid_files(folder)
    return files["certificate.json"], files["net.npz"]


if __name__ == "__main__":
    main()
