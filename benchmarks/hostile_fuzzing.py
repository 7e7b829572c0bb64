"""Malformed weights and certificates that atheris finds, guided by the branches of the readers.

    uv run --group fuzz python benchmarks/hostile_fuzzing.py --seconds 200 --suffix .pt

Each format is fuzzed in a process of its own, since atheris ends it. Inputs that are not answered
with one line, or not within a second of processor time, are written into the result as they are.
"""

from __future__ import annotations

import argparse
import base64
import json
import subprocess
import sys
import tempfile
import types
from collections import Counter
from importlib import import_module
from pathlib import Path

from hostile_cases import valid_files
from hostile_files import MOST_SECONDS, RECORD, answer, save

SUFFIXES = (".npz", ".safetensors", ".pt", ".pth", ".json")
READERS = (
    "identify.checker.check",
    "identify.checker.file_format",
    "identify.checkpoints.limits",
    "identify.checkpoints.names",
    "identify.checkpoints.nesting",
    "identify.checkpoints.npz_files",
    "identify.checkpoints.pickles",
    "identify.checkpoints.readers",
    "identify.checkpoints.safetensors_files",
    "identify.checkpoints.stored",
    "identify.checkpoints.torch_files",
    "identify.equations.weights",
    "pickletools",
    "zipfile",
)
"""Modules whose branches guide the fuzzer."""


def instrument(atheris: types.ModuleType) -> int:
    """Instrument every function and method of the readers; return how many there are."""
    count = 0
    for name in READERS:
        module = import_module(name)
        holders = [module, *(v for v in vars(module).values() if isinstance(v, type))]
        for holder in holders:
            if getattr(holder, "__module__", name) != name:
                continue
            for value in list(vars(holder).values()):
                if isinstance(value, types.FunctionType) and value.__module__ == name:
                    atheris.instrument_func(value)
                    count += 1
    return count


def fuzz(suffix: str, seconds: int, folder: Path) -> None:
    """Let atheris draw files of one format until the time is over; it ends the process."""
    atheris = import_module("atheris")
    files = valid_files(folder)
    original = next(path for path in files.values() if path.suffix == suffix)
    counts: Counter[str] = Counter()
    finds: list[dict[str, str]] = []
    target, record = folder / f"hostile{suffix}", folder / "found"

    def one(data: bytes) -> None:
        target.write_bytes(data)
        pair = (files["certificate.json"], target)
        if suffix == ".json":
            pair = (target, files["net.npz"])
        found, seconds = answer(*pair)
        counts[found if found in {"refused", "still valid"} else "wrong"] += 1
        slow = seconds > MOST_SECONDS
        if (slow or found not in {"refused", "still valid"}) and len(finds) < 20:
            text = base64.b85encode(data).decode()
            finds.append({"found": found, "cpu_s": f"{seconds:.2f}", "base85": text})
        if slow or counts.total() % 50 == 0:
            record.write_text(json.dumps({"functions": functions, **counts, "finds": finds}))

    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / "valid").write_bytes(original.read_bytes())
    functions = instrument(atheris)
    limits = [f"-max_total_time={seconds}", "-max_len=8192", "-rss_limit_mb=4000", "-timeout=60"]
    atheris.Setup([sys.argv[0], str(corpus), "-seed=1", *limits], one)
    atheris.Fuzz()


def main() -> None:
    """Fuzz the formats that are not on record, and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=200)
    parser.add_argument("--suffix", choices=SUFFIXES)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.folder is not None:
        fuzz(options.suffix, options.seconds, options.folder)
        return
    for suffix in (options.suffix,) if options.suffix else SUFFIXES:
        record = json.loads(RECORD.read_text())
        if suffix in record.setdefault("atheris", {}) and not options.suffix:
            continue
        with tempfile.TemporaryDirectory() as name:
            arguments = ["--suffix", suffix, "--seconds", str(options.seconds), "--folder", name]
            done = subprocess.run(
                [sys.executable, __file__, *arguments], capture_output=True, check=False
            )
            found = json.loads((Path(name) / "found").read_text())
        inputs = sum(found.get(answer, 0) for answer in ("refused", "still valid", "wrong"))
        record["atheris"][suffix] = {
            "inputs": inputs,
            "seconds": options.seconds,
            "exit_code": done.returncode,
            **found,
        }
        save(record)
        print(suffix, {**found, "finds": len(found["finds"])})


if __name__ == "__main__":
    main()
