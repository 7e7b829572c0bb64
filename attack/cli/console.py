"""What the commands share: device, precision, threads, what is printed, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import torch


def open_device(name: str) -> torch.device:
    """Return the device cpu, cuda or cuda:N, tried out; ValueError if it cannot be used."""
    import torch

    try:
        place = torch.device(name)
        usable = place.type in {"cpu", "cuda"} and torch.empty(0, device=place).numel() == 0
    except (RuntimeError, AssertionError):  # torch built without cuda asserts
        usable = False
    if not usable:
        raise ValueError(
            f"--device: found {name!r}, which cannot be used here; pass cpu, or cuda or cuda:N "
            "where there is such a GPU"
        )
    return torch.device(name)


def open_precision(name: str) -> torch.dtype:
    """Return the type float64 or float32; ValueError if it is another."""
    import torch

    types = {"float64": torch.float64, "float32": torch.float32}
    if name not in types:
        raise ValueError(f"--precision: found {name!r}; pass {' or '.join(types)}")
    return types[name]


@contextmanager
def threads(number: int) -> Iterator[None]:
    """So many threads for torch, and as many as before afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def say(text: str) -> None:
    """Print lines as they are."""
    Console().print(text, markup=False, highlight=False, soft_wrap=True)


def table(*columns: str) -> Table:
    """A table without lines, the first column on the left and numbers on the right."""
    plain = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        plain.add_column(column, justify="left" if number == 0 else "right")
    return plain


def option(name: str) -> str:
    """The option of a field."""
    return "--" + name.replace("_", "-")


def check_outputs(command: Any, *names: str) -> None:
    """Require that what these options name can be written; ValueError if not."""
    for name in names:
        path: Path | None = getattr(command, name)
        if path is None:
            continue
        if path.is_dir():
            raise ValueError(f"{option(name)}: found the folder {str(path)!r}; pass a file name")
        if not path.parent.is_dir():
            raise ValueError(
                f"{option(name)}: found no folder {str(path.parent)!r}; create it first"
            )


def check_unused(command: Any, names: tuple[str, ...], used: bool, needed: str) -> None:
    """Require that no option is given where it would change nothing; ValueError if one is."""
    defaults = {field.name: field.default for field in fields(command)}
    for name in names:
        found = getattr(command, name)
        if not used and found != defaults[name]:
            given = "" if found is True else f"found {str(found)!r}, which "
            raise ValueError(
                f"{option(name)}: {given}counts only with {needed}; pass that as well, or leave "
                f"out {option(name)}"
            )
