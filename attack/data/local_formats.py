"""Reads MNIST and CIFAR-10 from local files, in the formats in which they are published.

    MNIST     idx-ubyte: magic 00 00 08 r, then r big-endian sizes, then the bytes; gzip or not
    CIFAR-10  "binary version": records of 1 label byte and 3 x 32 x 32 bytes, channel first

A file is untrusted input: what its header declares is compared with the size of the file before
anything is allocated, and nothing is unpickled. The python version of CIFAR-10 is a pickle, which
runs code when it is opened, so it is refused.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 2**30
"""Largest file and largest unpacked content that is read: 1 GiB, six times CIFAR-10."""

_DEFLATE = 1032
"""Deflate packs at most this much into one byte (zlib's technical details)."""

_RECORD = 3073
_BATCHES = [f"data_batch_{number}.bin" for number in range(1, 6)]
_BINARY = "pass the folder of CIFAR-10's binary version (cifar-10-batches-bin)"
_IDX = "pass a folder with train-images-idx3-ubyte and train-labels-idx1-ubyte, with .gz or without"


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """A whole data set as it is stored.

    Attributes:
        pixels: (N, h, w) or (N, h, w, c).
        labels: (N,), 0 to 9.
        peak: The pixel value of full brightness.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    peak: int = 255


def read_mnist(folder: str | Path) -> Pictures:
    """Return the training images of MNIST, (N, h, w), or of what comes in the same format.

    The two files are in the folder itself, or under ``raw`` or ``MNIST/raw``.

    Raises:
        ValueError: If a file is missing, truncated or in another format.
    """
    places = [Path(folder), Path(folder, "raw"), Path(folder, "MNIST", "raw")]
    images = _read_idx(_find(places, "train-images", 3), rank=3)
    path = _find(places, "train-labels", 1)
    labels = _read_idx(path, rank=1)
    if len(images) != len(labels):
        raise ValueError(
            f"{_label(path)}: found {len(labels)} labels for {len(images)} images; "
            "pass the two files of one data set"
        )
    _check_labels(path, labels)
    return Pictures(images, labels)


def read_cifar10(folder: str | Path) -> Pictures:
    """Return the five training batches of CIFAR-10's binary version, (N, 32, 32, 3).

    They are in the folder itself, or under ``cifar-10-batches-bin``.

    Raises:
        ValueError: If a file is missing, truncated or in another format.
    """
    places = [Path(folder), Path(folder, "cifar-10-batches-bin")]
    place = next((p for p in places if (p / _BATCHES[0]).is_file()), None)
    if place is None:
        pickled = [Path(folder), Path(folder, "cifar-10-batches-py")]
        if any((p / "data_batch_1").is_file() for p in pickled):
            raise ValueError(
                f"{_label(folder)}: found the python version of CIFAR-10, whose batches are "
                f"pickles and run code when opened; {_BINARY}"
            )
        raise ValueError(f"{_label(folder)}: found no {_BATCHES[0]} there; {_BINARY}")
    records = np.concatenate([_read_batch(place / name) for name in _BATCHES])
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    return Pictures(planes.transpose(0, 2, 3, 1), records[:, 0])


def _find(places: list[Path], stem: str, rank: int) -> Path:
    """The file under any of the names in use; some archives write a dot for the dash."""
    names = [f"{stem}{mark}idx{rank}-ubyte{end}" for mark in "-." for end in ("", ".gz")]
    for place in places:
        for name in names:
            if (place / name).is_file():
                return place / name
    raise ValueError(f"{_label(places[0])}: found no {names[0]} there; {_IDX}")


def _read_idx(path: Path, rank: int) -> NDArray[np.uint8]:
    size = path.stat().st_size
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not packed:
            return _parse_idx(raw, path, rank, size)
        try:
            with gzip.GzipFile(fileobj=raw) as handle:
                return _parse_idx(cast(BinaryIO, handle), path, rank, _DEFLATE * size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{_label(path)}: found a damaged or truncated gzip file ({error}); "
                "pass the file as published"
            ) from error


def _parse_idx(handle: BinaryIO, path: Path, rank: int, room: int) -> NDArray[np.uint8]:
    """The array behind a header; no size is believed that the room for the content cannot hold."""
    start = 4 + 4 * rank
    header = handle.read(start)
    magic = bytes([0, 0, 8, rank])
    if header[:4] != magic:
        raise ValueError(
            f"{_label(path)}: found the first bytes {header[:4].hex(' ') or 'of an empty file'}; "
            f"pass an idx-ubyte file, which starts with {magic.hex(' ')}"
        )
    if len(header) < start:
        raise ValueError(
            f"{_label(path)}: found {len(header)} bytes, a header needs {start}; "
            "pass the file as published"
        )
    shape = struct.unpack(f">{rank}I", header[4:])
    declared = math.prod(shape)
    if not 0 < declared <= min(MAX_BYTES, room):
        raise ValueError(
            f"{_label(path)}: found sizes {shape}, which declare {declared} bytes; pass a file "
            f"that holds what it declares, between 1 and {MAX_BYTES} bytes"
        )
    content = handle.read(declared + 1)
    if len(content) != declared:
        found = f"{len(content)} bytes" if len(content) < declared else "more bytes"
        raise ValueError(
            f"{_label(path)}: found {found} after the header, sizes {shape} declare {declared}; "
            "pass the file as published"
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _read_batch(path: Path) -> NDArray[np.uint8]:
    if not path.is_file():
        raise ValueError(f"{_label(path)}: found no such file; {_BINARY}, with all five batches")
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES // len(_BATCHES) or size % _RECORD:
        raise ValueError(
            f"{_label(path)}: found {size} bytes; pass a file of 1 to "
            f"{MAX_BYTES // len(_BATCHES) // _RECORD} whole records of {_RECORD} bytes"
        )
    records = np.fromfile(path, dtype=np.uint8, count=size).reshape(-1, _RECORD)
    _check_labels(path, records[:, 0])
    return records


def _check_labels(path: Path, labels: NDArray[np.uint8]) -> None:
    if labels.max() > 9:
        raise ValueError(
            f"{_label(path)}: found the label {labels.max()}; pass a data set of 10 classes, "
            "labelled 0 to 9"
        )


def _label(path: str | Path) -> str:
    return f"folder: {str(path)!r}"
