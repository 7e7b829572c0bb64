"""What changed between two large sharded checkpoints: time beside reading alone, and peak memory.

    uv run python benchmarks/large_checkpoint.py [--gigabytes 4] [--json OUT]

Writes a base model and its fine-tuned copy, each of half the gigabytes, into a temporary folder
that is removed afterwards: float32, (8192, 2048) matrices of tiled random numbers, a change of rank
20 in the trained copy, rounded, shards of 1 GB. ``read_changes`` has to find that rank everywhere.
Reading alone takes every byte of both once, in pieces of
the size of a slice; the files' pages are dropped from the system's cache before each pass where it
allows that. The last line is `ratio R`, scan over reading alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from identify.checkpoints.changes import read_changes
from identify.cli.progress import progress_bar

ROWS, COLUMNS = 8192, 2048
GIGABYTE = 10**9
PER_SHARD = GIGABYTE // (ROWS * COLUMNS * 4)
RECORDS = 20
SLICE = 128
"""Rows at a time: 1 MB as stored, 2 MB in float64."""


def write_shards(folder: Path, matrices: int, change: float) -> None:
    """One checkpoint of ``matrices`` layers, with its list of shards."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    tile = rng.standard_normal((ROWS, COLUMNS), dtype=np.float32)
    C, X = rng.standard_normal((ROWS, RECORDS)), rng.standard_normal((RECORDS, COLUMNS))
    tile += (change * C @ X).astype(np.float32)
    size, places = tile.nbytes, {}
    for shard, start in enumerate(range(0, matrices, PER_SHARD)):
        names = [f"layers.{i}.weight" for i in range(start, min(start + PER_SHARD, matrices))]
        file = folder / f"model-{shard:05d}.safetensors"
        places |= dict.fromkeys(names, file.name)
        header = json.dumps({
            name: {
                "dtype": "F32",
                "shape": [ROWS, COLUMNS],
                "data_offsets": [i * size, (i + 1) * size],
            }
            for i, name in enumerate(names)
        }).encode()
        with file.open("wb") as handle:
            handle.write(len(header).to_bytes(8, "little") + header)
            for _ in names:
                tile.tofile(handle)
            os.fsync(handle.fileno())
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


def read_alone(folders: list[Path]) -> int:
    """Read every shard in pieces; the number of bytes."""
    piece, count = bytearray(SLICE * COLUMNS * 4), 0
    for file in shards(folders):
        with file.open("rb", buffering=0) as handle:
            while taken := handle.readinto(piece):
                count += taken
    return count


def shards(folders: list[Path]) -> Iterator[Path]:
    """The files that hold the tensors."""
    return (file for folder in folders for file in sorted(folder.glob("*.safetensors")))


def scan(folders: list[Path]) -> list[int | None]:
    """The number of records that every matrix shows."""
    with progress_bar() as announce:
        return [change.rank for change in read_changes(*folders, progress=announce)]


def timed(call: Callable[[list[Path]], Any], folders: list[Path]) -> tuple[float, Any]:
    """Seconds of a pass over files that are not in the system's cache."""
    for file in shards(folders) if hasattr(os, "posix_fadvise") else ():
        with file.open("rb") as handle:
            os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    start = time.perf_counter()
    result = call(folders)
    return time.perf_counter() - start, result


def measure(root: Path, gigabytes: float) -> dict[str, float]:
    """Write, read and scan; the figures."""
    matrices = max(1, round(gigabytes * GIGABYTE / 2 / (ROWS * COLUMNS * 4)))
    folders = [root / "trained", root / "base"]
    for folder, change in zip(folders, (1e-3, 0.0), strict=True):
        write_shards(folder, matrices, change)
    seconds, count = timed(read_alone, folders)
    scanning, ranks = timed(scan, folders)
    assert ranks == [RECORDS] * matrices
    size = count / GIGABYTE
    return {
        "gigabytes": size,
        "matrices": matrices,
        "reading_seconds_per_gb": seconds / size,
        "scanning_seconds_per_gb": scanning / size,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "ratio": scanning / seconds,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Scan a large pair of checkpoints.")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="size of both together")
    parser.add_argument("--folder", type=Path, help="where to write; the temporary folder if unset")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    free = shutil.disk_usage(args.folder or tempfile.gettempdir()).free / GIGABYTE
    if free < 1.2 * args.gigabytes:
        sys.exit(
            f"--gigabytes: found {free:.1f} GB free on the disk; pass at most {free / 1.2:.1f}"
        )
    with tempfile.TemporaryDirectory(dir=args.folder) as root:
        figures = measure(Path(root), args.gigabytes)
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):28} {value:.3g}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"ratio {figures['ratio']:.2f}")


if __name__ == "__main__":
    main()
