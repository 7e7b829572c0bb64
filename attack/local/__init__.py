"""Local identifiability of a candidate, matrix-free, for any torch module."""

from attack.local.identifiability import local_identifiability
from attack.local.report import LocalReport
from attack.local.unknowns import Constraints

__all__ = ["Constraints", "LocalReport", "local_identifiability"]
