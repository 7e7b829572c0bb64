"""Claims, what was found about them, and the verdict that the findings allow.

A claim is a function that examines one statement of the paper and files what it finds in a
``Docket``: checks that held or failed, and counterexamples. The function never says what follows
from them; ``_verdict`` does, by these rules alone:

    a check failed, or nothing was filed                        undecided
    counterexample, and no corrected statement                  refuted
    counterexample, and checks of the corrected statement hold  holds as corrected
    no counterexample, every check symbolic or exact            proved
    no counterexample, some check not exact                     supported

So a verdict is as strong as the weakest of its checks. "proved" is meant for the parameters that
the checks name. A counterexample consists of exact numbers; it is tested as it will be printed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from inspect import cleandoc
from typing import TypeAlias

Exact: TypeAlias = "int | Fraction | str | tuple[Exact, ...]"
"""What a counterexample may consist of: exact numbers, words, and tuples of them."""

Stored: TypeAlias = "str | list[Stored]"
"""A counterexample value as it is written: "3", "-3/5", or a list of such."""


class Verdict(StrEnum):
    """What is known about a statement of the paper."""

    PROVED = "proved"
    """By exact or symbolic computation, for the parameters the evidence names."""
    CORRECTED = "holds as corrected"
    """A counterexample refutes the statement as written; the corrected one passes every check."""
    REFUTED = "refuted"
    """A counterexample is stored and was tested again."""
    SUPPORTED = "supported"
    """Every check held, not all of them exact."""
    UNDECIDED = "undecided"
    """A check failed without giving a counterexample, or nothing could be checked."""


class Method(StrEnum):
    """How a check was carried out."""

    SYMBOLIC = "symbolic"
    EXACT = "exact arithmetic"
    BALL = "ball arithmetic"
    PROPERTY = "property test"
    NUMERICAL = "floating point"


EXACT_METHODS = frozenset({Method.SYMBOLIC, Method.EXACT})


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was checked.

    Attributes:
        method: How.
        what: What, with the parameters for which it was checked, as a sentence.
        count: How many instances or identities.
        failed: How many of them did not hold.
        seed: Seed of the random instances, None where nothing was random.
    """

    method: Method
    what: str
    count: int
    failed: int
    seed: int | None = None

    @property
    def holds(self) -> bool:
        """Whether there was something to check and all of it held."""
        return self.count > 0 and self.failed == 0


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Exact values for which the statement as written fails.

    Attributes:
        what: What they are and what goes wrong, as a sentence.
        values: The values by name, written as strings and lists of strings.
        confirmed: Whether the values, read back from that writing, do refute the statement.
    """

    what: str
    values: Mapping[str, Stored]
    confirmed: bool


@dataclass(slots=True)
class Docket:
    """Collects what a claim's function finds."""

    checks: list[Evidence] = field(default_factory=list)
    counterexamples: list[Counterexample] = field(default_factory=list)

    def check(
        self, method: Method, what: str, outcomes: Iterable[bool] | bool, seed: int | None = None
    ) -> None:
        """File the outcomes of a check; none at all count as a failure.

        Args:
            method: How they were obtained.
            what: What was checked and for which parameters, as a sentence.
            outcomes: One bool per instance.
            seed: Seed of the random instances.

        Raises:
            TypeError: If an outcome is not a bool (a sympy relational has no truth value yet).
        """
        results = [outcomes] if isinstance(outcomes, bool) else list(outcomes)
        for result in results:
            if not isinstance(result, bool):
                raise TypeError(f"outcome: found {type(result).__name__}; pass bools")
        self.checks.append(Evidence(method, what, len(results), len(results) - sum(results), seed))

    def symbolic(self, what: str, outcomes: Iterable[bool] | bool) -> None:
        """File identities that computer algebra reduced to 0 = 0."""
        self.check(Method.SYMBOLIC, what, outcomes)

    def exact(self, what: str, outcomes: Iterable[bool] | bool, *, seed: int | None = None) -> None:
        """File checks in rational or modular arithmetic."""
        self.check(Method.EXACT, what, outcomes, seed)

    def ball(self, what: str, outcomes: Iterable[bool] | bool, *, seed: int | None = None) -> None:
        """File checks in ball arithmetic: rigorous, but of enclosures, so never "proved"."""
        self.check(Method.BALL, what, outcomes, seed)

    def numerical(self, what: str, outcomes: Iterable[bool] | bool, *, seed: int | None) -> None:
        """File checks in floating point."""
        self.check(Method.NUMERICAL, what, outcomes, seed)

    def refute(self, what: str, fails: Callable[..., bool], **values: Exact) -> None:
        """File a counterexample to the statement as written.

        Args:
            what: What the values are and what goes wrong, as a sentence.
            fails: Called with the values as keywords, after they were written and read back;
                True if they meet every hypothesis and the statement fails for them.
            **values: The counterexample, in exact numbers.
        """
        stored = {name: store(value) for name, value in values.items()}
        confirmed = fails(**{name: restore(value) for name, value in stored.items()})
        self.counterexamples.append(Counterexample(what, stored, confirmed is True))


