"""What is on record is compared: text, methods, scopes, numbers of instances, near misses."""

import json
from dataclasses import replace

import pytest
from claim_cases import bad, good

from proofs_check import all_claims, record
from proofs_check.docket import Method, Scope
from proofs_check.ledger import check
from proofs_check.record import recorded_claims, write_record


@pytest.fixture
def on_record(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    write_record({found.id: found.findings for found in map(check, (good, bad))}, path)
    monkeypatch.setattr(record, "RECORD", path)
    recorded_claims.cache_clear()
    yield json.loads(path.read_text())
    recorded_claims.cache_clear()


def changed(claim, change):
    def examine(docket):
        claim.examine(docket)
        docket.checks[0] = change(docket.checks[0])

    examine.__doc__ = claim.examine.__doc__
    return check(replace(claim, examine=examine))


def test_the_record_reads_back(on_record):
    assert check(good).as_recorded
    assert check(bad).as_recorded
    assert set(on_record) == {"good", "bad"}


@pytest.mark.parametrize(("claim", "change", "message"), [
    (good, lambda e: replace(e, count=1), "found: exact arithmetic, for the instances listed: 1"),
    (good, lambda e: replace(e, scope=Scope.ALL), "for all parameters: 2"),
    (good, lambda e: replace(e, carries=False), "illustrates: 2"),
    (bad, lambda e: replace(e, method=Method.EXACT), "found: exact arithmetic"),
    (good, lambda e: replace(e, what="1 + 2"), "the text is not the one on record"),
])  # fmt: skip
@pytest.mark.usefixtures("on_record")
def test_a_changed_check_is_a_surprise(claim, change, message):
    found = changed(claim, change)
    assert not found.as_recorded
    assert message in found.unrecorded


@pytest.mark.parametrize("field", ["statement", "gist", "corrected", "where"])
@pytest.mark.usefixtures("on_record")
def test_a_changed_text_is_a_surprise(field):
    assert not check(replace(bad, **{field: "3/4"})).as_recorded


@pytest.mark.usefixtures("on_record")
def test_a_check_more_or_a_near_miss_more_is_a_surprise():
    def more(docket):
        good.examine(docket)
        docket.example("one more", True)

    more.__doc__ = good.examine.__doc__
    found = check(replace(good, examine=more))
    assert found.unrecorded == "on record: 1 checks; found: 2"

    def nearer(docket):
        bad.examine(docket)
        docket.counterexamples[0] = replace(docket.counterexamples[0], near={"whole": {"t": "1"}})

    nearer.__doc__ = bad.examine.__doc__
    assert "[0] near misses; found: [1]" in check(replace(bad, examine=nearer)).unrecorded


def test_measured_words_of_inexact_checks_are_left_out(on_record):
    assert changed(bad, lambda e: replace(e, what="0.51 < 1")).as_recorded
    assert len(on_record["good"]["text"]) == record.DIGITS


def test_every_claim_is_on_record():
    recorded_claims.cache_clear()
    assert list(recorded_claims()) == [claim.id for claim in all_claims()]
