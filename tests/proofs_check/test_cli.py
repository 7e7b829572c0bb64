"""``proofs-check`` and its renderings: exit status, files, the page in a browser, the errata."""

import json
import re
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest

from proofs_check import ClaimVerdict, claims
from proofs_check.__main__ import main
from proofs_check.ledger import check, claim
from proofs_check.rendering import (
    render_details,
    render_errata,
    render_summary,
    to_dict,
    write_errata,
    write_html,
    write_json,
)
from proofs_check.rendering.text import describe_value

ROOT = Path(__file__).parents[2]


@claim("good", where="A.2, step 1", statement="1 + 1 = 2", recorded=ClaimVerdict.PROVED)
def good(docket):
    """Peano."""
    docket.exact("1 + 1 for both summands", [1 + 1 == 2, 1 + 1 != 3])


@claim("bad", where="A.3, end", statement="1/2 is whole", corrected="1/2 < 1 & <b>",
       hypotheses=("a < b",), recorded=ClaimVerdict.CORRECTED)  # fmt: skip
def bad(docket):
    """Half of an apple."""
    docket.refute("a half", lambda t: t.denominator != 1, t=Fraction(1, 2))
    docket.numerical("halves", [0.5 < 1], seed=3)


@claim("surprise", where="A.3, end", statement="2 is odd", recorded=ClaimVerdict.PROVED)
def surprise(docket):
    """No."""
    docket.exact("parity", 2 % 2 == 1)


@claim("open", where="B.1, end", statement="who knows", recorded=ClaimVerdict.UNDECIDED)
def unknown(docket):
    """Nobody."""


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
    assert main([]) == status


def test_a_surprise_is_shown(ledger_of, capsys):
    ledger_of(good, surprise)
    main([])
    printed = capsys.readouterr().out
    assert "Not as recorded: surprise." in printed
    main(["--only", "surprise"])
    assert "exact arithmetic (1 of 1 FAILED): parity" in capsys.readouterr().out


def test_sections_and_ids_are_chosen(ledger_of, capsys, tmp_path):
    ledger_of(good, bad, unknown)
    assert main(["--section", "A", "--json", str(tmp_path / "a.json")]) == 0
    written = json.loads((tmp_path / "a.json").read_text())
    assert [one["id"] for one in written["claims"]] == ["good", "bad"]
    assert main(["--only", "open", "--only", "good"]) == 2
    printed = capsys.readouterr().out
    assert printed.index("good: proved") < printed.index("open: undecided")


@pytest.mark.parametrize(("arguments", "message"), [
    (["--only", "nope"], "only: found nope; pass some of good"),
    (["--section", "C"], "section: found 'C'; pass one of A.2"),
    (["--json", "/no/such/folder/x.json"], "--json: found /no/such/folder/x.json; pass a file"),
    (["--html", "."], "--html: found .; pass a file"),
    (["--errata", "e.md", "--section", "A"], "--errata: found with --only or --section"),
])  # fmt: skip
def test_bad_input_gets_one_clear_line(ledger_of, capsys, arguments, message):
    ledger_of(good)
    assert main(arguments) == 3
    assert message in capsys.readouterr().err


def test_two_claims_of_one_name_are_refused(ledger_of, monkeypatch):
    ledger_of(good)
    twice = claims.modules() * 2
    monkeypatch.setattr(claims, "modules", lambda: twice)
    with pytest.raises(ValueError, match=r"found the ids \['good'\] more than once"):
        claims.all_claims()


def test_json_has_what_was_found():
    written = to_dict([check(bad)])["claims"][0]
    assert written["seconds"] >= 0
    evidence = written["evidence"]
    assert evidence[0] == {"method": "counterexample", "what": "a half", "values": {"t": "1/2"},
                           "confirmed": True}  # fmt: skip
    assert evidence[1] == {"method": "floating point", "what": "halves", "count": 1, "failed": 0,
                           "seed": 3}  # fmt: skip
    assert (written["id"], written["where"], written["verdict"], written["recorded"]) == (
        "bad", "A.3, end", "holds as corrected", "holds as corrected",
    )  # fmt: skip


def test_text_says_all_of_it():
    text = render_details(check(bad))
    for part in ("1/2 is whole", "1/2 < 1 & <b>", "a < b", "t = 1/2", "seed 3", "Half of an apple"):
        assert part in text
    assert render_summary([check(good), check(bad)]).startswith("2 claims in 0 s: 1 proved, 1 hol")
    assert describe_value([["1", "2"], ["-3/5"]]) == "((1, 2), (-3/5,))"


def test_the_whole_ledger_as_json(ledger, tmp_path):
    write_json(ledger, tmp_path / "ledger.json")
    written = json.loads((tmp_path / "ledger.json").read_text())
    assert len(written["claims"]) == len(ledger) >= 35
    keys = {"id", "where", "statement", "verdict", "evidence", "seconds"}
    for one in written["claims"]:
        assert keys <= set(one)
        assert one["evidence"]
        assert one["verdict"] in set(ClaimVerdict)


def test_the_page_in_a_browser(ledger, tmp_path, browser):
    page_file = tmp_path / "ledger.html"
    write_html(ledger, page_file)
    page = browser.new_page(viewport={"width": 390, "height": 800})
    requests, messages = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.goto(page_file.as_uri())
    assert requests == [page_file.as_uri()]
    assert messages == []
    assert page.locator("article").count() == len(ledger)
    for found in ledger:
        article = page.locator(f"article[id='{found.id}']")
        assert found.verdict.value in article.inner_text()
        assert article.locator("dd").count() >= 3
    links = page.locator("nav a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    assert links == [f"#{found.id}" for found in ledger]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_what_is_written_into_the_page_is_escaped(tmp_path):
    write_html([check(bad)], tmp_path / "page.html")
    assert "1/2 &lt; 1 &amp; &lt;b&gt;" in (tmp_path / "page.html").read_text()


def test_the_errata_are_up_to_date(ledger):
    stored = (ROOT / "docs" / "errata.md").read_text()
    assert stored == render_errata(ledger), "run: uv run proofs-check --errata docs/errata.md"


def test_stale_errata_are_noticed(ledger):
    other = [check(good), *ledger[1:]]
    assert render_errata(other) != render_errata(ledger)


def test_the_errata_list_every_correction(ledger, tmp_path):
    write_errata(ledger, tmp_path / "errata.md")
    text = (tmp_path / "errata.md").read_text()
    headings = re.findall(r"^### (\S+): ", text, flags=re.MULTILINE)
    expected = [f.id for f in ledger if f.verdict in {ClaimVerdict.CORRECTED, ClaimVerdict.REFUTED}]
    assert headings[: len(expected)] == expected
    assert {f.id for f in ledger if f.claim.corrected} <= set(headings)
