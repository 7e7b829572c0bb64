"""The page of a report and its fragment for notebooks: complete in themselves, and escaped."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import report_cases

from identify.rendering.html import write_html

PAGES = ["digits", "no truth", "witness", "heat map", "undecided", "hostile"]


@pytest.fixture(scope="module", params=PAGES)
def page_file(request, tmp_path_factory):
    report, truth = report_cases.digits()
    path = tmp_path_factory.mktemp("page") / "report.html"
    reports = {
        "no truth": report,
        "witness": report_cases.ambiguous(),
        "heat map": report_cases.ambiguous(20),
        "undecided": report_cases.undecided(),
        "hostile": report_cases.hostile(),
    }
    shown = reports.get(request.param, report)
    write_html(shown, path, truth=truth if request.param == "digits" else None)
    return shown, path


def test_a_truth_of_another_dimension_is_named(tmp_path):
    with pytest.raises(ValueError, match="truth"):
        write_html(report_cases.digits()[0], tmp_path / "r.html", truth=np.ones((3, 7)))


def test_the_page_names_no_other_file(page_file):
    page = page_file[1].read_text(encoding="utf-8")
    tags = re.findall(r"<[^>]*>", page)
    links = [v for tag in tags for v in re.findall(r"(?:src|href)\s*=\s*[\"']?([^\"'\s>]*)", tag)]
    assert all(link.startswith(("data:", "#")) for link in links)
    assert not any("http" in tag for tag in tags if "http-equiv" not in tag)
    assert not re.search(r"url\((?!#)|@import", page)
    assert "<script" not in page
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', page)) <= {
        pair for i in ids for pair in ((i, ""), ("", i))
    }


def test_the_course_is_a_plot_of_its_own(tmp_path):
    report, pages = report_cases.digits()[0], []
    for course in (None, report_cases.course()):
        path = tmp_path / "r.html"
        write_html(replace(report, course=course), path)
        pages.append(path.read_text(encoding="utf-8"))
    words = "Size of the residual of every sample over the training"
    assert words not in pages[0]
    assert pages[1].count(words) == 1
    assert pages[1].count("<svg") == pages[0].count("<svg") + 1
    ids = re.findall(r'\bid="([^"]*)"', pages[1])
    assert len(ids) == len(set(ids))


def test_hostile_words_are_text(tmp_path):
    path = tmp_path / "r.html"
    write_html(report_cases.hostile(), path)
    page = path.read_text(encoding="utf-8")
    assert "&lt;script&gt;alert" in page
    assert "\x1b" not in page


@pytest.mark.parametrize("report", report_cases.all_cases(), ids=lambda r: r.verdict.value)
def test_the_notebook_fragment_is_complete_and_escaped(report):
    """Its tags are balanced, known, and name no other file; its words are those of the text."""
    fragment = report._repr_html_()
    seen, opened = [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            seen.append(tag)
            opened.append(tag)
            assert {name for name, _ in attrs} <= {"style", "class", "scope"}

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Reader(convert_charrefs=True).feed(fragment)
    assert not opened
    tags = "div p strong code ul ol li table thead tbody tr th td details summary"
    assert set(seen) <= set(tags.split())
    assert report.verdict.value in fragment
    assert "\x1b" not in fragment
    words = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", fragment)).split())
    for hypothesis in (*report.hypotheses, *report.reasons):
        assert " ".join(hypothesis.replace("\x1b", "").split()) in words or "<" in hypothesis
    if report.recovery is not None:
        assert f"{len(report.recovery.x)} samples of dimension" in words
        assert seen.count("tr") >= len(report.recovery.x)


def test_many_samples_stay_a_small_page(tmp_path):
    truth = report_cases.blobs(130, (16, 16, 3), 9)
    noisy = truth + 0.02 * np.random.default_rng(0).normal(size=truth.shape)
    report = replace(report_cases.digits()[0], recovery=report_cases.recovered(noisy, 3))
    path = tmp_path / "r.html"
    write_html(report, path, truth=truth)
    assert path.stat().st_size < 3_000_000
    page = path.read_text(encoding="utf-8")
    assert "the 120 of 130 samples" in page
    assert page.count("<img") == 240


def test_the_page_in_a_browser(browser, page_file):
    report, path = page_file
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 800})
    page, faults, requests = context.new_page(), [], []
    page.on("console", lambda m: faults.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(Path(path).as_uri(), wait_until="load")
    assert faults == []
    assert [u for u in requests if not u.startswith("data:")] == [Path(path).as_uri()]
    images = page.eval_on_selector_all("img", "all => all.map(one => [one.naturalWidth, one.alt])")
    assert all(width > 0 and alt for width, alt in images)
    pictured = report.recovery is not None and report.recovery.x.shape[1] == 64
    assert bool(images) == pictured
    drawn = page.eval_on_selector_all("svg", "all => all.map(one => one.getBBox().width)")
    assert drawn
    assert min(drawn) > 0
    title = report.verdict.value.replace("_", " ").capitalize()
    for width in (1200, 400):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.get_by_role("heading", name=title, exact=True).is_visible()
        assert page.get_by_text(report.verdict.value, exact=True).first.is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_the_browser_test_sees_a_request(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text('<img src="missing.png">')
    page, requests = browser.new_page(), []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri(), wait_until="load")
    assert len(requests) == 2
    page.close()
