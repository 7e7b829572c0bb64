"""What the examination of a claim files: checks that held or failed, and counterexamples.

A counterexample consists of exact numbers; it is written as strings, read back, and tested as it
will be printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

Exact: TypeAlias = "int | Fraction | str | tuple[Exact, ...]"
"""What a counterexample may consist of: exact numbers, words, and tuples of them."""

Stored: TypeAlias = "str | list[Stored]"
"""A counterexample value as it is written: "3", "-3/5", or a list of such."""


class Method(StrEnum):
    """How a check was carried out."""

    SYMBOLIC = "symbolic"
    EXACT = "exact arithmetic"
    BALL = "ball arithmetic"
    PROPERTY = "property test"
    NUMERICAL = "floating point"


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
        """File one bool per instance; none at all count as a failure.

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
    """Write an exact value as a string, a tuple as a list of such; TypeError for a float."""
    if isinstance(value, tuple):
        return [store(part) for part in value]
    if isinstance(value, bool) or not isinstance(value, int | Fraction | str):
        raise TypeError(
            f"counterexample: found {type(value).__name__}; pass int, Fraction, str or tuples"
        )
    return str(value)


def restore(value: Stored) -> Exact:
    """Read back what ``store`` wrote: int, Fraction, or str for what is no number."""
    if isinstance(value, list):
        return tuple(restore(part) for part in value)
    try:
        number = Fraction(value)
    except ValueError:
        return value
    return int(number) if number.denominator == 1 else number
