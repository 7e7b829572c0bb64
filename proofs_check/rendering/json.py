"""The ledger as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from identify.files import write_atomic
from proofs_check.docket import Counterexample, Evidence
from proofs_check.ledger import CheckedClaim

SCHEMA = 2
"""Raised whenever a key is renamed, removed or given another meaning."""
PACKAGES = ("python-flint", "sympy", "numpy", "scipy", "hypothesis")


def ledger_to_dict(checked: Sequence[CheckedClaim]) -> dict[str, Any]:
    """Return the ledger as plain lists, strings and numbers for :func:`json.dumps`.

    ``claims`` has one entry per claim, with its id, where, statement, verdict, evidence (checks and
    counterexamples) and seconds among its keys.
    """
    return {
        "schema": SCHEMA,
        "paper": "arXiv 2602.08723",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        "not_as_recorded": [found.id for found in checked if not found.as_recorded],
        "claims": [_claim(found) for found in checked],
    }


def write_ledger_json(checked: Sequence[CheckedClaim], path: str | Path) -> None:
    """Write the ledger as JSON; an existing file is replaced in one step."""
    write_atomic(path, json.dumps(ledger_to_dict(checked), indent=1, ensure_ascii=False) + "\n")


def _claim(found: CheckedClaim) -> dict[str, Any]:
    claim = found.claim
    return {
        "id": claim.id,
        "where": claim.where,
        "section": claim.section,
        "statement": claim.statement,
        "gist": claim.gist,
        "origin": claim.origin.value,
        "severity": claim.severity.value if claim.severity else None,
        "corrected": claim.corrected,
        "hypotheses": list(claim.hypotheses),
        "verdict": found.verdict.value,
        "scope": found.scope.value if found.scope else None,
        "recorded": claim.recorded.value,
        "evidence": [_evidence(item) for item in found.evidence],
        "argument": claim.argument,
        "error": found.error,
        "seconds": round(found.seconds, 3),
    }


def _evidence(item: Evidence | Counterexample) -> dict[str, Any]:
    if isinstance(item, Counterexample):
        return {
            "method": "counterexample",
            "what": item.what,
            "values": dict(item.values),
            "confirmed": item.confirmed,
            "near_misses": {name: dict(changed) for name, changed in item.near.items()},
        }
    return {
        "method": item.method.value,
        "what": item.what,
        "count": item.count,
        "failed": item.failed,
        "seed": item.seed,
        "scope": item.scope.value,
        "carries": item.carries,
    }
