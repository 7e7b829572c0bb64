"""Four small claims: one of each outcome that the ledger and its renderings tell apart."""

from fractions import Fraction

from proofs_check import ClaimVerdict
from proofs_check.ledger import Origin, Severity, claim


@claim("good", where="A.2, step 1", statement="1 + 1 = 2",
       gist="one and one", recorded=ClaimVerdict.PROVED)  # fmt: skip
def good(docket):
    """Peano."""
    docket.exact("1 + 1 for both summands", [1 + 1 == 2, 1 + 1 != 3])


@claim("bad", where="A.3, end", statement="1/2 is whole", corrected="1/2 < 1 & <b>",
       gist="a half < one", severity=Severity.SLIP, hypotheses=("a < b",),
       recorded=ClaimVerdict.CORRECTED)  # fmt: skip
def bad(docket):
    """Half of an apple."""
    docket.refute("a half", lambda t: t.denominator != 1, t=Fraction(1, 2))
    docket.numerical("halves", [0.5 < 1], seed=3)


@claim("surprise", where="A.3, end", statement="2 is odd",
       gist="odd", recorded=ClaimVerdict.PROVED)  # fmt: skip
def surprise(docket):
    """No."""
    docket.exact("parity", 2 % 2 == 1)


@claim("open", where="B.1, end", statement="who knows",
       gist="open", origin=Origin.OURS, recorded=ClaimVerdict.UNDECIDED)  # fmt: skip
def unknown(docket):
    """Nobody."""
