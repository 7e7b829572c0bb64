"""The ledger as one page that asks nothing of the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from identify.page import write_page
from proofs_check.ledger import CONSEQUENCE, MEANING, CheckedClaim, ClaimVerdict, Severity
from proofs_check.rendering import text
from proofs_check.rendering.mathml import argument_html, mathml


def write_ledger_html(checked: Sequence[CheckedClaim], path: str | Path) -> None:
    """Write the ledger as one self-contained page; an existing file is replaced in one step."""
    counts = Counter(found.verdict for found in checked)
    worst = [
        (severity, CONSEQUENCE[severity], [f for f in checked if f.claim.severity is severity])
        for severity in Severity
    ]
    sections = [(name, list(group)) for name, group in groupby(checked, lambda f: f.claim.section)]
    write_page(
        path,
        "proofs_check/rendering/ledger.html.j2",
        checked=checked,
        worst=worst,
        counts=[(v, counts[v]) for v in ClaimVerdict if counts[v]],
        seconds=sum(found.seconds for found in checked),
        sections=sections,
        tone={verdict: verdict.name.lower() for verdict in ClaimVerdict},
        meaning=MEANING,
        text=text,
        math=mathml,
        argument=argument_html,
    )
