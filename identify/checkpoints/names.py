"""Which tensors of a file are a, W, a0 and W0: by name, then by shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from identify.checkpoints.limits import listed, quoted

WRAPPERS = frozenset({"model", "model_state_dict", "module", "net", "network", "state_dict"})
"""Names under which programs put the weights of a whole network, and nothing else."""

_NAMES = {"a": {"a"}, "W": {"W", "w"}, "a0": {"a0"}, "W0": {"W0", "w0"}}
_REMEDY = "name them with --a NAME --w NAME (arguments a=, w=)"


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """The tensors of a file by name.

    Attributes:
        model: Those at the top and under ``WRAPPERS``, which stand for themselves.
        other: Those anywhere else; looked at where ``model`` holds no matrix, or by name.
        ordered: Whether they come in the order in which they were saved.
    """

    model: dict[str, Any]
    other: dict[str, Any]
    ordered: bool = True

    def __getitem__(self, name: str) -> Any:
        return self.model[name] if name in self.model else self.other[name]


def choose(contents: Contents, wanted: Mapping[str, str | None], label: str) -> dict[str, str]:
    """Return the names of a, W and, where there are any, a0 and W0, some of which are ``wanted``.

    Raises:
        ValueError: If a name is not there, or more than one choice fits; lists what is there.
    """
    everything = contents.model | contents.other
    matrices = any(len(tensor.shape) == 2 for tensor in contents.model.values())
    tensors = contents.model if matrices else everything
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    found = _listing(everything)
    names: dict[str, str] = {}
    for key, name in wanted.items():
        hits = [name]
        if name is None:
            hits = [n for n in shapes if _stands_for(n, key, anywhere=not matrices)]
        if len(hits) > 1:
            both = f"{quoted(hits[0])} and {quoted(hits[1])}"
            raise ValueError(f"{label}: found both {both} for {key}; {_REMEDY}")
        if hits:
            if hits[0] not in everything:
                raise ValueError(
                    f"{key}: found no tensor {quoted(hits[0])} among {found}; {_REMEDY}"
                )
            names[key] = hits[0]
    if "W0" in names and "a0" not in names:
        raise ValueError(
            f"a0: found W0 ({quoted(names['W0'])}) without a0 in {found}; "
            "name it with --a0 NAME (argument a0=)"
        )
    if "a" in names and "W" in names:
        return names
    free = {name: shape for name, shape in shapes.items() if name not in names.values()}
    named = {key: {name: tuple(contents[name].shape)} for key, name in names.items()}
    pairs = _pairs(named.get("a", free), named.get("W", free))
    layers = {n for n, shape in free.items() if len(shape) >= 2}  # a third one does not fit
    if len(pairs) != 1 or ("W" not in names and not layers <= set(pairs[0])):
        raise ValueError(
            f"{label}: found {found}, which leave open what is a and what is W; {_REMEDY}"
        )
    return names | dict(zip(("a", "W"), pairs[0], strict=True))


def _listing(tensors: Mapping[str, Any]) -> str:
    if not tensors:
        return "no tensors"
    every = ((name, tuple(tensor.shape)) for name, tensor in tensors.items())
    return "the tensors " + listed(every, len(tensors))


def _stands_for(name: str, key: str, *, anywhere: bool) -> bool:
    # Whether this is one of the names of a, W, a0 or W0, on its own or under wrappers.
    *path, last = name.split(".")
    return last in _NAMES[key] and (anywhere or WRAPPERS.issuperset(path))


def _pairs(
    vectors: Mapping[str, tuple[int, ...]], matrices: Mapping[str, tuple[int, ...]]
) -> list[tuple[str, str]]:
    # Up to two pairs of tensors that can be the output and the hidden weights of one network.
    by_length: dict[int, list[str]] = {}
    for name, shape in vectors.items():
        if len(shape) == 1 or (len(shape) == 2 and 1 in shape):
            by_length.setdefault(prod(shape), []).append(name)
    found: list[tuple[str, str]] = []
    for name, shape in matrices.items():
        if len(shape) == 2:
            fitting = by_length.get(shape[0], [])[:3]  # two of them besides itself settle it
            found += [(vector, name) for vector in fitting if vector != name]
        if len(found) > 1:
            break
    return found[:2]
