"""Candidate records from an array file or a folder of pictures, in the training's preprocessing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from identify.arrays import FloatArray

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm"})
_LARGEST = 2 << 30
"""Bytes of candidates at most."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How pictures become records: (scale * pixel - mean) / std, channels first as in torch.

    Attributes:
        scale: Factor of the pixels 0 ... 255.
        mean: One number, or one per channel.
        std: One number, or one per channel.
        grey: Whether colours are turned to grey.
        channels_last: Whether a record runs over the channels first of all.
    """

    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    grey: bool = False
    channels_last: bool = False


@dataclass(frozen=True, slots=True)
class Candidates:
    """Records with the names under which they are reported.

    Attributes:
        names: File names, or row numbers.
        x: The records as rows, (k, d).
    """

    names: tuple[str, ...]
    x: FloatArray


def read_candidates(path: Path, preprocessing: Preprocessing) -> Candidates:
    """Read records; the arrays of a .npy or .npz file are taken as they are, one record a row."""
    if path.is_dir():
        return _folder(path, preprocessing)
    if path.suffix not in {".npy", ".npz"}:
        raise ValueError(f"candidates: found {str(path)!r}; pass a .npy, a .npz or a folder")
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"candidates: found more than 2 GB in {str(path)!r}; pass fewer records")
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.ndarray):
            with loaded:
                names = loaded.files
                if len(names) != 1:
                    raise ValueError(f"found the arrays {', '.join(names)}")
                loaded = loaded[names[0]]
        x = np.asarray(loaded, dtype=np.float64)
    except (ValueError, TypeError, EOFError, BadZipFile) as error:
        raise ValueError(
            f"candidates: {str(path)!r}: {error}; pass one array of numbers, a record a row"
        ) from error
    if x.ndim < 2:
        raise ValueError(f"candidates: found shape {x.shape}; pass (k, d), one record a row")
    return Candidates(tuple(str(k) for k in range(len(x))), x.reshape(len(x), -1))


def _folder(path: Path, preprocessing: Preprocessing) -> Candidates:
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in _PICTURES)
    if not files:
        raise ValueError(f"candidates: found no picture in {str(path)!r}; pass a folder of them")
    rows: list[FloatArray] = []
    for file in files:
        row = _picture(file, preprocessing)
        if rows and row.size != rows[0].size:
            raise ValueError(
                f"candidates: {file.name} has {row.size} numbers and {files[0].name} "
                f"{rows[0].size}; pass pictures of one size"
            )
        rows.append(row)
    return Candidates(tuple(file.name for file in files), np.array(rows))


def _picture(file: Path, preprocessing: Preprocessing) -> FloatArray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            picture = np.asarray(image.convert("L" if preprocessing.grey else "RGB"), dtype=float)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValueError(f"candidates: {file.name}: {error}; pass pictures") from error
    picture = np.atleast_3d(picture)
    channels = picture.shape[2]
    parts = [np.array(part) for part in (preprocessing.mean, preprocessing.std)]
    for name, part in zip(("--mean", "--std"), parts, strict=True):
        if part.size not in {1, channels} or not np.isfinite(part).all():
            raise ValueError(f"{name}: found {part.size} numbers; pass 1 or {channels}")
    if not parts[1].all():
        raise ValueError("--std: found 0; pass positive numbers")
    picture = (preprocessing.scale * picture - parts[0]) / parts[1]
    return (picture if preprocessing.channels_last else np.moveaxis(picture, 2, 0)).ravel()
