"""Decide whether trained weights determine their training samples, and recover them."""

from identify.report import IdentifiabilityReport, RankReport, Recovery, Verdict, Witness
from identify.synthesis import KKTPoint, synthesize_kkt
from identify.verify import verify_identifiability

__all__ = [
    "IdentifiabilityReport",
    "KKTPoint",
    "RankReport",
    "Recovery",
    "Verdict",
    "Witness",
    "synthesize_kkt",
    "verify_identifiability",
]
