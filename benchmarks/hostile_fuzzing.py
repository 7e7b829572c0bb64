"""Malformed weights and certificates that atheris finds, guided by the branches of the readers.

    uv run --group fuzz python benchmarks/hostile_fuzzing.py --seconds 60 --target .pt

Each target is fuzzed in a process of its own, since atheris ends it: every format, and what lies in
an archive, which sums and lengths would guard. Inputs that are not answered with one line, or not
within a second of processor time, are written into the result as they are.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import subprocess
import sys
import tempfile
import types
import zipfile
from collections import Counter
from importlib import import_module
from pathlib import Path

from hostile_cases import valid_files
from hostile_files import MOST_SECONDS, RECORD, answer, save

TARGETS = {
    ".npz": "",
    ".npz, an array": "a.npy",
    ".safetensors": "",
    ".pt": "",
    ".pt, its pickle": "data.pkl",
    ".pth": "",
    ".json": "",
}
"""What is drawn: a whole file, or the entry of an archive whose name ends so."""

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


def within(archive: bytes, entry: str, data: bytes) -> bytes:
    """Put data in the place of an entry of an archive, or return them alone for no entry."""
    if not entry:
        return data
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, data if name.endswith(entry) else old.read(name))
    return changed.getvalue()


def fuzz(target_name: str, seconds: int, folder: Path) -> None:
    """Let atheris draw files of one kind until the time is over; it ends the process."""
    atheris = import_module("atheris")
    files, entry = valid_files(folder), TARGETS[target_name]
    suffix = target_name.split(",")[0]
    original = next(path for path in files.values() if path.suffix == suffix).read_bytes()
    first = original
    if entry:
        with zipfile.ZipFile(io.BytesIO(original)) as archive:
            first = next(archive.read(n) for n in archive.namelist() if n.endswith(entry))
    counts: Counter[str] = Counter()
    finds: list[dict[str, str]] = []
    target, record = folder / f"hostile{suffix}", folder / "found"

    def one(data: bytes) -> None:
        target.write_bytes(within(original, entry, data))
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
    (corpus / "valid").write_bytes(first)
    functions = instrument(atheris)
    limits = [f"-max_total_time={seconds}", "-max_len=8192", "-rss_limit_mb=4000", "-timeout=60"]
    atheris.Setup([sys.argv[0], str(corpus), "-seed=1", *limits], one)
    atheris.Fuzz()


def main() -> None:
    """Fuzz the formats that are not on record, and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=200)
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.folder is not None:
        fuzz(options.target, options.seconds, options.folder)
        return
    for target in (options.target,) if options.target else TARGETS:
        record = json.loads(RECORD.read_text())
        if target in record.setdefault("atheris", {}) and not options.target:
            continue
        with tempfile.TemporaryDirectory() as name:
            arguments = ["--target", target, "--seconds", str(options.seconds), "--folder", name]
            done = subprocess.run(
                [sys.executable, __file__, *arguments], capture_output=True, check=False
            )
            found = json.loads((Path(name) / "found").read_text())
        inputs = sum(found.get(answer, 0) for answer in ("refused", "still valid", "wrong"))
        record["atheris"][target] = {
            "inputs": inputs,
            "seconds": options.seconds,
            "exit_code": done.returncode,
            **found,
        }
        save(record)
        print(target, {**found, "finds": len(found["finds"])})


if __name__ == "__main__":
    main()
