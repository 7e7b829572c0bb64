"""Cells: what is to be computed, as values with a key and a seed of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from hashlib import blake2b
from itertools import product
from typing import Any, Literal, Protocol, TypeAlias, get_args

Precision: TypeAlias = Literal["float64", "float32", "float16"]
Optimiser: TypeAlias = Literal["step", "descent", "momentum", "batches", "adam"]
Row: TypeAlias = dict[str, Any]
"""What was found out about a cell, JSON-safe: its ``key``, its ``state`` and the figures."""

AXES = ("n", "m", "d", "alpha", "noise", "target", "precision", "optimiser")
"""The fields of a phase cell that span the grid; the repeats of a point differ in the draw."""


class SweepCell(Protocol):
    """One network of a sweep."""

    @property
    def key(self) -> str:
        """Names the cell in the log: the same for equal cells on every machine."""
        ...

    def measure(self) -> Row:
        """Compute the figures of the row; ValueError or OSError say why there are none."""
        ...


@dataclass(frozen=True, slots=True)
class PhaseCell:
    """One planted network: samples are drawn, it is trained on them, and they are asked for.

    Attributes:
        n: Number of samples.
        m: Number of neurons.
        d: Dimension of the samples.
        alpha: Degree of the activation t^alpha.
        noise: Standard deviation of what is added to every weight, as a share of the root mean
            square change of its layer.
        target: Size of the targets: what training changes, beside initial weights of size 1. One
            step is exact at any size; the others are near the equations where it is small.
        precision: The type that the weights are stored in, before and after training.
        optimiser: "step": one gradient step; "descent": full-batch gradient descent on the
            centred squared loss; "momentum": the same with momentum .9; "batches": on halves of the
            samples; "adam": Adam, which the equations do not describe.
        repeat: Number of the draw at this point of the grid.
        seed: The seed of the whole sweep.
    """

    n: int
    m: int
    d: int
    alpha: int = 3
    noise: float = 0.0
    target: float = 0.1
    precision: Precision = "float64"
    optimiser: Optimiser = "step"
    repeat: int = 0
    seed: int = 0

    @property
    def key(self) -> str:
        """Names the cell in the log."""
        return key_of("phase", asdict(self))

    @property
    def draw(self) -> int:
        """The seed of everything random in this cell, made of its key."""
        return int(self.key, 16) >> 34  # 62 bits: what every generator takes

    @property
    def point(self) -> tuple[Any, ...]:
        """Its point of the grid, in the order of ``AXES``."""
        return tuple(getattr(self, name) for name in AXES)

    def measure(self) -> Row:
        """Compute the figures of the row."""
        from identify.sweep.phase import measure_phase

        return measure_phase(self)


def key_of(kind: str, values: dict[str, Any]) -> str:
    """Hash what defines a cell, 24 hexadecimal digits."""
    text = json.dumps([kind, values], sort_keys=True)
    return blake2b(text.encode("utf-8", "backslashreplace"), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class PhaseGrid:
    """The product of all values of the axes, each point drawn ``repeats`` times.

    Raises:
        ValueError: If a value makes no network, or two are the same.
    """

    n: Sequence[int] = (5,)
    m: Sequence[int] = (60,)
    d: Sequence[int] = (8,)
    alpha: Sequence[int] = (3,)
    noise: Sequence[float] = (0.0,)
    target: Sequence[float] = (0.1,)
    precision: Sequence[Precision] = ("float64",)
    optimiser: Sequence[Optimiser] = ("step",)
    repeats: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("n", "m", "d"):
            _check(name, getattr(self, name), lambda v: v >= 1, "positive numbers")
        _check("alpha", self.alpha, lambda v: 2 <= v <= 8, "degrees from 2 to 8")
        _check("noise", self.noise, lambda v: 0 <= v < 1e6, "numbers from 0 to 1e6")
        _check("target", self.target, lambda v: 1e-12 <= v <= 1e3, "numbers from 1e-12 to 1000")
        for name, known in (("precision", Precision), ("optimiser", Optimiser)):
            names = get_args(known)
            _check(name, getattr(self, name), names.__contains__, ", ".join(names))
        for name, least in (("repeats", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: found {getattr(self, name)}; pass {least} or more")

    def __len__(self) -> int:
        count = self.repeats
        for name in AXES:
            count *= len(getattr(self, name))
        return count

    def __iter__(self) -> Iterator[PhaseCell]:
        for point in product(*(getattr(self, name) for name in AXES)):
            first = PhaseCell(*point, seed=self.seed)
            yield from (replace(first, repeat=repeat) for repeat in range(self.repeats))

    @property
    def varied(self) -> tuple[str, ...]:
        """The axes with more than one value."""
        return tuple(name for name in AXES if len(getattr(self, name)) > 1)

    def as_dict(self) -> dict[str, Any]:
        """The grid as JSON holds it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _check(name: str, values: Sequence[Any], fits: Callable[[Any], bool], expected: str) -> None:
    if not values or not all(fits(value) for value in values):
        raise ValueError(f"{name}: found {list(values)}; pass {expected}")
    if len({*values}) < len(values):
        raise ValueError(f"{name}: found {list(values)}; pass each value once")
