"""Claims, and the verdict that the findings about them allow.

A claim is a function that examines one statement of the paper and files what it finds in a
``Docket``. The function never says what follows; ``_verdict`` does, by these rules alone:

    a check failed, or nothing was filed                        undecided
    counterexample, and no corrected statement                  refuted
    counterexample, and checks of the corrected statement hold  holds as corrected
    no counterexample, every check symbolic or exact            proved
    no counterexample, some check not exact                     supported

So a verdict is as strong as the weakest of its checks. "proved" is meant for the parameters that
the checks name.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from inspect import cleandoc

from proofs_check.docket import Counterexample, Docket, Evidence, Method

EXACT_METHODS = frozenset({Method.SYMBOLIC, Method.EXACT})


class ClaimVerdict(StrEnum):
    """What is known about a statement of the paper."""

    PROVED = "proved"
    CORRECTED = "holds as corrected"
    REFUTED = "refuted"
    SUPPORTED = "supported"
    UNDECIDED = "undecided"


MEANING = {
    ClaimVerdict.PROVED: "by exact or symbolic computation, for the parameters the evidence names",
    ClaimVerdict.CORRECTED: "false as written; the corrected statement passes every check",
    ClaimVerdict.REFUTED: "a counterexample is stored and was tested again",
    ClaimVerdict.SUPPORTED: "every check held, not all of them exact",
    ClaimVerdict.UNDECIDED: "a check failed or nothing could be checked",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement and the function that examines it.

    Attributes:
        id: Short name, unique in the ledger.
        where: Where it stands; the part before the first comma is its section.
        statement: As written in the paper.
        recorded: The verdict that is expected.
        examine: Files what it finds in a docket; its docstring is the argument.
        corrected: What should stand there, where the statement fails or needs to say more.
        hypotheses: What is assumed.
    """

    id: str
    where: str
    statement: str
    recorded: ClaimVerdict
    examine: Callable[[Docket], None]
    corrected: str | None = None
    hypotheses: tuple[str, ...] = ()

    @property
    def section(self) -> str:
        """The section of the paper, as in "A.2"."""
        return self.where.split(",")[0]

    @property
    def argument(self) -> str:
        """Why it holds or fails, in words."""
        return cleandoc(self.examine.__doc__ or "")


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim, what was found, and how long it took.

    Attributes:
        claim: What was examined.
        verdict: What the findings allow to say.
        checks: What was checked.
        counterexamples: What refutes the statement as written.
        seconds: Wall-clock time.
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
        """Whether the verdict is the one recorded in the claim."""
        return self.verdict is self.claim.recorded

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
    recorded: ClaimVerdict,
    corrected: str | None = None,
    hypotheses: tuple[str, ...] = (),
) -> Callable[[Callable[[Docket], None]], Claim]:
    """Turn the function below into a ``Claim``, whose attributes the arguments are."""
    return lambda examine: Claim(name, where, statement, recorded, examine, corrected, hypotheses)


def check(claim: Claim) -> CheckedClaim:
    """Examine one claim; an exception in the examination leaves it undecided."""
    docket, failure = Docket(), _Failure()
    start = time.perf_counter()
    with failure:
        claim.examine(docket)
    seconds = time.perf_counter() - start
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
    if docket.counterexamples:
        if claim.corrected is None:
            return ClaimVerdict.REFUTED
        return ClaimVerdict.CORRECTED if docket.checks else ClaimVerdict.UNDECIDED
    if not docket.checks:
        return ClaimVerdict.UNDECIDED
    exact = all(found.method in EXACT_METHODS for found in docket.checks)
    return ClaimVerdict.PROVED if exact else ClaimVerdict.SUPPORTED
