"""What the pickle of a torch file would build, told without building any of it.

A pickle is a program for a machine with one stack. Torch runs the few steps that tensors need
(``weights_only=True``); here the same steps are followed with descriptions in the place of tensors,
so that a file that torch would refuse is refused before torch is imported. Nothing that a pickle
names is looked up or called. Where a file holds what is not described here (sparse or quantised
tensors, classes that the caller allowed) torch alone decides.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod
from typing import Any

from identify.checkpoints.limits import is_code
from identify.checkpoints.pickle_names import (
    DICTIONARIES,
    PARAMETERS,
    STORAGES,
    TENSORS,
    VALUES,
    WIDTHS,
    Layout,
    Storage,
    names_data,
)

MAX_HASHED, MAX_NESTED = 500_000, 100
"""Largest number of entries in all tuples that are keys, and how deep they nest: hashing them can
take for ever, or more of the stack than there is."""

_SCALARS = (str, bytes, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class _Named:
    """Something that the pickle refers to by name."""

    name: str


class _Value:
    """What torch builds and is neither a tensor nor a dictionary."""


@dataclass(slots=True)
class Described:
    """What a pickle would build.

    Attributes:
        content: Dictionaries, lists, tuples and scalars as they are, a ``Layout`` for a tensor.
        storages: Every storage that is referred to, by its name.
        complete: Whether all of it is described; otherwise torch decides.
    """

    content: Any = None
    storages: dict[str, Storage] = field(default_factory=dict)
    complete: bool = True


def describe(steps: Iterable[tuple[str, Any]]) -> Described:
    """Follow the steps of a pickle, each with its argument, as ``pickletools`` names them.

    Returns:
        What it would build.

    Raises:
        RefusedError: If it refers to code.
        ValueError: If it is no pickle of tensors and what comes with them; other errors of this
            kind (``LookupError``, ``TypeError``) mean the same.
    """
    machine = _Machine()
    for name, argument in steps:
        machine.step(name, argument)
    if not machine.ended:
        raise ValueError("the pickle does not end")
    return machine.found


class _Machine:
    """The stack, what is below each mark, and what was put aside."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.found = Described()
        self.ended = False
        self.hashed = 0

    def step(self, name: str, argument: Any) -> None:
        """Follow one step."""
        if name in _PUSHED:
            self.stack.append(_PUSHED[name](argument))
        elif name in {"BINGET", "LONG_BINGET"}:
            self.stack.append(self.memo[argument])
        elif name in {"BINPUT", "LONG_BINPUT"}:
            self.memo[argument] = self.stack[-1]
        elif name == "STOP":
            self.found.content, self.ended = self.stack.pop(), True
        elif name != "PROTO":
            _STEPS[name](self, argument)

    def marked(self) -> list[Any]:
        """What was pushed since the last mark."""
        items, self.stack = self.stack, self.below.pop()
        return items

    def mark(self, _: Any) -> None:
        self.below.append(self.stack)
        self.stack = []

    def tuple_of(self, length: int | None) -> None:
        items = self.marked() if length is None else self.popped(length)
        self.stack.append(tuple(items))

    def popped(self, count: int) -> list[Any]:
        """The last things that were pushed, in their order."""
        return [self.stack.pop() for _ in range(count)][::-1]

    def append(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise ValueError("only a list can be appended to")
        self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not dict or len(items) % 2:
            raise ValueError("only a dictionary takes keys with values")
        self.stack[-1].update(self.pairs(zip(items[::2], items[1::2], strict=True)))

    def refer(self, argument: str) -> None:
        name = argument.replace(" ", ".", 1).replace("__builtin__", "builtins", 1)
        if not names_data(name):
            if "torch" not in sys.modules:  # otherwise the caller may have allowed it
                raise is_code(name)
            self.found.complete = False
        self.stack.append(_Named(name))

    def persistent(self, _: Any) -> None:
        pid = self.stack.pop()
        if type(pid) is not tuple or len(pid) < 5 or pid[0] != "storage":
            raise ValueError("the file refers to something that is no storage")
        _, kind, key, _, count = pid[:5]
        if type(kind) is not _Named or type(key) is not str or not _sizes((count,)):
            raise ValueError("a storage has a type, a name and a size")
        dtype = STORAGES.get(kind.name)
        if dtype is None or any(more is not None for more in pid[5:]):
            self.unknown()
            return
        storage = Storage(key, dtype, count)
        if self.found.storages.setdefault(key, storage) != storage:
            raise ValueError("one storage is given two sizes")
        self.stack.append(storage)

    def call(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if type(function) is not _Named or type(arguments) is not tuple:
            raise ValueError("only what is named is called")
        if function.name in TENSORS:
            self.tensor(function.name, arguments)
        elif function.name in PARAMETERS:
            self.stack.append(arguments[0])
            if type(arguments[0]) is not Layout:
                self.found.complete = False
        elif function.name in DICTIONARIES:
            (items,) = arguments or ((),)
            self.stack.append(self.pairs(items.items() if isinstance(items, dict) else items))
        elif function.name in VALUES:
            self.hashable(arguments)
            self.stack.append(_Value())
        else:
            self.unknown()

    def tensor(self, function: str, arguments: tuple[Any, ...]) -> None:
        storage, offset, shape, strides = arguments[:4]
        if len(arguments) < TENSORS[function] or type(storage) is not Storage:
            self.unknown()
            return
        if not (_sizes((offset, *shape, *strides)) and len(shape) == len(strides)):
            raise ValueError("a tensor has sizes and strides")
        dtype = storage.dtype
        if function.endswith("v3"):
            named = arguments[6]
            dtype = named.name.removeprefix("torch.") if type(named) is _Named else ""
        if dtype not in WIDTHS:
            self.unknown()
            return
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        if prod(shape) and (last + 1) * WIDTHS[dtype] > storage.size:
            raise ValueError("a tensor reaches past the end of its storage")
        self.stack.append(Layout(dtype, tuple(shape), storage))

    def build(self, _: Any) -> None:
        self.stack.pop()
        if type(self.stack[-1]) is not dict:
            self.stack.pop()
            self.unknown()

    def new(self, _: Any) -> None:
        arguments, kind = self.stack.pop(), self.stack.pop()
        if type(kind) is not _Named or type(arguments) is not tuple:
            raise ValueError("only what is named has objects")
        self.unknown()

    def pairs(self, items: Iterable[Any]) -> dict[Any, Any]:
        """A dictionary, once it is known that its keys can be hashed."""
        found = {}
        for key, value in items:
            self.hashable(key)
            found[key] = value
        return found

    def hashable(self, value: Any) -> None:
        """Refuse what is nested so deep, or so often, that hashing it does not end well."""
        level, depth = [value], 0
        while level := [part for one in level if isinstance(one, tuple | list) for part in one]:
            self.hashed += len(level)
            depth += 1
            if self.hashed > MAX_HASHED or depth > MAX_NESTED:
                raise ValueError("tuples within tuples do not end")

    def unknown(self) -> None:
        """Put down something that is not described."""
        self.found.complete = False
        self.stack.append(_Value())


def _sizes(numbers: tuple[Any, ...]) -> bool:
    return all(type(number) is int and number >= 0 for number in numbers)


_PUSHED = {
    "NONE": lambda _: None,
    "NEWFALSE": lambda _: False,
    "NEWTRUE": lambda _: True,
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_LIST": lambda _: [],
    "EMPTY_DICT": lambda _: {},
    "EMPTY_SET": lambda _: _Value(),
    "SHORT_BINSTRING": lambda text: text.encode("latin-1").decode("utf-8"),
    **dict.fromkeys(
        ("BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "LONG1"), lambda value: value
    ),
}
_STEPS = {
    "MARK": _Machine.mark,
    "TUPLE": lambda machine, _: machine.tuple_of(None),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": lambda machine, _: machine.append(machine.popped(1)),
    "APPENDS": lambda machine, _: machine.append(machine.marked()),
    "SETITEM": lambda machine, _: machine.set_items(machine.popped(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.marked()),
    "GLOBAL": _Machine.refer,
    "BINPERSID": _Machine.persistent,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.build,
    "NEWOBJ": _Machine.new,
}
