"""The pictures that vectors stand for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from identify.arrays import FloatArray

SMALLEST_SIDE = 6
"""Vectors of fewer pixels a side are shown as heat maps: nobody recognises a 3 x 3 picture."""


def picture_shape(d: int) -> tuple[int, ...] | None:
    """Guess a picture: (h, w) for a square d, (h, w, 3) for d = 3 k^2, or None."""
    for channels in ((), (3,)):
        pixels, rest = divmod(d, math.prod(channels))
        side = math.isqrt(pixels) if rest == 0 else 0
        if side > 0 and side * side == pixels:
            return (side, side, *channels)
    return None


def choose_shape(d: int, image_shape: Sequence[int] | None) -> tuple[int, ...] | None:
    """Take the caller's (h, w) or (h, w, 3), or guess one that is worth drawing.

    Returns:
        The shape, or None where the samples are no pictures.

    Raises:
        ValueError: If ``image_shape`` does not hold d numbers.
    """
    if image_shape is None:
        guess = picture_shape(d)
        return guess if guess is not None and guess[0] >= SMALLEST_SIDE else None
    shape = tuple(int(side) for side in image_shape)
    if math.prod(shape) != d or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
        msg = f"image_shape is {shape}; pass (h, w) or (h, w, 3) with product d = {d}"
        raise ValueError(msg)
    return shape


def as_picture(x: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Scale one sample (d,) to [0, 1] by its own extremes; a constant one is black."""
    x = np.nan_to_num(np.asarray(x, dtype=float).reshape(shape), posinf=0.0, neginf=0.0)
    span = np.ptp(x)
    return (x - x.min()) / span if span > 0 else np.zeros(shape)
