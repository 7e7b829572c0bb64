"""Claims, and the verdict that the findings about them allow.

A claim is a function that examines one statement and files what it finds in a ``Docket``. The
function never says what follows; ``_verdict`` does, by these rules alone, in this order:

    a check failed, or no check carries the statement           undecided
    counterexample, and no corrected statement                  refuted
    counterexample, and checks of the corrected statement hold  holds as corrected
    some carrying check in balls or floating point              supported
    some carrying check at random instances                     property-tested
    every carrying check symbolic or exact                      proved

The scope of a verdict is the narrowest among its carrying checks: all parameters, the instances
listed, or random instances. So a verdict is as strong and as wide as the weakest of its checks.
Illustrations have to hold, and carry nothing. Text, methods, scopes and counts are compared with
what is on record (``record``): a range that was shortened is a surprise, as a verdict would be.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from inspect import cleandoc

from proofs_check.docket import EXACT_METHODS, Counterexample, Docket, Evidence, Scope
from proofs_check.record import ClaimFindings, findings_of, recorded_findings


class ClaimVerdict(StrEnum):
    """What is known about a statement."""

    PROVED = "proved"
    CORRECTED = "holds as corrected"
    REFUTED = "refuted"
    TESTED = "property-tested"
    SUPPORTED = "supported"
    UNDECIDED = "undecided"


MEANING = {
    ClaimVerdict.PROVED: "by exact or symbolic computation, for what its scope names",
    ClaimVerdict.CORRECTED: "false as written; the corrected statement passes every check",
    ClaimVerdict.REFUTED: "a counterexample is stored and was tested again",
    ClaimVerdict.TESTED: "exact at seeded random instances, and no more than that",
    ClaimVerdict.SUPPORTED: "every check held, not all of them exact",
    ClaimVerdict.UNDECIDED: "a check failed or nothing could be checked",
}


class Origin(StrEnum):
    """Whose statement it is."""

    PAPER = "paper"
    COMPANION = "companion paper"
    OURS = "ours"


class Severity(StrEnum):
    """What a false statement of the paper does to what rests on it, worst first."""

    VACUOUS = "vacuous"
    FATAL = "fatal"
    GAP = "gap"
    SLIP = "slip"


CONSEQUENCE = {
    Severity.VACUOUS: "a hypothesis that only constant maps satisfy; what assumes it says nothing",
    Severity.FATAL: "what the paper concludes is false; another statement has to take its place",
    Severity.GAP: "a hypothesis, a constant or a step is missing; with it the conclusion stands",
    Severity.SLIP: "a slip of the pen; nothing that follows rests on it",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement and the function that examines it.

    Attributes:
        id: Short name, unique in the ledger.
        where: Where it stands; the part before the first comma is its section.
        statement: As written in the paper, or ours.
        gist: The same in one line for a reader in a hurry; of an erratum, what is wrong.
        recorded: The verdict that is expected.
        examine: Files what it finds in a docket; its docstring is the argument.
        corrected: What should stand there, where the statement fails or needs to say more.
        hypotheses: What is assumed.
        origin: Whose statement it is.
        severity: Of an erratum, what it does to what rests on it; None where nothing is wrong.
    """

    id: str
    where: str
    statement: str
    gist: str
    recorded: ClaimVerdict
    examine: Callable[[Docket], None]
    corrected: str | None = None
    hypotheses: tuple[str, ...] = ()
    origin: Origin = Origin.PAPER
    severity: Severity | None = None

    @property
    def section(self) -> str:
        """The section of the paper, as in "A.2"."""
        return self.where.split(",")[0]

    @property
    def argument(self) -> str:
        """Why it holds or fails, in words."""
        return cleandoc(self.examine.__doc__ or "")

    @property
    def text(self) -> tuple[str, ...]:
        """All that is printed of it besides what its checks say."""
        corrected, severity = self.corrected or "", self.severity or ""
        parts = (self.where, self.statement, self.gist, corrected, self.origin, severity)
        return (*parts, *self.hypotheses, self.argument)


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim, what was found, and how long it took.

    Attributes:
        claim: What was examined.
        verdict: What the findings allow to say.
        checks: What was checked.
        counterexamples: What refutes the statement as written.
        seconds: Time of the processor.
        error: The exception that ended the examination, None if it ran to its end.
    """

    claim: Claim
    verdict: ClaimVerdict
    checks: tuple[Evidence, ...]
    counterexamples: tuple[Counterexample, ...]
    seconds: float
    error: str | None = None

    @property
    def evidence(self) -> tuple[Evidence | Counterexample, ...]:
        """All that speaks for the verdict: counterexamples, then checks."""
        return (*self.counterexamples, *self.checks)

    @property
    def as_recorded(self) -> bool:
        """Whether the verdict is the one recorded in the claim, and nothing else changed."""
        return self.verdict is self.claim.recorded and not self.unrecorded

    @property
    def unrecorded(self) -> str | None:
        """What differs from the record, in words; None for nothing or for a claim not in it."""
        expected = recorded_findings(self.id)
        return None if expected is None else expected.difference(self.findings)

    @property
    def findings(self) -> ClaimFindings:
        """What goes on record."""
        return findings_of(self.claim.text, self.checks, self.counterexamples)

    @property
    def scope(self) -> Scope | None:
        """The narrowest scope of what carries the verdict, None where that is not exact."""
        carrying = [found for found in self.checks if found.carries]
        decided = self.verdict not in {ClaimVerdict.UNDECIDED, ClaimVerdict.REFUTED}
        if not decided or not all(found.method in EXACT_METHODS for found in carrying):
            return None
        return max((found.scope for found in carrying), key=list(Scope).index, default=None)

    @property
    def badge(self) -> str:
        """The verdict and its scope, as in "proved for all parameters"."""
        if self.verdict is ClaimVerdict.CORRECTED:
            return f"{self.verdict.value}, {self.scope.value if self.scope else 'supported'}"
        if self.verdict is ClaimVerdict.PROVED and self.scope:
            return f"{self.verdict.value} {self.scope.value}"
        return self.verdict.value

    @property
    def id(self) -> str:
        """The claim's short name."""
        return self.claim.id

    @property
    def where(self) -> str:
        """Where the statement stands."""
        return self.claim.where

    @property
    def statement(self) -> str:
        """The statement as written."""
        return self.claim.statement


