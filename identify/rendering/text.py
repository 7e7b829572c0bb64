"""The report as plain text."""

from __future__ import annotations

import textwrap

from identify.findings import Findings
from identify.rendering import sentences as say
from identify.rendering.words import (
    EVIDENCE,
    MEANING,
    SETTING,
    number,
    outlook,
    plain,
    printable,
    wording,
)

WIDTH = 100


def render_text(report: Findings) -> str:
    """Render the report as an argument: verdict, reasons, numbers; at most 100 columns."""
    head = [
        (
            f"{report.verdict.value} (setting: {printable(report.setting)}; evidence: "
            f"{printable(report.evidence)})"
        ),
        MEANING[report.verdict],
        (
            f"What is known: {wording(SETTING, report.setting)}. The evidence is "
            f"{wording(EVIDENCE, report.evidence)}."
        ),
        (
            f"The network has {report.n_neurons} neurons with activation "
            f"{printable(report.activation)}; the relative residual of the equations is "
            f"{number(report.residual)}."
        ),
    ]
    head[2:2] = outlook(report)
    reasons = [f"{i}. {reason}" for i, reason in enumerate(plain(report.reasons), 1)]
    sections = {
        "Reasons": reasons or ["None were recorded."],
        **({"Rank conditions": say.rank_sentences(report.rank)} if say.ranked(report) else {}),
        "Recovery": say.recovery_sentences(report.recovery),
    }
    if report.course is not None:
        sections["Training"] = say.course_sentences(report.course)
    if report.witness is not None:
        sections["Witness"] = say.witness_sentences(report.witness)
    if report.partial is not None:
        sections["What is determined all the same"] = say.partial_sentences(report.partial)
    if report.certificate is not None:
        sections["Certificate"] = plain([
            *report.certificate.statement,
            *report.certificate.numerical,
        ])
    lines = _wrap(head, "", "")
    if report.hypotheses:
        rests = [f"- {hypothesis}" for hypothesis in plain(report.hypotheses)]
        lines += ["", "This rests on", *_wrap(rests, "  ", "    ")]
    for title, sentences in sections.items():
        lines += ["", title, *_wrap(sentences, "  ", "     " if title == "Reasons" else "  ")]
    return "\n".join([*lines, "", f"seed {report.seed}"])


def _wrap(sentences: list[str], first: str, rest: str) -> list[str]:
    lines: list[str] = []
    for sentence in sentences:
        lines += textwrap.wrap(sentence, WIDTH, initial_indent=first, subsequent_indent=rest)
    return lines
