"""The report as text, JSON, figures and one self-contained page.

Text and JSON load at once; what draws loads matplotlib, and only when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from identify.rendering.json import to_dict, write_json
from identify.rendering.text import render_text

if TYPE_CHECKING:
    from identify.rendering.figures import recovery_figure
    from identify.rendering.html import write_html

__all__ = ["recovery_figure", "render_text", "to_dict", "write_html", "write_json"]

_DRAWING = {"recovery_figure": "figures", "write_html": "html"}


def __getattr__(name: str) -> Any:
    if name not in _DRAWING:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_DRAWING[name]}"), name)
