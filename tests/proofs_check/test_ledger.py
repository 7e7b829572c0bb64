"""From findings to verdicts: the rules, and the ledger as a whole."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs_check import ClaimVerdict, Method, all_claims, check_all
from proofs_check.docket import Docket, restore, store
from proofs_check.ledger import check, claim


def verdict_of(examine, corrected=None):
    decorate = claim("id", where="4.1, here", statement="s", corrected=corrected,
                     recorded=ClaimVerdict.PROVED)  # fmt: skip
    return check(decorate(examine))


def test_only_exact_checks_prove():
    assert verdict_of(lambda d: d.symbolic("x", True)).verdict is ClaimVerdict.PROVED
    assert verdict_of(lambda d: d.exact("x", [True, True])).verdict is ClaimVerdict.PROVED


@pytest.mark.parametrize("method", [Method.BALL, Method.NUMERICAL, Method.PROPERTY])
def test_the_weakest_check_decides(method):
    def examine(docket):
        docket.exact("x", True)
        docket.check(method, "y", [True], seed=1)

    assert verdict_of(examine).verdict is ClaimVerdict.SUPPORTED


def test_a_failed_check_leaves_the_claim_undecided():
    found = verdict_of(lambda d: d.exact("x", [True, False]))
    assert found.verdict is ClaimVerdict.UNDECIDED
    assert not found.as_recorded
    assert (found.checks[0].count, found.checks[0].failed) == (2, 1)


def test_no_evidence_is_no_verdict():
    assert verdict_of(lambda d: None).verdict is ClaimVerdict.UNDECIDED
    assert verdict_of(lambda d: d.exact("x", [])).verdict is ClaimVerdict.UNDECIDED


def test_an_exception_leaves_the_claim_undecided_and_is_reported():
    found = verdict_of(lambda d: d.exact("x", 1 / 0 > 0))
    assert found.verdict is ClaimVerdict.UNDECIDED
    assert found.error == "ZeroDivisionError: division by zero"


def test_a_check_that_is_no_bool_is_an_error():
    found = verdict_of(lambda d: d.exact("x", [1]))
    assert "found int; pass bools" in found.error


def test_counterexamples_refute_or_correct():
    def refuted(docket):
        docket.refute("2 is not odd", lambda n: n % 2 == 0, n=2)

    def corrected(docket):
        refuted(docket)
        docket.exact("3 is odd", 3 % 2 == 1)

    assert verdict_of(refuted).verdict is ClaimVerdict.REFUTED
    assert verdict_of(refuted, corrected="odd").verdict is ClaimVerdict.UNDECIDED
    assert verdict_of(corrected, corrected="odd").verdict is ClaimVerdict.CORRECTED


def test_a_counterexample_that_does_not_refute_is_no_counterexample():
    found = verdict_of(lambda d: d.refute("3 is even", lambda n: n % 2 == 0, n=3))
    assert found.verdict is ClaimVerdict.UNDECIDED
    assert not found.counterexamples[0].confirmed


def test_a_counterexample_is_tested_as_it_is_written():
    seen = {}

    def fails(**values):
        seen.update(values)
        return True

    values = {"x": ((Fraction(3, 5), 1), (0, Fraction(-4, 5))), "word": "odd"}
    found = verdict_of(lambda d: d.refute("values", fails, **values))
    assert seen == values
    assert found.counterexamples[0].values == {"x": [["3/5", "1"], ["0", "-4/5"]], "word": "odd"}


@pytest.mark.parametrize("value", [0.5, True, None, [1], (1, 0.5)])
def test_counterexamples_are_exact(value):
    assert (
        "pass int, Fraction, str"
        in verdict_of(lambda d: d.refute("inexact", lambda x: True, x=value)).error
    )


numbers = st.integers() | st.fractions()


@given(st.recursive(numbers, lambda parts: st.lists(parts).map(tuple), max_leaves=8))
def test_stored_values_read_back(value):
    assert restore(store(value)) == value


def test_a_docket_keeps_counts_and_seeds():
    docket = Docket()
    docket.numerical("x", (t > 0 for t in range(3)), seed=7)
    found = docket.checks[0]
    assert (found.count, found.failed, found.seed, found.holds) == (3, 1, 7, False)


def test_every_verdict_is_the_recorded_one(ledger):
    assert {f.id: (f.verdict, f.error) for f in ledger if not f.as_recorded} == {}


def test_at_least_35_claims_each_with_evidence(ledger):
    assert len(ledger) >= 35
    assert [found.id for found in ledger if not found.evidence] == []
    assert [found.id for found in ledger if not found.claim.argument] == []


def test_every_doubt_is_decided(ledger):
    verdicts = {found.id: found.verdict for found in ledger}
    doubts = {f"E{k}": verdicts.get(f"E{k}") for k in range(1, 16)}
    assert [name for name, v in doubts.items() if v in {None, ClaimVerdict.UNDECIDED}] == []


def test_proved_means_exact(ledger):
    exact = {Method.SYMBOLIC, Method.EXACT}
    for found in ledger:
        if found.verdict is ClaimVerdict.PROVED:
            assert {item.method for item in found.checks} <= exact, found.id


def test_counterexamples_are_small(ledger):
    for found in ledger:
        for item in found.counterexamples:
            assert len(str(dict(item.values))) < 400, found.id


def test_the_ledger_takes_at_most_three_minutes(ledger):
    assert sum(found.seconds for found in ledger) <= 180


def test_what_is_random_names_its_seed(ledger):
    for found in ledger:
        for item in found.checks:
            if item.method in {Method.NUMERICAL, Method.PROPERTY}:
                assert item.seed is not None or "no randomness" in item.what, (found.id, item.what)


def test_every_claim_says_where():
    for one in all_claims():
        assert re.fullmatch(r"(\d(\.\d)?|[A-C]\.\d|Companion)", one.section), one.where


def test_sections_and_single_claims():
    assert {one.section for one in all_claims("A")} >= {"A.2", "A.3"}
    assert {one.section for one in all_claims("A.2")} == {"A.2"}
    assert [one.id for one in all_claims(only=["E6"])] == ["E6"]
    assert [found.id for found in check_all("4.1")] == ["linear-aggregate", "E6"]


@pytest.mark.parametrize(("arguments", "message"), [
    ({"section": "Z.9"}, "section: found 'Z.9'; pass one of .*A.2"),
    ({"only": ["E99"]}, "only: found E99; pass some of .*E1"),
])  # fmt: skip
def test_unknown_names_are_answered_with_the_known(arguments, message):
    with pytest.raises(ValueError, match=message):
        all_claims(**arguments)
