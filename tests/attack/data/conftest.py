"""Folders with small data sets in the published formats."""

import numpy as np
import pytest
from picture_files import IMAGES, LABELS, RNG, idx


@pytest.fixture
def mnist(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(IMAGES))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    return tmp_path


@pytest.fixture
def cifar(tmp_path):
    """Five batches of 10 records, and the planes (50, 3, 32, 32) in them."""
    planes = RNG.integers(0, 256, (50, 3, 32, 32), dtype=np.uint8)
    for number in range(5):
        records = [bytes([label]) + planes[10 * number + label].tobytes() for label in range(10)]
        (tmp_path / f"data_batch_{number + 1}.bin").write_bytes(b"".join(records))
    return tmp_path, planes
