"""Reading a checkpoint by rows takes the memory of the rows, not of the checkpoint."""

from __future__ import annotations

import subprocess
import sys

import large_checkpoint
import numpy as np
from weight_cases import write

MEGABYTE = 2**20
FORMATS = (".safetensors", ".pt", ".npz")
ROWS, COLUMNS = 12_800, 4096  # 200 MiB in float32
SCAN = """
import pathlib, sys
import torch  # its own memory is no part of what is measured
from identify.checkpoints.pairs import open_pairs

def peak():
    text = pathlib.Path('/proc/self/status').read_text()
    return int(text.split('VmHWM:')[1].split()[0]) / 1024

before = peak()
for path in sys.argv[1:]:
    (pair,) = open_pairs(path, path)
    total = 0.0
    for start in range(0, pair.shape[0], 256):
        total += pair.trained(slice(start, start + 256)).sum()
    print(peak() - before, total)
"""


def test_a_large_matrix_is_read_by_rows(tmp_path):
    values = np.ones((ROWS, COLUMNS), dtype=np.float32)
    paths = [write(tmp_path / f"net{form}", {"w": values}) for form in FORMATS]
    assert min(path.stat().st_size for path in paths) >= 200 * MEGABYTE
    done = subprocess.run(
        [sys.executable, "-c", SCAN, *map(str, paths)], capture_output=True, text=True, check=True
    )
    for path, line in zip(paths, done.stdout.splitlines(), strict=True):
        path.unlink()
        megabytes, total = map(float, line.split())
        assert total == values.size
        assert megabytes < 60


def test_the_benchmark_finds_the_change_of_every_matrix(tmp_path):
    figures = large_checkpoint.measure(tmp_path, 0.27)
    assert figures["matrices"] == 2
    assert sum(file.stat().st_size for file in large_checkpoint.shards([tmp_path / "base"])) > 1e8
