"""The report as a fragment for notebooks, in the colours and type of the page around it."""

from __future__ import annotations

import numpy as np

from identify.findings import Findings
from identify.page import render
from identify.rendering import sentences, words

MOST = 12
"""Samples in the table, the smallest bounds first."""


def render_notebook(report: Findings) -> str:
    """Render verdict, hypotheses, reasons and tables as one escaped fragment without links."""
    found, rows = report.recovery, []
    if found is not None:
        sure = words.claimed(found)
        order = np.argsort(words.relative_bound(found), kind="stable")[:MOST].tolist()
        norm = np.linalg.norm(found.x, axis=1)
        rows = [
            (
                i + 1,
                words.number(float(norm[i])),
                words.number(float(found.b[i])),
                words.number(float(found.error_bound[i])) if sure[i] else "no claim",
            )
            for i in order
        ]
    template = "identify/rendering/notebook.html.j2"
    return render(template, report=report, words=words, sentences=sentences, rows=rows)
