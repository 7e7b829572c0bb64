"""The ledger as JSON, text, a page in a browser, and the errata."""

import json
import re
from pathlib import Path

from claim_cases import bad, good

from proofs_check import ClaimVerdict
from proofs_check.ledger import Severity, check
from proofs_check.rendering.errata import render_errata, write_errata
from proofs_check.rendering.html import write_ledger_html
from proofs_check.rendering.json import ledger_to_dict, write_ledger_json
from proofs_check.rendering.text import describe_value, render_details, render_summary

ROOT = Path(__file__).parents[3]


def test_json_has_what_was_found():
    written = ledger_to_dict([check(bad)])["claims"][0]
    assert written["seconds"] >= 0
    evidence = written["evidence"]
    assert evidence[0] == {"method": "counterexample", "what": "a half", "values": {"t": "1/2"},
                           "confirmed": True, "near_misses": {}}  # fmt: skip
    assert evidence[1] == {"method": "floating point", "what": "halves", "count": 1, "failed": 0,
                           "seed": 3, "scope": "property-tested", "carries": True}  # fmt: skip
    assert (written["origin"], written["severity"], written["scope"]) == ("paper", "slip", None)
    assert (written["id"], written["where"], written["verdict"], written["recorded"]) == (
        "bad", "A.3, end", "holds as corrected", "holds as corrected",
    )  # fmt: skip


def test_text_says_all_of_it():
    text = render_details(check(bad))
    assert "paper, slip" in text
    assert "a half < one" in text
    for part in ("1/2 is whole", "1/2 < 1 & <b>", "a < b", "t = 1/2", "seed 3", "Half of an apple"):
        assert part in text
    assert render_summary([check(good), check(bad)]).startswith("2 claims in 0 s: 1 proved, 1 hol")
    assert describe_value([["1", "2"], ["-3/5"]]) == "((1, 2), (-3/5,))"


def test_the_whole_ledger_as_json(ledger, tmp_path):
    write_ledger_json(ledger, tmp_path / "ledger.json")
    written = json.loads((tmp_path / "ledger.json").read_text())
    assert len(written["claims"]) == len(ledger) >= 35
    keys = {"id", "where", "statement", "verdict", "evidence", "seconds"}
    for one in written["claims"]:
        assert keys <= set(one)
        assert one["evidence"]
        assert one["verdict"] in set(ClaimVerdict)


def test_the_page_in_a_browser(ledger, tmp_path, browser):
    page_file = tmp_path / "ledger.html"
    write_ledger_html(ledger, page_file)
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
        assert found.badge in article.inner_text()
        assert article.locator("h3 + p strong").count() == 1
        assert article.locator("dd").count() >= 3
    links = page.locator("nav a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    assert links == [f"#{found.id}" for found in ledger]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_what_is_written_into_the_page_is_escaped(tmp_path):
    write_ledger_html([check(bad)], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<b>" not in page
    assert "<mo>&lt;</mo><mi>b</mi><mo>&gt;</mo>" in page
    assert "&amp;" in page


def test_the_errata_are_up_to_date(ledger):
    stored = (ROOT / "docs" / "errata.md").read_text()
    assert stored == render_errata(ledger), "run: uv run proofs-check --errata docs/errata.md"


def test_stale_errata_are_noticed(ledger):
    other = [check(good), *ledger[1:]]
    assert render_errata(other) != render_errata(ledger)


def test_the_errata_list_every_correction_the_worst_first(ledger, tmp_path):
    write_errata(ledger, tmp_path / "errata.md")
    text = (tmp_path / "errata.md").read_text()
    headings = re.findall(r"^### (\S+): ", text, flags=re.MULTILINE)
    wrong = [f for f in ledger if f.verdict in {ClaimVerdict.CORRECTED, ClaimVerdict.REFUTED}]
    order = list(Severity)
    expected = [f.id for f in sorted(wrong, key=lambda f: order.index(f.claim.severity))]
    assert headings[: len(expected)] == expected
    assert {f.id for f in ledger if f.claim.corrected} <= set(headings)
    assert headings[0] == "assumption-5.1"


def test_the_summary_of_the_errata_names_what_falls_and_is_short(ledger):
    summary = render_errata(ledger).partition("## In short")[2].partition("\n## ")[0]
    fatal = {f.id for f in ledger if f.claim.severity in {Severity.VACUOUS, Severity.FATAL}}
    assert set(re.findall(r"\*\*(\S+)\*\*", summary)) == fatal
    assert summary.count("Instead: ") == len(fatal)
    assert len(summary.split()) <= 300


def test_every_claim_has_one_line_in_the_errata(ledger):
    text = render_errata(ledger)
    for found in ledger:
        rows = re.findall(rf"^\| {re.escape(found.id)} \|.*$", text, flags=re.MULTILINE)
        assert len(rows) == 1, found.id
        assert rows[0].endswith(f"| {found.badge} |"), found.id
        assert len(re.findall(r"(?<!\\)\|", rows[0])) == 5, found.id
