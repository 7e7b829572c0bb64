"""The ledger in the terminal: one row per claim, or everything about one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from proofs_check.docket import Counterexample, Evidence, Stored
from proofs_check.ledger import CheckedClaim, ClaimVerdict, Origin
from proofs_check.rendering.alphabet import one_alphabet

STYLE = {
    ClaimVerdict.PROVED: "green",
    ClaimVerdict.CORRECTED: "yellow",
    ClaimVerdict.REFUTED: "red",
    ClaimVerdict.TESTED: "blue",
    ClaimVerdict.SUPPORTED: "cyan",
    ClaimVerdict.UNDECIDED: "bold magenta",
}


def render_table(checked: Sequence[CheckedClaim]) -> Table:
    """One row per claim, for a rich console."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("claim", no_wrap=True)
    table.add_column("whose", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("gist", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("checks", justify="right", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    for found in checked:
        verdict = Text(found.badge, STYLE[found.verdict])
        if not found.as_recorded:
            verdict.append(f" (recorded: {found.claim.recorded.value})", "bold red")
        count = sum(item.count for item in found.checks) + len(found.counterexamples)
        numbers = (str(count), f"{found.seconds:.1f}")
        whose = Text(describe_origin(found))
        table.add_row(Text(found.id), whose, verdict, Text(found.claim.gist), *numbers)
    return table


def describe_origin(found: CheckedClaim) -> str:
    """Whose statement it is, and of an erratum how bad, as in "paper, gap"."""
    claim = found.claim
    return claim.origin.value if claim.severity is None else f"{claim.origin}, {claim.severity}"


def render_summary(checked: Sequence[CheckedClaim]) -> str:
    """How many claims got which verdict, and which of them were not expected: a line or two."""
    counts = Counter(found.verdict for found in checked)
    parts = [f"{counts[verdict]} {verdict.value}" for verdict in ClaimVerdict if counts[verdict]]
    seconds = sum(found.seconds for found in checked)
    lines = [f"{len(checked)} claims in {seconds:.0f} s: {', '.join(parts)}."]
    surprises = [found.id for found in checked if not found.as_recorded]
    if surprises:
        lines.append(f"Not as recorded: {', '.join(surprises)}.")
        lines += [f"  {f.id}: {f.unrecorded}" for f in checked if f.unrecorded]
    return "\n".join(lines)


def render_details(found: CheckedClaim) -> str:
    """Everything about one claim, in several paragraphs."""
    claim = found.claim
    recorded = "" if found.as_recorded else f" (recorded: {claim.recorded.value})"
    parts = [
        f"{found.id}: {found.badge}{recorded}",
        f"In short: {claim.gist}",
        f"Where: {found.where} ({describe_origin(found)})",
        f"{describe_claimant(found)}: {claim.statement}",
    ]
    if claim.corrected is not None:
        parts.append(f"Should read: {claim.corrected}")
    if claim.hypotheses:
        parts.append("Assumed: " + "; ".join(claim.hypotheses))
    if found.error is not None:
        parts.append(f"The examination ended with {found.error}")
    if found.unrecorded is not None:
        parts.append(f"Not as recorded: {found.unrecorded}")
    evidence = [f"  {describe_evidence(item)}" for item in found.evidence]
    return one_alphabet("\n".join([*parts, "", claim.argument, "", *evidence]))


def describe_claimant(found: CheckedClaim) -> str:
    """Before the statement: that of the paper is quoted, ours is claimed."""
    return "We claim" if found.claim.origin is Origin.OURS else "As written"


def describe_evidence(item: Evidence | Counterexample) -> str:
    """One piece of evidence as a line."""
    if isinstance(item, Counterexample):
        outcome = "" if item.confirmed else " NOT CONFIRMED"
        near = f" (near misses: {', '.join(item.near)})" if item.near else ""
        return f"counterexample{outcome}: {item.what}: {describe_values(item)}{near}"
    outcome = f"{item.count} held" if item.holds else f"{item.failed} of {item.count} FAILED"
    seed = "" if item.seed is None else f", seed {item.seed}"
    role = item.scope.value if item.carries else "illustrates"
    return f"{item.method.value}, {role} ({outcome}{seed}): {item.what}"


def describe_values(item: Counterexample) -> str:
    """The counterexample in one line, as in x = ((3/5, 4/5), (1, 0)), b = (1, -1)."""
    shown = ", ".join(f"{name} = {describe_value(value)}" for name, value in item.values.items())
    return one_alphabet(shown)


def describe_value(value: Stored) -> str:
    """One stored value, lists as Python writes tuples."""
    if isinstance(value, list):
        comma = "," if len(value) == 1 else ""
        return f"({', '.join(describe_value(part) for part in value)}{comma})"
    return value


def describe_section(section: str) -> str:
    """A section's full name, as in "Section 4.2" or "Appendix A.2"."""
    if section[0].isdigit():
        return f"Section {section}"
    return f"Appendix {section}" if section[1:2] == "." else section


def describe_methods(found: CheckedClaim) -> str:
    """How many checks by which method, as in "counterexample, symbolic 12, exact arithmetic 3"."""
    counts: Counter[str] = Counter()
    for item in found.checks:
        counts[item.method.value] += item.count
    parts = [f"{method} {count}" for method, count in counts.items()]
    return ", ".join(["counterexample"] * bool(found.counterexamples) + parts)
