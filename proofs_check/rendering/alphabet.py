"""One alphabet for all that is printed: the code spells Greek letters out, the paper does not."""

from __future__ import annotations

import re

LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eps": "ε", "epsilon": "ε", "eta": "η",
    "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "phi": "φ", "Phi": "Φ", "Delta": "Δ", "grad": "∇", "sqrt": "√",
}  # fmt: skip
"""By the name in the code, the letter or sign of the paper."""
SIGNS = {"<=": "≤", ">=": "≥", "!=": "≠", "+-": "±"}
"""By the operator in the code, the sign."""

_NAMES = re.compile(rf"(?<![A-Za-z])({'|'.join(sorted(LETTERS, key=len, reverse=True))})(?![a-z])")
_OPERATORS = re.compile("|".join(map(re.escape, SIGNS)))


def one_alphabet(text: str) -> str:
    """The text with Greek letters and mathematical signs in place of their names."""
    greek = _NAMES.sub(lambda found: LETTERS[found[1]], text)
    return _OPERATORS.sub(lambda found: SIGNS[found[0]], greek).replace("∇ ", "∇")
