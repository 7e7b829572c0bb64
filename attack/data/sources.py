"""Where the pictures come from: scikit-learn's own, OpenML through scikit-learn, local files."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from attack.data.local_formats import Pictures, read_cifar10, read_mnist

PATCH = 32
"""Side of a patch of the photographs, that of a picture of CIFAR-10."""

LOCAL: dict[str, Callable[[str | Path], Pictures]] = {"mnist": read_mnist, "cifar10": read_cifar10}
"""Readers of the data sets that are not built in."""

_OPENML = {"mnist": (554, (28, 28)), "cifar10": (40927, (3, 32, 32))}


def open_pictures(name: str, folder: str | Path | None) -> Pictures:
    """Return all pictures of a data set, as stored; folder None opens OpenML.

    Raises:
        ValueError: If the files cannot be read or OpenML cannot be reached.
    """
    if name == "digits":
        return _digits()
    if name == "photographs":
        return _photographs()
    return _openml(name) if folder is None else LOCAL[name](folder)


def _digits() -> Pictures:
    from sklearn.datasets import load_digits

    flat, labels = load_digits(return_X_y=True)
    return Pictures(flat.astype(np.uint8).reshape(-1, 8, 8), labels.astype(np.uint8), peak=16)


def _photographs() -> Pictures:
    """The patches of a grid: they do not overlap, so no two samples share pixels."""
    from sklearn.datasets import load_sample_images

    patches, labels = [], []
    for label, picture in enumerate(load_sample_images().images):
        rows, columns = picture.shape[0] // PATCH, picture.shape[1] // PATCH
        cut = picture[: rows * PATCH, : columns * PATCH]
        grid = cut.reshape(rows, PATCH, columns, PATCH, 3).swapaxes(1, 2)
        patches.append(grid.reshape(-1, PATCH, PATCH, 3))
        labels += [label] * (rows * columns)
    return Pictures(np.concatenate(patches), np.array(labels, dtype=np.uint8))


def _openml(name: str) -> Pictures:
    from sklearn.datasets import fetch_openml

    number, shape = _OPENML[name]
    remedy = "pass folder with local files, or use digits, which are built in"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of failed attempts: the error below says it once
            found = fetch_openml(
                data_id=number,
                as_frame=False,
                parser="liac-arff",  # the other parser needs pandas
                return_X_y=True,
                n_retries=1,
            )
    except Exception as error:
        raise ValueError(
            f"data: found no {name} at OpenML ({type(error).__name__}: {error}); {remedy}"
        ) from error
    flat = np.asarray(found[0], dtype=np.float64)
    labels = np.asarray(found[1]).astype(str)
    fits = flat.ndim == 2 and flat.shape[1] == math.prod(shape)
    whole = fits and flat.min() >= 0 and flat.max() <= 255 and not (flat % 1).any()
    if not whole or not np.isin(labels, [str(label) for label in range(10)]).all():
        raise ValueError(
            f"data: found at OpenML an array of shape {flat.shape} that is not {name}, "
            f"{math.prod(shape)} bytes per picture and labels 0 to 9; {remedy}"
        )
    images = flat.astype(np.uint8).reshape(-1, *shape)
    if len(shape) == 3:  # channel first
        images = images.transpose(0, 2, 3, 1)
    return Pictures(images, labels.astype(np.uint8))
