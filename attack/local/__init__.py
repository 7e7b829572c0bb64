"""Local identifiability of a candidate, matrix-free, for any torch module."""

from attack.local.free import Constraints
from attack.local.identifiability import LocalReport, local_identifiability

__all__ = ["Constraints", "LocalReport", "local_identifiability"]
