"""attack.data.dataset: what is loaded, in which order and scale."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import sklearn.datasets
import torch
from picture_files import IMAGES, LABELS, idx, refuse

from attack.data.dataset import load, load_again


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
