"""attack.data.sources: OpenML gives what the files give, or is refused."""

from __future__ import annotations

from urllib.error import URLError

import numpy as np
import pytest
import sklearn.datasets
import torch
from picture_files import IMAGES, LABELS, refuse

from attack.data.dataset import load


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
