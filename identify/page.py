"""The pages of all reports: one environment, and the base template ``page.html.j2`` they extend."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from identify.files import write_atomic

if TYPE_CHECKING:
    from jinja2 import Environment


def write_page(path: str | Path, template: str, **values: object) -> None:
    """Fill a template, named as "package/folder/file", and write the page in one step."""
    write_atomic(path, render(template, **values))


def render(template: str, **values: object) -> str:
    """Fill a template, named as "package/folder/file", in which every value is escaped."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _source(template: str) -> str:
    package, _, name = template.partition("/")
    return files(package).joinpath(name).read_text(encoding="utf-8")
