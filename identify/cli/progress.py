"""What a command is doing and for how long, on the error stream of a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """Yield a function of what is done and the finished part of it; the time left is shown."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda text, part: bar.update(task, description=text, completed=part)


@contextmanager
def step_line() -> Iterator[Callable[[str, float], None]]:
    """Yield a function of the step under way and its residual; the time gone is shown.

    A search has no known number of steps, so that no time left can be told.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as line:
        task = line.add_task("verification", total=None)

        def announce(step: str, residual: float) -> None:
            value = "" if math.isnan(residual) else f" {residual:.1e}"
            line.update(task, description=f"verification: {step}{value}")

        yield announce
