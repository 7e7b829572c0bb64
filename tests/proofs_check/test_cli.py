"""``proofs-check``: exit status, choice of claims, files, bad input."""

import json
from types import SimpleNamespace

import pytest
from claim_cases import bad, good, surprise, unknown

from proofs_check import claims
from proofs_check.__main__ import run_proofs_check


@pytest.fixture
def ledger_of(monkeypatch):
    def install(*found):
        module = SimpleNamespace(**{one.id: one for one in found})
        monkeypatch.setattr(claims, "modules", lambda: (module,))

    return install


@pytest.mark.parametrize(("found", "status"), [
    ((good, bad), 0), ((good, surprise), 1), ((good, unknown), 2), ((surprise, unknown), 1),
])  # fmt: skip
def test_exit_status(ledger_of, found, status):
    ledger_of(*found)
    assert run_proofs_check([]) == status


def test_a_surprise_is_shown(ledger_of, capsys):
    ledger_of(good, surprise)
    run_proofs_check([])
    printed = capsys.readouterr().out
    assert "Not as recorded: surprise." in printed
    run_proofs_check(["--only", "surprise"])
    expected = "exact arithmetic, for the instances listed (1 of 1 FAILED): parity"
    assert expected in capsys.readouterr().out


def test_sections_and_ids_are_chosen(ledger_of, capsys, tmp_path):
    ledger_of(good, bad, unknown)
    assert run_proofs_check(["--section", "A", "--json", str(tmp_path / "a.json")]) == 0
    written = json.loads((tmp_path / "a.json").read_text())
    assert [one["id"] for one in written["claims"]] == ["good", "bad"]
    assert run_proofs_check(["--only", "open", "--only", "good"]) == 2
    printed = capsys.readouterr().out
    assert printed.index("good: proved") < printed.index("open: undecided")


@pytest.mark.parametrize(("arguments", "message"), [
    (["--only", "nope"], "only: found nope; pass some of good"),
    (["--section", "C"], "section: found 'C'; pass one of A.2"),
    (["--json", "/no/such/folder/x.json"], "--json: found no folder '/no/such/folder'"),
    (["--html", "."], "--html: found the folder '.'"),
    (["--errata", "e.md", "--section", "A"], "--errata: found with --only or --section"),
    (["--record", "r.json", "--only", "good"], "--record: found with --only or --section"),
])  # fmt: skip
def test_bad_input_gets_one_clear_line(ledger_of, capsys, arguments, message):
    ledger_of(good)
    assert run_proofs_check(arguments) == 3
    assert message in capsys.readouterr().err


def test_two_claims_of_one_name_are_refused(ledger_of, monkeypatch):
    ledger_of(good)
    twice = claims.modules() * 2
    monkeypatch.setattr(claims, "modules", lambda: twice)
    with pytest.raises(ValueError, match=r"found the ids \['good'\] more than once"):
        claims.all_claims()
