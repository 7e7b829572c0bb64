"""Malformed weights and certificates: each answered with one line and exit code 2, at once.

    uv run python benchmarks/hostile_files.py                   # resumes by kinds of files
    uv run --group fuzz python benchmarks/hostile_fuzzing.py    # inputs guided by the branches

Files truncated at every byte, files with bytes drawn anew (Hypothesis), and files built to hurt run
through the commands of ``identify check`` in this process, for speed; some of each kind run as
processes of their own as well, whose exit code, lines, time and memory are recorded, beside those
of ``identify --help``.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib.metadata import version
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
    versions = {name: version(name) for name in ("torch", "numpy", "safetensors", "hypothesis")}
    machine = f"{platform.machine()}, Python {platform.python_version()}, 1 core"
    head = {"files": total, "machine": machine, "versions": versions, "seed": 0}
    RECORD.write_text(json.dumps({**record, **head}, indent=1) + "\n")


def _commands(folder: Path, count: int) -> Iterator[tuple[str, list[str]]]:
    """Write the files of each kind that are run as processes, one after the other."""
    files, rng = valid_files(folder), np.random.default_rng(0)
    for path in files.values():
        bad_certificate, original = path.suffix == ".json", path.read_bytes()
        target = folder / f"hostile{path.suffix}"
        built = list((built_certificates if bad_certificate else built_weights)(path.suffix))
        chosen = dict(enumerate(built)) if len(built) < 20 else dict(list(enumerate(built))[::4])
        contents = {f"built {index} {path.suffix}": content for index, content in chosen.items()}
        for length in map(int, rng.integers(len(original), size=count)):
            contents[f"truncated {length} {path.suffix}"] = original[:length]
        for name, content in contents.items():
            target.write_bytes(content)
            command = ["check", str(target), str(files["net.npz"])]
            yield name, command if bad_certificate else ["verify", str(target)]


def beside_help(folder: Path, count: int, record: dict[str, Any]) -> None:
    """Measure those that were slow again, their processor time beyond a start-up right before.

    Other programs on the machine slow processes down, the start-up as well.
    """
    measured = record["as_processes"]
    again = measured.setdefault("beside_help_cpu_s", {})
    for name, command in _commands(folder, count):
        if name in measured["above_a_second_beyond_start_up"] and name not in again:
            base, own = _process(["--help"])["cpu"], _process(command)["cpu"]
            again[name] = round(own - base, 3)
            save(record)


def as_processes(folder: Path, count: int) -> dict[str, object]:
    """Run some files of each kind as processes of their own."""
    starts = [_process(["--help"]) for _ in range(5)]
    base = {key: float(np.median([one[key] for one in starts])) for key in ("wall", "cpu")}
    found = {name: _process(command) for name, command in _commands(folder, count)}
    beyond = {
        name: round(one["wall"] - base["wall"], 3)
        for name, one in sorted(found.items(), key=lambda item: -item[1]["wall"])
    }
    return {
        "processes": len(found),
        "exit_codes": dict(Counter(str(int(one["code"])) for one in found.values())),
        "lines": dict(Counter(str(int(one["lines"])) for one in found.values())),
        "start_up_wall_s": round(base["wall"], 3),
        "start_up_cpu_s": round(base["cpu"], 3),
        "most_wall_s": max(one["wall"] for one in found.values()),
        "most_wall_s_beyond_start_up": max(beyond.values()),
        "most_cpu_s_beyond_start_up": round(
            max(one["cpu"] for one in found.values()) - base["cpu"], 3
        ),
        "most_memory_mb": max(one["memory"] for one in found.values()),
        "above_a_second_beyond_start_up": [name for name, s in beyond.items() if s > MOST_SECONDS],
        "above_500_mb": [name for name, one in found.items() if one["memory"] > MOST_BYTES / 1e6],
    }


_LAUNCHER = """
import os, sys, time
start = time.perf_counter()
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - start
code = os.waitstatus_to_exitcode(status)
with open(os.environ["HOSTILE_FOUND"], "w") as found:
    print(code, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, file=found)
"""
"""Starts the command: the peak memory of a process counts that of the one it was started from."""


def _process(arguments: list[str]) -> dict[str, float]:
    command = [sys.executable, "-m", "identify", *arguments]
    with tempfile.TemporaryDirectory() as name:
        found = Path(name) / "found"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command],
            env={**os.environ, "HOSTILE_FOUND": str(found)},
            stderr=subprocess.PIPE,
            check=True,
        )
        code, wall, cpu, memory = map(float, found.read_text().split())
    return {
        "code": code,
        "lines": done.stderr.count(b"\n"),
        "wall": round(wall, 3),
        "cpu": round(cpu, 3),
        "memory": round(memory * 1024 / 1e6, 1),
    }


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--processes", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with redirect_stdout(io.StringIO()):
            assert run_identify(["check", *map(str, _pair(folder))]) == 0
        record = json.loads(RECORD.read_text()) if RECORD.exists() else {"kinds": {}}
        in_process(folder, options.draws, record)
        if "as_processes" not in record:
            record["as_processes"] = as_processes(folder, options.processes)
            save(record)
        beside_help(folder, options.processes, record)
    print(RECORD.read_text())


def _pair(folder: Path) -> tuple[Path, Path]:
    files = valid_files(folder)
    return files["certificate.json"], files["net.npz"]


if __name__ == "__main__":
    main()
