"""The claims of the paper as a machine-checked ledger: ``check_all()``; tests: ``strategies``."""

from proofs_check import strategies
from proofs_check.claims import all_claims, check_all
from proofs_check.ledger import CheckedClaim, Claim, Counterexample, Evidence, Method, Verdict

__all__ = [
    "CheckedClaim",
    "Claim",
    "Counterexample",
    "Evidence",
    "Method",
    "Verdict",
    "all_claims",
    "check_all",
    "strategies",
]