def store(value: Exact) -> Stored:
    """Write a counterexample value as strings.

    Args:
        value: An int, a Fraction, a word, or a tuple of such.

    Returns:
        The value as a string, or a list of what its parts become.

    Raises:
        TypeError: If the value is of any other type, a float above all.
    """
    if isinstance(value, tuple):
        return [store(part) for part in value]
    if isinstance(value, bool) or not isinstance(value, int | Fraction | str):
        raise TypeError(
            f"counterexample: found {type(value).__name__}; pass int, Fraction, str or tuples"
        )
    return str(value)


def restore(value: Stored) -> Exact:
    """Read back what ``store`` wrote: integers as int, fractions as Fraction, other words as str.

    Args:
        value: A string, or a list of what restores.

    Returns:
        The value.
    """
    if isinstance(value, list):
        return tuple(restore(part) for part in value)
    try:
        number = Fraction(value)
    except ValueError:
        return value
    return int(number) if number.denominator == 1 else number


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
    recorded: Verdict
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
    verdict: Verdict
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
    recorded: Verdict,
    corrected: str | None = None,
    hypotheses: tuple[str, ...] = (),
) -> Callable[[Callable[[Docket], None]], Claim]:
    """Turn the function below into a claim.

    Args:
        name: Its id: short, unique in the ledger.
        where: Section of the paper, then the place, separated by a comma.
        statement: As written in the paper.
        recorded: The verdict that is expected.
        corrected: What should stand there.
        hypotheses: What is assumed.

    Returns:
        A decorator that replaces the function by its claim.
    """
    return lambda examine: Claim(name, where, statement, recorded, examine, corrected, hypotheses)


def check(claim: Claim) -> CheckedClaim:
    """Examine one claim.

    Args:
        claim: The claim.

    Returns:
        What was found; an exception in the examination leaves the claim undecided.
    """
    docket, failure = Docket(), _Failure()
    start = time.perf_counter()
    with failure:
        claim.examine(docket)
    seconds = time.perf_counter() - start
    verdict = Verdict.UNDECIDED if failure.text else _verdict(claim, docket)
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


def _verdict(claim: Claim, docket: Docket) -> Verdict:
    """What the findings allow to say, by the rules at the top of this file.

    Returns:
        The verdict.
    """
    holds = all(found.holds for found in docket.checks)
    if not holds or not all(found.confirmed for found in docket.counterexamples):
        return Verdict.UNDECIDED
    if docket.counterexamples:
        if claim.corrected is None:
            return Verdict.REFUTED
        return Verdict.CORRECTED if docket.checks else Verdict.UNDECIDED
    if not docket.checks:
        return Verdict.UNDECIDED
    exact = all(found.method in EXACT_METHODS for found in docket.checks)
    return Verdict.PROVED if exact else Verdict.SUPPORTED
