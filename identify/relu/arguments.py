"""The arguments of the public ReLU functions, checked and in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from identify.arrays import FloatArray, IntArray
from identify.relu.conditions import Layers

_LARGEST = 1e50
"""Entries beyond it overflow in products of a few layers."""


@dataclass(frozen=True, slots=True)
class NetworkOnTheMargin:
    """A ReLU network with samples on the margin, their weights b_i = lambda_i y_i and labels.

    Attributes:
        layers: One (W, bias or None) per layer, ReLU between them, the last W of one row.
        x: Samples, (n, d).
        b: lambda_i y_i, (n,), no entry 0.
        labels: y_i, (n,).
        margin: y_i Phi(x_i) of the samples.
    """

    layers: Layers
    x: FloatArray
    b: FloatArray
    labels: IntArray
    margin: float

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.x.shape[0]

    @property
    def d(self) -> int:
        """Input dimension."""
        return self.x.shape[1]


def check_network(
    layers: Sequence[tuple[ArrayLike, ArrayLike | None]],
    x: ArrayLike,
    b: ArrayLike,
    margin: float,
) -> NetworkOnTheMargin:
    """Return the network and its samples in float64; ValueError if an argument is malformed."""
    found = _check_layers(layers)
    d = found[0][0].shape[1]
    samples = _array("x", x, 2, f"the samples as rows of an (n, {d}) array")
    if samples.shape[1] != d or not len(samples):
        raise ValueError(
            f"x: found shape {samples.shape}; pass (n, {d}), as layer 0 has {d} inputs"
        )
    weights = _array("b", b, 1, f"{len(samples)} numbers lambda_i y_i")
    if weights.shape != (len(samples),) or not weights.all():
        raise ValueError(
            f"b: found shape {weights.shape} and {int(np.sum(weights == 0))} zeros; pass "
            f"{len(samples)} numbers lambda_i y_i other than 0, and no samples off the margin"
        )
    positive = _number("margin", margin)
    if positive <= 0:
        raise ValueError(f"margin: found {margin!r}; pass a positive number")
    labels = np.sign(weights).astype(np.int64)
    return NetworkOnTheMargin(found, samples, weights, labels, positive)


def check_direction(direction: ArrayLike | None, d: int) -> FloatArray | None:
    """Return a direction, (d,), scaled to norm 1, or None; ValueError if it is malformed or 0."""
    if direction is None:
        return None
    u = _array("direction", direction, 1, f"{d} numbers, not all 0")
    if u.shape != (d,) or not u.any():
        raise ValueError(f"direction: found {u.tolist()}; pass {d} numbers, not all 0")
    u /= np.abs(u).max()
    return u / np.linalg.norm(u)


def check_distance(distance: object) -> float | Literal["largest"] | None:
    """Return a positive number, "largest" or None as it is; ValueError if it is none of these."""
    if distance is None:
        return None
    if isinstance(distance, str) and distance == "largest":
        return "largest"
    value = _number("distance", distance)
    if not 0 < value <= _LARGEST:
        raise ValueError(
            f"distance: found {distance!r}; pass a positive number up to {_LARGEST:.0e}, 'largest' "
            "or None"
        )
    return value


def check_index(value: object, count: int) -> int | None:
    """Return an int from 0 to count - 1 as it is, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return None
    return int(value) if 0 <= value < count else None


def check_seed(seed: object) -> np.random.Generator:
    """Return the generator of a seed; ValueError if the seed is no int >= 0."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed: found {seed!r}; pass an int >= 0")
    return np.random.default_rng(int(seed))


def _check_layers(layers: Sequence[tuple[ArrayLike, ArrayLike | None]]) -> Layers:
    expected = "pass one (W, bias or None) per layer, the last W of one row"
    if not isinstance(layers, list | tuple) or not len(layers):
        raise ValueError(f"layers: found {type(layers).__name__}; {expected}")
    found, inputs = [], None
    for k, layer in enumerate(layers):
        if not isinstance(layer, list | tuple) or len(layer) != 2:
            raise ValueError(f"layers[{k}]: found {type(layer).__name__}; {expected}")
        W = _array(f"layers[{k}][0]", layer[0], 2, "an (out, in) weight matrix")
        if 0 in W.shape or (inputs is not None and W.shape[1] != inputs):
            raise ValueError(f"layers[{k}][0]: found shape {W.shape}; pass (out, {inputs or 'in'})")
        c = None
        if layer[1] is not None:
            c = _array(f"layers[{k}][1]", layer[1], 1, f"{len(W)} biases, or None")
            if c.shape != (len(W),):
                raise ValueError(f"layers[{k}][1]: found shape {c.shape}; pass {len(W)} biases")
        found.append((W, c))
        inputs = len(W)
    if inputs != 1:
        raise ValueError(f"layers: found {inputs} outputs; {expected}")
    if not any(W.any() for W, _ in found):
        raise ValueError("layers: found weights that are all 0; pass a trained network")
    return found


def _array(name: str, value: ArrayLike, ndim: int, expected: str) -> FloatArray:
    try:
        found = np.array(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: found no array of numbers ({error}); pass {expected}") from error
    if found.dtype.kind not in "iuf":
        raise ValueError(f"{name}: found dtype {found.dtype}; pass {expected}")
    if found.ndim != ndim:
        raise ValueError(f"{name}: found shape {found.shape}; pass {expected}")
    found = found.astype(np.float64)
    if not np.isfinite(found).all():
        raise ValueError(f"{name}: found NaN or infinity; pass {expected}")
    if np.abs(found).max(initial=0.0) > _LARGEST:
        raise ValueError(f"{name}: found an entry above {_LARGEST:.0e}; pass {expected}")
    return found


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ValueError(f"{name}: found {value!r}; pass a positive number")
    if not np.isfinite(value):
        raise ValueError(f"{name}: found {value!r}; pass a finite positive number")
    return float(value)
