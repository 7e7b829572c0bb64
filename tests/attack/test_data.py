"""attack.data: what is loaded, in which order and scale, and what is refused in which words."""

from __future__ import annotations

import contextlib
import gzip
import os
import pickle
import re
import struct
from urllib.error import URLError

import numpy as np
import pytest
import sklearn.datasets
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attack.data import local_formats
from attack.data.dataset import load, load_again
from attack.data.local_formats import read_cifar10, read_mnist

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 28, 28), dtype=np.uint8)
LABELS = (np.arange(40) % 10).astype(np.uint8)


def idx(array: np.ndarray) -> bytes:
    """The bytes of an idx-ubyte file."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


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


def refuse(call, *fragments: str) -> None:
    """Require one ValueError on one line that says all of this."""
    with pytest.raises(ValueError, match=re.escape(fragments[0])) as caught:
        call()
    for fragment in fragments:
        assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


# ---- what is built in --------------------------------------------------------------------------


@pytest.mark.parametrize(("classes", "n"), [(2, 50), (2, 7), (10, 50), (10, 23)])
def test_digits_are_those_of_scikit_learn(classes, n):
    flat, labels = sklearn.datasets.load_digits(return_X_y=True)
    dataset = load("digits", n, classes=classes, seed=3)
    np.testing.assert_allclose(dataset.mean, flat.mean(0) / 16, rtol=0, atol=1e-14)
    stored = {picture.tobytes(): label for picture, label in zip(flat, labels, strict=True)}
    found = (16 * dataset.pictures()).round().reshape(n, 64).numpy()
    truth = np.array([stored[picture.tobytes()] for picture in found])
    expected = truth if classes == 10 else np.where(truth % 2, 1, -1)
    assert dataset.labels.tolist() == expected.tolist()
    counts = np.unique(dataset.labels, return_counts=True)[1]
    assert len(counts) == classes
    assert np.ptp(counts) <= 1
    assert len({picture.tobytes() for picture in found}) == n
    assert dataset.x.dtype == torch.float64
    assert dataset.labels.dtype == (torch.float64 if classes == 2 else torch.int64)
    assert dataset.shape == (8, 8)
    assert dataset.name == "digits"


def test_photographs_are_patches_that_do_not_overlap():
    dataset = load("photographs", 520)  # all there are: 13 x 20 of each
    pictures = (255 * dataset.pictures()).round().to(torch.uint8).numpy()
    left = {patch.tobytes(): y for patch, y in zip(pictures, dataset.labels.tolist(), strict=True)}
    for sign, photograph in zip((-1, 1), sklearn.datasets.load_sample_images().images, strict=True):
        for row in range(0, 13 * 32, 32):
            for column in range(0, 20 * 32, 32):
                patch = np.ascontiguousarray(photograph[row : row + 32, column : column + 32])
                assert left.pop(patch.tobytes()) == sign
    assert not left
    assert dataset.x.mean(0).abs().max() < 1e-12  # the mean is that of the whole data set
    assert dataset.shape == (32, 32, 3)


def test_unit_norm():
    plain, unit = load("digits", 20, seed=1), load("digits", 20, seed=1, unit_norm=True)
    np.testing.assert_allclose(unit.x.norm(dim=1), 1, rtol=1e-14)
    np.testing.assert_allclose(unit.scale, plain.x.norm(dim=1), rtol=1e-14)
    np.testing.assert_allclose(unit.pictures(), plain.pictures(), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(plain.scale, 1)


def test_seed_decides_which():
    assert torch.equal(load("digits", 30, seed=5).x, load("digits", 30, seed=5).x)
    assert not torch.equal(load("digits", 30, seed=5).x, load("digits", 30, seed=6).x)


def test_to_keeps_class_numbers_whole():
    dataset = load("digits", 10, classes=10).to("cpu", torch.float32)
    assert dataset.x.dtype == dataset.mean.dtype == dataset.scale.dtype == torch.float32
    assert dataset.labels.dtype == torch.int64
    assert load("digits", 10).to("cpu", torch.float32).labels.dtype == torch.float32


@pytest.mark.parametrize(
    ("arguments", "options", "fragments"),
    [
        (("letters", 10), {}, ("data: found 'letters'", "digits, mnist, cifar10, photographs")),
        (("digits", 10), {"classes": 3}, ("classes: found 3", "pass 2 or 10")),
        (("photographs", 10), {"classes": 10}, ("classes: found 10", "pass 2")),
        (("digits", 9), {"classes": 10}, ("samples: found 9", "at least 10")),
        (("digits", 1798), {}, ("samples: found 1798", "pass fewer samples")),
        (("digits", 10), {"seed": -1}, ("seed: found -1", "0 or more")),
        (("digits", 10), {"folder": "here"}, ("folder: found 'here'", "built in")),
    ],
)
def test_requests_that_cannot_be_met(arguments, options, fragments):
    refuse(lambda: load(*arguments, **options), *fragments)


# ---- MNIST -------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw"])
@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("mark", ["-", "."])
def test_mnist_from_idx_files(tmp_path, place, end, mark):
    folder = tmp_path / place
    folder.mkdir(parents=True, exist_ok=True)
    pack = gzip.compress if end else bytes
    (folder / f"train-images{mark}idx3-ubyte{end}").write_bytes(pack(idx(IMAGES)))
    (folder / f"train-labels{mark}idx1-ubyte{end}").write_bytes(pack(idx(LABELS)))
    dataset = load("mnist", 40, classes=10, folder=tmp_path)
    found = (255 * dataset.pictures()).round().to(torch.uint8).numpy()
    for label in range(10):
        expected = sorted(picture.tobytes() for picture in IMAGES[label == LABELS])
        assert sorted(p.tobytes() for p in found[dataset.labels == label]) == expected
    np.testing.assert_allclose(dataset.mean, IMAGES.mean(0).ravel() / 255, rtol=1e-13)
    assert dataset.shape == (28, 28)


def test_mnist_with_two_classes_tells_odd_from_even(mnist):
    dataset = load("mnist", 40, folder=mnist)
    odd = {picture.tobytes() for picture in IMAGES[LABELS % 2 == 1]}
    found = (255 * dataset.pictures()).round().to(torch.uint8).numpy()
    assert [1.0 if p.tobytes() in odd else -1.0 for p in found] == dataset.labels.tolist()


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


# ---- CIFAR-10 ----------------------------------------------------------------------------------


def test_cifar10_from_the_binary_version(cifar):
    folder, planes = cifar
    dataset = load("cifar10", 50, classes=10, folder=folder)
    found = (255 * dataset.pictures()).round().to(torch.uint8).numpy()
    assert found.shape == (50, 32, 32, 3)
    for label in range(10):
        expected = sorted(p.tobytes() for p in planes[label::10])
        channel_first = found[dataset.labels == label].transpose(0, 3, 1, 2)
        assert sorted(np.ascontiguousarray(p).tobytes() for p in channel_first) == expected
    refuse(lambda: load("cifar10", 50, folder=folder), "needs 25 of class 0, of which there are 20")


def test_cifar10_with_two_classes_tells_animals_from_vehicles(cifar):
    folder, planes = cifar
    dataset = load("cifar10", 40, folder=folder)
    number = {p.tobytes(): index % 10 for index, p in enumerate(planes)}
    found = (255 * dataset.pictures()).round().to(torch.uint8).numpy().transpose(0, 3, 1, 2)
    classes = [number[np.ascontiguousarray(p).tobytes()] for p in found]
    expected = [-1.0 if c in {0, 1, 8, 9} else 1.0 for c in classes]
    assert dataset.labels.tolist() == expected


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


# ---- OpenML ------------------------------------------------------------------------------------


def test_openml_gives_what_the_files_give(mnist, monkeypatch):
    asked = {}

    def fetch(**options):
        asked.update(options)
        return IMAGES.reshape(40, -1).astype(np.float64), LABELS.astype(str).astype(object)

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    local, remote = load("mnist", 20, folder=mnist), load("mnist", 20)
    assert torch.equal(local.x, remote.x)
    assert local.info == remote.info
    assert asked["data_id"] == 554


def test_openml_cifar10_is_channel_first(cifar, monkeypatch):
    folder, planes = cifar
    found = planes.reshape(50, -1), np.array([str(i % 10) for i in range(50)], dtype=object)
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda **_: found)
    assert load("cifar10", 20).info == load("cifar10", 20, folder=folder).info


def test_offline(monkeypatch):
    def fetch(**_):
        raise URLError("no route to host")

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    refuse(lambda: load("cifar10", 20), "data: found no cifar10 at OpenML", "no route", "folder")


@pytest.mark.parametrize(
    ("pixels", "labels"),
    [
        (np.zeros((4, 783)), "1"),
        (np.full((4, 784), 0.5), "1"),
        (np.full((4, 784), np.nan), "1"),
        (np.full((4, 784), 256.0), "1"),
        (np.zeros((4, 784)), "10"),
        (np.zeros((4, 784)), "cat"),
        (np.zeros(784), "1"),
    ],
)
def test_openml_gives_something_else(monkeypatch, pixels, labels):
    found = pixels, np.array([labels] * 4, dtype=object)
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda **_: found)
    refuse(lambda: load("mnist", 2), "data: found at OpenML", "not mnist", "folder")


# ---- loading again -----------------------------------------------------------------------------


def test_load_again(mnist):
    dataset = load("mnist", 12, seed=4, folder=mnist, unit_norm=True)
    assert torch.equal(load_again(dataset.info, mnist).x, dataset.x)
    (mnist / "train-images-idx3-ubyte").write_bytes(idx(IMAGES[::-1]))
    refuse(lambda: load_again(dataset.info, mnist), "folder: found other samples", "digest")


def test_a_sample_that_equals_the_mean_has_no_direction(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(np.full_like(IMAGES, 7)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    refuse(lambda: load("mnist", 2, folder=tmp_path, unit_norm=True), "unit_norm: ", "norm is 0")
    assert not load("mnist", 2, folder=tmp_path).x.any()


def test_gzip_is_told_by_its_content(mnist):
    (mnist / "train-images-idx3-ubyte").write_bytes(gzip.compress(idx(IMAGES)))
    np.testing.assert_array_equal(read_mnist(mnist).pixels, IMAGES)
