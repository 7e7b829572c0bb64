"""What the ledger found when it was last reviewed, to notice what a verdict does not show.

A check over fewer instances, a hypothesis that a counterexample no longer has to meet, another
method, a constant changed in the prose: none of these moves a verdict. ``record.json`` holds per
claim a digest of its text and the method, scope and number of its checks; ``proofs-check --record``
writes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from identify.files import write_atomic
from proofs_check.docket import EXACT_METHODS, Counterexample, Evidence

RECORD = Path(__file__).parent / "record.json"
DIGITS = 16
"""Hexadecimal digits of a digest: a text that changed is noticed but for a chance of 2^-64."""


@dataclass(frozen=True, slots=True)
class ClaimFindings:
    """What is compared of a claim.

    Attributes:
        text: Digest of the statement, the correction and what exact checks and counterexamples say.
        checks: Of each check, its method, its scope, whether it carries, and how many instances.
        near: Of each counterexample, how many near misses it has.
    """

    text: str
    checks: tuple[str, ...]
    near: tuple[int, ...]

    def difference(self, other: ClaimFindings) -> str | None:
        """How another differs from this one, which is on record.

        Args:
            other: What was found.

        Returns:
            The first difference in words; None if there is none.
        """
        for ours, theirs in zip(self.checks, other.checks, strict=False):
            if ours != theirs:
                return f"on record: {ours}; found: {theirs}"
        if len(self.checks) != len(other.checks):
            return f"on record: {len(self.checks)} checks; found: {len(other.checks)}"
        if self.near != other.near:
            return f"on record: {list(self.near)} near misses; found: {list(other.near)}"
        return "the text is not the one on record" if self.text != other.text else None


def findings_of(
    text: Sequence[str], checks: Sequence[Evidence], counterexamples: Sequence[Counterexample]
) -> ClaimFindings:
    """What goes on record of a claim.

    Args:
        text: All that the claim itself prints.
        checks: What was checked; what inexact ones say may hold measured numbers, so it is left
            out.
        counterexamples: What refutes it.

    Returns:
        The findings.
    """
    said = [found.what for found in checks if found.method in EXACT_METHODS]
    shown = [f"{item.what} {dict(item.values)} {item.near}" for item in counterexamples]
    digest = sha256("\n".join([*text, *said, *shown]).encode()).hexdigest()[:DIGITS]
    return ClaimFindings(
        digest,
        tuple(_line(found) for found in checks),
        tuple(len(item.near) for item in counterexamples),
    )


def _line(found: Evidence) -> str:
    role = "" if found.carries else ", illustrates"
    return f"{found.method.value}, {found.scope.value}{role}: {found.count}"


def recorded_findings(name: str) -> ClaimFindings | None:
    """What is on record of a claim, None if it is not there."""
    return recorded_claims().get(name)


@cache
def recorded_claims() -> Mapping[str, ClaimFindings]:
    """The record, by claim; empty where there is none."""
    stored = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    return {
        name: ClaimFindings(one["text"], tuple(one["checks"]), tuple(one["near"]))
        for name, one in stored.items()
    }


def write_record(findings: Mapping[str, ClaimFindings], path: str | Path = RECORD) -> None:
    """Write the record anew; an existing file is replaced in one step."""
    lines = [f"{json.dumps(name)}: {json.dumps(asdict(one))}" for name, one in findings.items()]
    write_atomic(path, "{\n" + ",\n".join(lines) + "\n}\n")
