"""What each matrix of a network reads, told from names, order and shapes, and never guessed.

A matrix is "embedding" if it is a table that is looked up, "inputs" if it is the first one that
multiplies, and "features" otherwise. Behind a table of tokens nothing reads inputs: such a network
has no "inputs". Which matrix is first is said by three witnesses that must not contradict:
the order in which the network declares its layers, numbers in names that are otherwise alike, and
shapes, where a single matrix reads what no other one gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from identify.checkpoints.limits import listed, quoted

Shape = tuple[int, ...]

_TABLE = re.compile(r"(.*_)?emb(ed|edding)?s?(_.*)?|wte|wpe|shared")
_OUT = re.compile(r"(^|_)(un|de|out|proj|head)")
_POSITIONS = re.compile(r"(^|[._])(wpe|pos|position|positional|type|token_type|segment)", re.I)


def is_table(name: str, shape: Shape, *, bias: bool) -> bool:
    """Whether a matrix goes by the name of an embedding table, and has neither kernel nor bias."""
    parts = name.lower().removesuffix(".weight").split(".")
    last = parts[-1]
    return len(shape) == 2 and not bias and bool(_TABLE.fullmatch(last)) and not _OUT.search(last)


def kinds(
    shapes: Mapping[str, Shape],
    tables: Iterable[str],
    order: Sequence[str] | None,
    inputs: str | None = None,
) -> dict[str, str]:
    """What each matrix reads.

    ``shapes`` holds outputs ahead of inputs, kernels unflattened; ``order`` the names as the
    network declares them, where that is known; ``inputs`` the one that the caller named, or "".

    Returns:
        "inputs", "embedding" or "features" by name.

    Raises:
        ValueError: If it cannot be told which one reads the inputs; lists what there is.
    """
    tables = frozenset(tables)
    found = {name: "embedding" if name in tables else "features" for name in shapes}
    rest = {name: shape for name, shape in shapes.items() if name not in tables}
    if inputs is None:
        tokens = any(not _POSITIONS.search(name) for name in tables)
        inputs = "" if tokens or not rest else _first(rest, order)
    if inputs:
        if inputs not in rest:
            raise ValueError(
                f"inputs: found no matrix {quoted(inputs)} among {listed(rest.items(), len(rest))};"
                ' pass the name of one of them, or "" if none reads the inputs'
            )
        found[inputs] = "inputs"
    return found


def _first(shapes: Mapping[str, Shape], order: Sequence[str] | None) -> str:
    # The matrix on which every witness that says anything agrees.
    said = {
        "order": next((name for name in order or () if name in shapes), None),
        "numbers": next(iter(by_number(shapes) or ()), None),
        "shapes": first_by_shape(shapes),
    }
    answers = {name for name in said.values() if name is not None}
    if len(answers) == 1:
        return answers.pop()
    claims = ", ".join(f"{quoted(name)} by {by}" for by, name in said.items() if name is not None)
    raise ValueError(
        f"inputs: found the matrices {listed(shapes.items(), len(shapes))}, and which of them "
        f"reads the inputs is {claims or 'told neither by order nor by names nor by shapes'}; pass "
        'inputs= with its name, or inputs="" if none does'
    )


def by_number(names: Iterable[str]) -> list[str] | None:
    """Names that differ in their numbers alone, in the order of these."""
    names = list(names)
    if len({re.sub(r"\d+", "#", name) for name in names}) != 1 or len(names) < 2:
        return None
    return sorted(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])


def chain(shapes: Mapping[str, Shape]) -> list[str] | None:
    """The one order in which every matrix reads what the one before gives, by widths alone."""
    reads: dict[int, list[str]] = {}
    for name, shape in shapes.items():
        reads.setdefault(shape[1], []).append(name)
    first = first_by_shape(shapes)
    order = [] if first is None else [first]
    while order and len(nexts := reads.get(shapes[order[-1]][0], [])) == 1:
        if nexts[0] in order:
            break
        order += nexts
    return order if len(order) == len(shapes) else None


def first_by_shape(shapes: Mapping[str, Shape]) -> str | None:
    """The one matrix whose inputs no other one gives; a kernel's outputs may be flattened."""
    unfed = [
        name
        for name, shape in shapes.items()
        if not any(
            shape[1] == other[0] or (len(other) > 2 == len(shape) and shape[1] % other[0] == 0)
            for source, other in shapes.items()
            if source != name
        )
    ]
    return unfed[0] if len(unfed) == 1 else None
