"""The ledger as one page that asks nothing of the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from identify.page import write_page
from proofs_check.ledger import CheckedClaim, Verdict
from proofs_check.rendering import text

TONE = {
    Verdict.PROVED: "proved",
    Verdict.CORRECTED: "corrected",
    Verdict.REFUTED: "refuted",
    Verdict.SUPPORTED: "supported",
    Verdict.UNDECIDED: "undecided",
}
MEANING = {
    Verdict.PROVED: "by exact or symbolic computation, for the parameters named in the evidence",
    Verdict.CORRECTED: "false as written; the corrected statement passes every check",
    Verdict.REFUTED: "a counterexample is stored and was tested again",
    Verdict.SUPPORTED: "every check held, not all of them exact",
    Verdict.UNDECIDED: "a check failed or nothing could be checked",
}


def write_html(checked: Sequence[CheckedClaim], path: str | Path) -> None:
    """Write the ledger as one self-contained page.

    Args:
        checked: What was found, in the order of the paper.
        path: Where to; an existing file is replaced in one step.
    """
    counts = Counter(found.verdict for found in checked)
    sections = [(name, list(group)) for name, group in groupby(checked, lambda f: f.claim.section)]
    write_page(
        path,
        "proofs_check/rendering/ledger.html.j2",
        checked=checked,
        counts=[(v, counts[v]) for v in Verdict if counts[v]],
        seconds=sum(found.seconds for found in checked),
        sections=sections,
        tone=TONE,
        meaning=MEANING,
        text=text,
    )
