"""attack.data.local_formats: hostile files are refused, and in which words."""

from __future__ import annotations

import contextlib
import gzip
import os
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from picture_files import IMAGES, LABELS, idx, refuse

from attack.data import local_formats
from attack.data.local_formats import read_cifar10, read_mnist

HOSTILE_IMAGES = {
    "empty": (b"", ("of an empty file", "00 00 08 03")),
    "labels instead": (idx(LABELS), ("00 00 08 01", "00 00 08 03")),
    "floats": (b"\0\0\x0d\3" + idx(IMAGES)[4:], ("00 00 0d 03",)),
    "header cut": (idx(IMAGES)[:9], ("found 9 bytes, a header needs 16",)),
    "cut": (idx(IMAGES)[:-1], ("found 31359 bytes after the header", "declare 31360")),
    "cut early": (idx(IMAGES)[:99], ("which declare 31360 bytes", "holds what it declares")),
    "longer": (idx(IMAGES) + b"\0", ("found more bytes",)),
    "no images": (idx(IMAGES[:0]), ("declare 0 bytes",)),
    "bomb": (b"\0\0\x08\3" + b"\xff" * 12, ("which declare 79228162458924105385300197375 bytes",)),
    "gzip cut": (gzip.compress(idx(IMAGES))[:-9], ("damaged or truncated gzip",)),
    "gzip garbage": (b"\x1f\x8b" + b"\7" * 90, ("damaged or truncated gzip",)),
    "gzip checksum": (gzip.compress(idx(IMAGES))[:-8] + b"\0" * 8, ("damaged or truncated gzip",)),
    "gzip short": (gzip.compress(idx(IMAGES)[:-1]), ("found 31359 bytes after the header",)),
    "gzip bomb": (gzip.compress(b"\0\0\x08\3" + b"\0\0\3\xff" * 3), ("declare 1070599167 bytes",)),
    "too few": (idx(IMAGES[:-1]), ("found 40 labels for 39 images",)),
    "pickle": (pickle.dumps(IMAGES), ("first bytes 80",)),
}


@pytest.mark.parametrize("case", HOSTILE_IMAGES)
def test_hostile_idx_files(mnist, case):
    content, fragments = HOSTILE_IMAGES[case]
    (mnist / "train-images-idx3-ubyte").write_bytes(content)
    refuse(lambda: read_mnist(mnist), "folder: ", str(mnist), *fragments, "pass")


def test_nothing_beyond_the_limit_is_read(mnist, monkeypatch):
    monkeypatch.setattr(local_formats, "MAX_BYTES", 31359)
    refuse(lambda: read_mnist(mnist), "declare 31360 bytes", "between 1 and 31359 bytes")


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_damaged_idx_files_give_a_value_error_or_pictures(mnist, data):
    content = bytearray(idx(IMAGES[:, :3, :3]))
    if data.draw(st.booleans()):
        content = bytearray(gzip.compress(bytes(content), mtime=0))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(1, len(content))) :]
    (mnist / "train-images-idx3-ubyte").write_bytes(content)
    with contextlib.suppress(ValueError):
        assert len(read_mnist(mnist).pixels) == 40


def test_labels_beyond_ten_classes(mnist):
    (mnist / "train-labels-idx1-ubyte").write_bytes(idx(LABELS + 7))
    refuse(lambda: read_mnist(mnist), "train-labels", "found the label 16", "0 to 9")


def test_missing_files_are_named(tmp_path):
    refuse(lambda: read_mnist(tmp_path), str(tmp_path), "no train-images-idx3-ubyte", "pass")
    (tmp_path / "train-images-idx3-ubyte").mkdir()  # a folder is no file
    os.mkfifo(tmp_path / "train-images.idx3-ubyte")  # and a pipe would block
    refuse(lambda: read_mnist(tmp_path), "no train-images-idx3-ubyte")
    refuse(lambda: read_mnist(tmp_path / "nowhere"), "nowhere", "no train-images-idx3-ubyte")


@pytest.mark.parametrize(
    ("content", "fragments"),
    [
        (b"", ("found 0 bytes",)),
        (b"\0" * 3072, ("found 3072 bytes", "whole records of 3073 bytes")),
        (b"\0" * 3074, ("found 3074 bytes",)),  # CIFAR-100 has two label bytes
        (b"\x0a" + b"\0" * 3072, ("found the label 10",)),
    ],
)
def test_hostile_batches(cifar, content, fragments):
    folder, _ = cifar
    (folder / "data_batch_4.bin").write_bytes(content)
    refuse(lambda: read_cifar10(folder), "data_batch_4.bin", *fragments, "pass")


def test_all_batches_are_needed(cifar):
    folder, _ = cifar
    (folder / "data_batch_3.bin").unlink()
    refuse(lambda: read_cifar10(folder), "data_batch_3.bin", "no such file", "all five batches")


@pytest.mark.parametrize("place", [".", "cifar-10-batches-py"])
def test_the_pickled_version_is_refused_and_not_opened(tmp_path, place):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "data_batch_1").write_bytes(pickle.dumps(Evil()))
    refuse(lambda: read_cifar10(tmp_path), "python version", "pickles", "cifar-10-batches-bin")
    assert not (tmp_path / "owned").exists()
    refuse(lambda: read_cifar10(tmp_path / "nowhere"), "no data_batch_1.bin", "binary version")


def test_gzip_is_told_by_its_content(mnist):
    (mnist / "train-images-idx3-ubyte").write_bytes(gzip.compress(idx(IMAGES)))
    np.testing.assert_array_equal(read_mnist(mnist).pixels, IMAGES)