def claim(
    name: str,
    *,
    where: str,
    statement: str,
    gist: str,
    recorded: ClaimVerdict,
    corrected: str | None = None,
    hypotheses: tuple[str, ...] = (),
    origin: Origin = Origin.PAPER,
    severity: Severity | None = None,
) -> Callable[[Callable[[Docket], None]], Claim]:
    """Turn the function below into a ``Claim``, whose attributes the arguments are."""
    return lambda examine: Claim(
        name, where, statement, gist, recorded, examine, corrected, hypotheses, origin, severity
    )


def check(claim: Claim) -> CheckedClaim:
    """Examine one claim; an exception in the examination leaves it undecided."""
    docket, failure = Docket(), _Failure()
    start = time.process_time()
    with failure:
        claim.examine(docket)
    seconds = time.process_time() - start
    verdict = ClaimVerdict.UNDECIDED if failure.text else _verdict(claim, docket)
    return CheckedClaim(
        claim, verdict, tuple(docket.checks), tuple(docket.counterexamples), seconds, failure.text
    )


class _Failure:
    """Turns any exception of a claim into words, so that the rest of the ledger goes on."""

    text: str | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, Exception):
            self.text = f"{type(error).__name__}: {error}"
        return self.text is not None


def _verdict(claim: Claim, docket: Docket) -> ClaimVerdict:
    """What the findings allow to say, by the rules at the top of this file."""
    holds = all(found.holds for found in docket.checks)
    if not holds or not all(found.confirmed for found in docket.counterexamples):
        return ClaimVerdict.UNDECIDED
    carrying = [found for found in docket.checks if found.carries]
    if docket.counterexamples and claim.corrected is None:
        return ClaimVerdict.REFUTED
    if not carrying:
        return ClaimVerdict.UNDECIDED
    if docket.counterexamples:
        return ClaimVerdict.CORRECTED
    if not all(found.method in EXACT_METHODS for found in carrying):
        return ClaimVerdict.SUPPORTED
    drawn = any(found.scope is Scope.RANDOM for found in carrying)
    return ClaimVerdict.TESTED if drawn else ClaimVerdict.PROVED
