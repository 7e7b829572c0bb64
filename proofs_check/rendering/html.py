"""The ledger as one page that asks nothing of the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from identify.files import write_atomic
from proofs_check.ledger import MEANING, CheckedClaim, ClaimVerdict
from proofs_check.rendering import text


def write_html(checked: Sequence[CheckedClaim], path: str | Path) -> None:
    """Write the ledger as one self-contained page; an existing file is replaced in one step."""
    environment = Environment(
        loader=PackageLoader("proofs_check", "rendering"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    counts = Counter(found.verdict for found in checked)
    sections = [(name, list(group)) for name, group in groupby(checked, lambda f: f.claim.section)]
    page = environment.get_template("ledger.html.j2").render(
        checked=checked,
        counts=[(v, counts[v]) for v in ClaimVerdict if counts[v]],
        seconds=sum(found.seconds for found in checked),
        sections=sections,
        tone={verdict: verdict.name.lower() for verdict in ClaimVerdict},
        meaning=MEANING,
        text=text,
    )
    write_atomic(path, page)
