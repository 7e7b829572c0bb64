"""The checked ledger as text, JSON, one self-contained page, and the list of errata."""

from proofs_check.rendering.errata import render_errata, write_errata
from proofs_check.rendering.html import write_ledger_html
from proofs_check.rendering.json import ledger_to_dict, write_ledger_json
from proofs_check.rendering.text import render_details, render_summary, render_table

__all__ = [
    "ledger_to_dict",
    "render_details",
    "render_errata",
    "render_summary",
    "render_table",
    "write_errata",
    "write_ledger_html",
    "write_ledger_json",
]
