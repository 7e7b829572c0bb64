"""Pictures to train on: digits, photographs, MNIST and CIFAR-10, the data set's mean subtracted.

    x = pixel / full brightness - mean of the whole data set        (arXiv 2602.08723, section 6.1)

Labels are balanced. With two classes they are those of Haim et al. 2022: odd digits +1 and even
digits -1; animals +1 and vehicles -1. The photographs are two: their patches are told apart by the
photograph they were cut from.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attack.data.local_formats import Pictures
from attack.data.sources import LOCAL, open_pictures
from identify.arrays import IntArray

_ODD = frozenset({1, 3, 5, 7, 9})
_ANIMALS = frozenset({2, 3, 4, 5, 6, 7})
_POSITIVE = {"digits": _ODD, "mnist": _ODD, "cifar10": _ANIMALS, "photographs": frozenset({1})}

NAMES = tuple(_POSITIVE)
"""The data sets."""


@dataclass(frozen=True, slots=True)
class DataInfo:
    """Which pictures of which data set, in words: enough to load them again.

    Attributes:
        name: "digits", "photographs", "mnist" or "cifar10".
        n: Number of samples.
        classes: 2 or 10.
        seed: Drew them.
        unit_norm: Whether every sample was divided by its norm.
        shape: (h, w) or (h, w, c).
        digest: SHA-256 of the stored bytes of the samples and their labels.
    """

    name: str
    n: int
    classes: int
    seed: int
    unit_norm: bool
    shape: tuple[int, ...]
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Samples with their labels.

    Attributes:
        x: (n, d) float64, the pixels of a picture in the order h, w, c.
        labels: (n,), float64 in {-1, +1} for two classes, int64 in 0..9 for ten.
        mean: (d,), subtracted from the pixels in [0, 1].
        scale: (n,), what each sample was divided by thereafter: its norm, or 1.
        info: Where they come from.
    """

    x: Tensor
    labels: Tensor
    mean: Tensor
    scale: Tensor
    info: DataInfo

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.info.name

    @property
    def shape(self) -> tuple[int, ...]:
        """(h, w) or (h, w, c)."""
        return self.info.shape

    def pictures(self) -> Tensor:
        """The samples as they were, pixels in [0, 1], (n, h, w) or (n, h, w, c)."""
        return (self.x * self.scale[:, None] + self.mean).reshape(len(self.x), *self.shape)

    def to(self, device: str | torch.device, dtype: torch.dtype = torch.float64) -> Dataset:
        """The same on another device or in another precision; class numbers stay integers."""
        x, mean, scale = (t.to(device, dtype) for t in (self.x, self.mean, self.scale))
        labels = self.labels.to(device, dtype if self.labels.is_floating_point() else None)
        return Dataset(x, labels, mean, scale, self.info)


def load(
    name: str,
    n: int,
    *,
    classes: int = 2,
    seed: int = 0,
    folder: str | Path | None = None,
    unit_norm: bool = False,
) -> Dataset:
    """Return n samples of a data set, class by class, as many of each up to one.

    The data sets are "digits" (8 x 8), "photographs" (32 x 32 x 3, not overlapping; two classes),
    "mnist" and "cifar10". Of the last two the folder holds local files, training part only; None is
    OpenML through scikit-learn, which downloads and caches them, test part too. With ``unit_norm``
    every sample is divided by its norm, as Theorem 4.1 assumes; section 6.1 does not.

    Raises:
        ValueError: If there are not so many samples, or the files cannot be read.
    """
    _check(name, n, classes, seed, folder)
    stored = open_pictures(name, folder)
    groups = stored.labels.astype(np.int64)
    if classes == 2:
        groups = np.isin(groups, sorted(_POSITIVE[name])).astype(np.int64)
    chosen = _balanced(groups, n, classes, seed)
    pixels, labels = stored.pixels[chosen], groups[chosen]
    digest = hashlib.sha256(pixels.tobytes() + labels.astype("<i8").tobytes()).hexdigest()
    info = DataInfo(name, n, classes, seed, unit_norm, pixels.shape[1:], digest)
    y = torch.from_numpy(labels)
    return _centred(stored, pixels, y if classes > 2 else 2.0 * y.double() - 1, info)


def load_again(info: DataInfo, folder: str | Path | None = None) -> Dataset:
    """Return the samples that an information describes; the folder is as for ``load``.

    Raises:
        ValueError: If the data set at hand gives other samples.
    """
    found = load(
        info.name,
        info.n,
        classes=info.classes,
        seed=info.seed,
        folder=folder,
        unit_norm=info.unit_norm,
    )
    if found.info != info:
        raise ValueError(
            f"folder: found other samples of {info.name} (digest {found.info.digest[:12]}) than "
            f"the victim was trained on ({info.digest[:12]}); pass the files it was trained from"
        )
    return found


def _centred(
    stored: Pictures, pixels: NDArray[np.uint8], labels: Tensor, info: DataInfo
) -> Dataset:
    total = stored.pixels.sum(0, dtype=np.int64)  # exact, so that the mean is the same everywhere
    mean = torch.from_numpy(total / (len(stored.pixels) * stored.peak)).flatten()
    x = torch.from_numpy(pixels.reshape(info.n, -1) / stored.peak) - mean
    scale = x.norm(dim=1) if info.unit_norm else torch.ones(info.n, dtype=torch.float64)
    if not scale.all():
        raise ValueError(
            "unit_norm: found a sample that equals the mean of the data set, so its norm is 0; "
            "pass False or another seed"
        )
    return Dataset(x / scale[:, None], labels, mean, scale, info)


def _check(name: str, n: int, classes: int, seed: int, folder: str | Path | None) -> None:
    if name not in NAMES:
        raise ValueError(f"data: found {name!r}; pass one of {', '.join(NAMES)}")
    allowed = (2,) if name == "photographs" else (2, 10)
    if classes not in allowed:
        words = " or ".join(map(str, allowed))
        raise ValueError(f"classes: found {classes} for {name}; pass {words}")
    if n < classes:
        raise ValueError(f"samples: found {n} for {classes} classes; pass at least {classes}")
    if seed < 0:
        raise ValueError(f"seed: found {seed}; pass 0 or more")
    if folder is not None and name not in LOCAL:
        raise ValueError(f"folder: found {str(folder)!r} for {name}; pass none, it is built in")


def _balanced(groups: IntArray, n: int, classes: int, seed: int) -> IntArray:
    """Rows of n samples, class by class; the first n mod classes classes get one more."""
    chosen = []
    for group in range(classes):
        members = np.flatnonzero(groups == group)
        wanted = n // classes + (group < n % classes)
        if wanted > len(members):
            raise ValueError(
                f"samples: found {n}, which needs {wanted} of class {group}, of which there are "
                f"{len(members)}; pass fewer samples"
            )
        rng = np.random.default_rng([seed, group])
        chosen.append(rng.permutation(members)[:wanted])
    return np.concatenate(chosen)
