"""The checked ledger as text, JSON, one self-contained page, and the list of errata."""

from proofs_check.rendering.errata import render_errata, write_errata
from proofs_check.rendering.html import write_html
from proofs_check.rendering.json import to_dict, write_json
from proofs_check.rendering.text import render_details, render_summary, render_table

__all__ = [
    "render_details",
    "render_errata",
    "render_summary",
    "render_table",
    "to_dict",
    "write_errata",
    "write_html",
    "write_json",
]
