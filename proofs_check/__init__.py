"""The claims of the paper as a machine-checked ledger: ``check_all()``; tests: ``strategies``."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from proofs_check.claims import all_claims, check_all
from proofs_check.docket import Counterexample, Evidence, Method, Scope
from proofs_check.ledger import CheckedClaim, Claim, ClaimVerdict, Origin, Severity

if TYPE_CHECKING:
    from proofs_check import strategies

__all__ = [
    "CheckedClaim",
    "Claim",
    "ClaimVerdict",
    "Counterexample",
    "Evidence",
    "Method",
    "Origin",
    "Scope",
    "Severity",
    "all_claims",
    "check_all",
    "strategies",
]


def __getattr__(name: str) -> ModuleType:
    """Import ``strategies``, and with it Hypothesis, when it is asked for."""
    if name == "strategies":
        return import_module("proofs_check.strategies")
    raise AttributeError(f"module 'proofs_check' has no attribute {name!r}")
