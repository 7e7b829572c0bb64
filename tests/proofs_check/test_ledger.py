"""From findings to verdicts: the rules, and the ledger as a whole."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs_check import ClaimVerdict, Method, all_claims, check_all
from proofs_check.docket import Docket, Scope, restore, store
from proofs_check.ledger import Origin, check, claim


def verdict_of(examine, corrected=None):
    decorate = claim("id", where="4.1, here", statement="s", gist="g", corrected=corrected,
                     recorded=ClaimVerdict.PROVED)  # fmt: skip
    return check(decorate(examine))


def test_only_exact_checks_prove():
    assert verdict_of(lambda d: d.symbolic("x", True)).verdict is ClaimVerdict.PROVED
    assert verdict_of(lambda d: d.exact("x", [True, True])).verdict is ClaimVerdict.PROVED


@pytest.mark.parametrize("method", [Method.BALL, Method.NUMERICAL])
def test_the_weakest_check_decides(method):
    def examine(docket):
        docket.exact("x", True)
        docket.exact("z", True, seed=2)
        docket.check(method, "y", [True], seed=1)

    found = verdict_of(examine)
    assert (found.verdict, found.scope, found.badge) == (ClaimVerdict.SUPPORTED, None, "supported")


def all_parameters(docket):
    docket.general("g", True)


def listed(docket):
    all_parameters(docket)
    docket.exact("e", True)


def drawn(docket):
    listed(docket)
    docket.exact("r", True, seed=0)


@pytest.mark.parametrize(("examine", "verdict", "badge"), [
    (all_parameters, ClaimVerdict.PROVED, "proved for all parameters"),
    (listed, ClaimVerdict.PROVED, "proved for the instances listed"),
    (drawn, ClaimVerdict.TESTED, "property-tested"),
])  # fmt: skip
def test_the_narrowest_scope_decides(examine, verdict, badge):
    found = verdict_of(examine)
    assert (found.verdict, found.badge) == (verdict, badge)


@pytest.mark.parametrize(("examine", "badge"), [
    (all_parameters, "holds as corrected, for all parameters"),
    (drawn, "holds as corrected, property-tested"),
    (lambda d: d.ball("b", True), "holds as corrected, supported"),
])  # fmt: skip
def test_a_correction_has_a_scope_too(examine, badge):
    def corrected(docket):
        docket.refute("2 is not odd", lambda n: n % 2 == 0, n=2)
        examine(docket)

    assert verdict_of(corrected, corrected="odd").badge == badge


def test_an_illustration_carries_nothing_and_has_to_hold():
    def illustrated(docket, outcome=True):
        all_parameters(docket)
        docket.example("e", outcome, seed=0)

    assert verdict_of(illustrated).badge == "proved for all parameters"
    assert verdict_of(lambda d: illustrated(d, False)).verdict is ClaimVerdict.UNDECIDED
    assert verdict_of(lambda d: d.example("e", True)).verdict is ClaimVerdict.UNDECIDED


def test_points_drawn_for_what_holds_almost_everywhere_settle_their_sizes():
    found = verdict_of(lambda d: d.witness("rank", True, seed=1))
    assert (found.badge, found.checks[0].seed) == ("proved for the instances listed", 1)


@pytest.mark.parametrize("wrong", [
    lambda d: d.check(Method.NUMERICAL, "x", True, scope=Scope.ALL),
    lambda d: d.check(Method.EXACT, "x", True, 1, scope=Scope.ALL),
    lambda d: d.general("x", True, method=Method.BALL),
])  # fmt: skip
def test_balls_floats_and_draws_are_never_all_there_is(wrong):
    assert "pass no scope" in verdict_of(wrong).error


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


def even_and_small(n, bound):
    return n % 2 == 0 and n < bound


def test_a_near_miss_that_refutes_too_spoils_the_counterexample():
    def examine(docket, **near):
        docket.refute("2", even_and_small, near=near, n=2, bound=3)
        docket.exact("x", True)

    tight = verdict_of(lambda d: examine(d, even={"n": 1}, small={"n": 4}), corrected="c")
    assert tight.counterexamples[0].near == {"even": {"n": "1"}, "small": {"n": "4"}}
    assert tight.verdict is ClaimVerdict.CORRECTED
    loose = verdict_of(lambda d: examine(d, even={"n": 0}), corrected="c")
    assert loose.verdict is ClaimVerdict.UNDECIDED


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
            if item.method is Method.NUMERICAL:
                assert item.seed is not None or "no randomness" in item.what, (found.id, item.what)


def test_every_counterexample_has_near_misses(ledger):
    for found in ledger:
        for item in found.counterexamples:
            assert item.near, (found.id, item.what)


def test_errata_have_a_severity_and_are_the_papers(ledger):
    wrong = {ClaimVerdict.CORRECTED, ClaimVerdict.REFUTED}
    for found in ledger:
        assert (found.verdict in wrong) == (found.claim.severity is not None), found.id
        if found.claim.origin is Origin.OURS:
            assert found.claim.corrected is None, found.id


def test_at_least_twelve_claims_are_proved_for_all_parameters(ledger):
    general = [f.id for f in ledger if f.scope is Scope.ALL and f.verdict is ClaimVerdict.PROVED]
    assert len(general) >= 12


def test_gists_are_one_line():
    for one in all_claims():
        assert 0 < len(one.gist) <= 100, one.id
        assert not one.gist.endswith("."), one.id


def test_every_claim_says_where():
    for one in all_claims():
        assert re.fullmatch(r"(\d(\.\d)?|[A-C]\.\d|Companion)", one.section), one.where


def test_sections_and_single_claims():
    assert {one.section for one in all_claims("A")} >= {"A.2", "A.3"}
    assert {one.section for one in all_claims("A.2")} == {"A.2"}
    assert [one.id for one in all_claims(only=["E6"])] == ["E6"]
    assert [found.id for found in check_all("4.1")] == [
        "linear-aggregate", "linear-displays", "E6",
    ]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), [
    ({"section": "Z.9"}, "section: found 'Z.9'; pass one of .*A.2"),
    ({"only": ["E99"]}, "only: found E99; pass some of .*E1"),
])  # fmt: skip
def test_unknown_names_are_answered_with_the_known(arguments, message):
    with pytest.raises(ValueError, match=message):
        all_claims(**arguments)
