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
    NUMERICAL = "floating point"


EXACT_METHODS = frozenset({Method.SYMBOLIC, Method.EXACT})
"""Those that leave no room for rounding."""


class Scope(StrEnum):
    """What a check ranges over, from the widest to the narrowest."""

    ALL = "for all parameters"
    LISTED = "for the instances listed"
    RANDOM = "property-tested"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was checked.

    Attributes:
        method: How.
        what: What, with the parameters for which it was checked, as a sentence.
        count: How many instances or identities.
        failed: How many of them did not hold.
        seed: Seed of the random instances, None where nothing was random.
        scope: What it ranges over.
        carries: Whether the verdict rests on it; an illustration has to hold, and adds nothing.
    """

    method: Method
    what: str
    count: int
    failed: int
    seed: int | None = None
    scope: Scope = Scope.LISTED
    carries: bool = True

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
        confirmed: Whether the values, read back from that writing, do refute the statement, and
            none of the near misses does.
        near: By hypothesis, what is changed in the values for a near miss that violates it alone.
    """

    what: str
    values: Mapping[str, Stored]
    confirmed: bool
    near: Mapping[str, Mapping[str, Stored]] = field(default_factory=dict)


@dataclass(slots=True)
class Docket:
    """Collects what a claim's function finds."""

    checks: list[Evidence] = field(default_factory=list)
    counterexamples: list[Counterexample] = field(default_factory=list)

    def check(
        self,
        method: Method,
        what: str,
        outcomes: Iterable[bool] | bool,
        seed: int | None = None,
        *,
        scope: Scope | None = None,
        carries: bool = True,
    ) -> None:
        """File one bool per instance; none at all count as a failure.

        Raises:
            TypeError: If an outcome is not a bool (a sympy relational has no truth value yet).
            ValueError: If random or inexact instances are filed as all there are.
        """
        results = [outcomes] if isinstance(outcomes, bool) else list(outcomes)
        for result in results:
            if not isinstance(result, bool):
                raise TypeError(f"outcome: found {type(result).__name__}; pass bools")
        drawn = Scope.LISTED if seed is None else Scope.RANDOM
        if scope is Scope.ALL and (seed is not None or method not in EXACT_METHODS):
            raise ValueError(f"scope: found a check by {method.value}, seed {seed}; pass no scope")
        failed = len(results) - sum(results)
        self.checks.append(
            Evidence(method, what, len(results), failed, seed, scope or drawn, carries)
        )

    def general(
        self,
        what: str,
        outcomes: Iterable[bool] | bool,
        method: Method = Method.SYMBOLIC,
    ) -> None:
        """File what settles the statement for all its parameters.

        Identities in which every parameter is a symbol, or the finitely many cases to which the
        argument of the claim reduces all others.
        """
        self.check(method, what, outcomes, scope=Scope.ALL)

    def symbolic(self, what: str, outcomes: Iterable[bool] | bool) -> None:
        """File identities that computer algebra reduced to 0 = 0, for the sizes listed."""
        self.check(Method.SYMBOLIC, what, outcomes)

    def exact(self, what: str, outcomes: Iterable[bool] | bool, *, seed: int | None = None) -> None:
        """File checks in rational or modular arithmetic."""
        self.check(Method.EXACT, what, outcomes, seed)

    def example(
        self, what: str, outcomes: Iterable[bool] | bool, *, seed: int | None = None
    ) -> None:
        """File an exact illustration: the verdict does not rest on it, and it has to hold."""
        self.check(Method.EXACT, what, outcomes, seed, carries=False)

    def witness(self, what: str, outcomes: Iterable[bool] | bool, *, seed: int) -> None:
        """File what holds almost everywhere if it holds at one point, seen at points drawn.

        A polynomial that is not 0 at one point, a determinant for one, is not 0 outside a null set:
        the sizes listed are settled, although the point was drawn at random.
        """
        self.check(Method.EXACT, what, outcomes, seed, scope=Scope.LISTED)

    def ball(self, what: str, outcomes: Iterable[bool] | bool, *, seed: int | None = None) -> None:
        """File checks in ball arithmetic: rigorous, but of enclosures, so never "proved"."""
        self.check(Method.BALL, what, outcomes, seed)

    def numerical(self, what: str, outcomes: Iterable[bool] | bool, *, seed: int | None) -> None:
        """File checks in floating point."""
        self.check(Method.NUMERICAL, what, outcomes, seed)

    def refute(
        self,
        what: str,
        fails: Callable[..., bool],
        near: Mapping[str, Mapping[str, Exact]] | None = None,
        **values: Exact,
    ) -> None:
        """File a counterexample to the statement as written.

        Args:
            what: What the values are and what goes wrong, as a sentence.
            fails: Called with the values as keywords, after they were written and read back;
                True if they meet every hypothesis and the statement fails for them.
            near: By hypothesis (or conclusion), values to put in place of some of these so that
                it alone is violated; ``fails`` has to be False there.
            **values: The counterexample, in exact numbers.
        """
        stored = {name: store(value) for name, value in values.items()}
        misses = [{**values, **changed} for changed in (near or {}).values()]
        confirmed = fails(**_read_back(values)) is True and all(
            fails(**_read_back(miss)) is False for miss in misses
        )
        changes = {
            name: {key: store(value) for key, value in changed.items()}
            for name, changed in (near or {}).items()
        }
        self.counterexamples.append(Counterexample(what, stored, confirmed, changes))


def _read_back(values: Mapping[str, Exact]) -> dict[str, Exact]:
    return {name: restore(store(value)) for name, value in values.items()}


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
