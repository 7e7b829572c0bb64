"""The renderings of a report: text, JSON, and a page that is complete in itself."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import report_cases
from matplotlib.backends.backend_agg import FigureCanvasAgg

from identify.findings import Neurons, Verdict
from identify.rendering.figures import neurons_figure, spectrum_figure
from identify.rendering.html import write_html
from identify.rendering.json import to_dict, write_json
from identify.rendering.sample_figures import recovery_figure
from identify.rendering.shapes import choose_shape, picture_shape
from identify.rendering.text import render_text
from identify.rendering.words import claimed, number


def all_cases():
    return [
        report_cases.digits()[0],
        report_cases.ambiguous(),
        report_cases.ambiguous(20),
        report_cases.undecided(),
        report_cases.hostile(),
    ]


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


def test_text_reads_as_an_argument():
    report = report_cases.digits()[0]
    text = render_text(report)
    lines = text.splitlines()
    assert lines[0].startswith("GLOBALLY_IDENTIFIABLE")
    assert "kkt" in lines[0]
    assert "numerical" in lines[0]
    assert lines[-1] == "seed 17"
    flat = " ".join(text.split())
    for i, reason in enumerate(report.reasons, 1):
        assert f"{i}. {reason}" in flat
    assert "rank(K) = 78 against N = 78" in flat
    assert "rank 364 against 364" in flat
    assert "3.1e-9" in flat
    assert "12 samples of dimension 64 were recovered; 11 of them are claimed" in flat
    assert "the order of the samples" in flat


@pytest.mark.parametrize("report", all_cases(), ids=lambda r: r.verdict.value)
def test_text_is_plain_and_narrow(report):
    lines = render_text(report).splitlines()
    assert max(map(len, lines)) <= 100
    assert all(line.isprintable() for line in lines)


def test_every_verdict_has_a_meaning():
    report = report_cases.undecided()
    texts = {v: render_text(replace(report, verdict=v)).splitlines()[1] for v in Verdict}
    assert len(set(texts.values())) == len(Verdict)


def test_text_of_the_witness_and_of_what_is_missing():
    flat = " ".join(render_text(report_cases.ambiguous()).split())
    assert "second data set of 7 samples" in flat
    assert "3.3e-13" in flat
    assert "0.72" in flat
    assert "Gram test fails: rank(K) = 40 against N = 78" in flat
    assert "0 of them are claimed" in flat
    flat = " ".join(render_text(report_cases.undecided()).split())
    assert "Witness" not in flat
    assert "No samples were recovered" in flat


def test_nan_bounds_and_zero_samples_are_not_claimed():
    recovery = report_cases.digits()[0].recovery
    x, bound = recovery.x.copy(), recovery.error_bound.copy()
    x[0], bound[1], bound[2] = 0.0, np.nan, 0.11 * np.linalg.norm(x[2])
    sure = claimed(replace(recovery, x=x, error_bound=bound))
    assert not sure[[0, 1, 2, -1]].any()
    assert sure[3:-1].all()


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.01234, "0.0123"), (1.2e-10, "1.2e-10"), (1e100, "1e100"), (np.inf, "inf"), (0.0, "0")],
)
def test_numbers(value, written):
    assert number(value) == written


@pytest.mark.parametrize("report", all_cases(), ids=lambda r: r.verdict.value)
def test_json_round_trip(report, tmp_path):
    path = tmp_path / "report.json"
    write_json(report, path)

    def refuse(token):
        raise AssertionError(token)

    read = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert read == to_dict(report)
    assert json.loads(json.dumps(to_dict(report), allow_nan=False)) == read
    assert read["schema"] == 1
    assert read["verdict"] == report.verdict.value
    assert float(read["residual"]) == pytest.approx(report.residual, nan_ok=True)
    if report.recovery is not None:
        np.testing.assert_array_equal(read["recovery"]["x"], report.recovery.x)
        bounds = [float(b) for b in read["recovery"]["error_bound"]]
        np.testing.assert_array_equal(bounds, report.recovery.error_bound)
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_a_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    report = report_cases.case(Verdict.UNDECIDED, ("a lone surrogate \ud800",))
    write_html(report, path)
    assert "Undecided" in path.read_text(encoding="utf-8")
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=r"report"):
        write_json(report, path)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("d", "shape"),
    [
        (64, (8, 8)),
        (784, (28, 28)),
        (768, (16, 16, 3)),
        (3072, (32, 32, 3)),
        (20, None),
        (2, None),
        (27, (3, 3, 3)),
    ],
)
def test_picture_shape(d, shape):
    assert picture_shape(d) == shape


def test_a_wrong_image_shape_is_named():
    with pytest.raises(ValueError, match="image_shape"):
        choose_shape(64, (7, 9))
    assert choose_shape(60, (6, 10)) == (6, 10)


def test_the_recovery_figure_shows_each_truth_above_its_own_recovery():
    report, truth = report_cases.digits()
    figure = recovery_figure(report, truth)
    pictures = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
    assert len(pictures) == 24
    for above, below in zip(pictures[::2], pictures[1::2], strict=True):
        assert np.abs(above - below).max() < 0.05
    tops = {above.tobytes() for above in pictures[::2]}
    assert len(tops) == 12
    assert len(recovery_figure(report_cases.ambiguous(20)).axes) == 2
    with pytest.raises(ValueError, match="recovery"):
        recovery_figure(report_cases.undecided())
    with pytest.raises(ValueError, match="truth"):
        recovery_figure(report, np.empty((0, 64)))


def test_degenerate_numbers_are_drawn():
    rank, lost = report_cases.ranks(), np.array([1.0, np.nan, np.inf])
    figures = [
        neurons_figure(Neurons(np.empty(0), np.empty(0), np.empty((0, 2))), 0),
        neurons_figure(Neurons(lost, lost, np.full((3, 2), np.nan)), 0),
        spectrum_figure(replace(rank, singular_values=np.zeros(5), tolerance=0.0, rank=0)),
        spectrum_figure(replace(rank, singular_values=np.empty(0), N=10**12)),
    ]
    for figure in figures:
        FigureCanvasAgg(figure).draw()


def test_printing_loads_no_drawing_library():
    code = "import sys, identify.rendering; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


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


def test_hostile_words_are_text(tmp_path):
    path = tmp_path / "r.html"
    write_html(report_cases.hostile(), path)
    page = path.read_text(encoding="utf-8")
    assert "&lt;script&gt;alert" in page
    assert "\x1b" not in page


@pytest.mark.parametrize("report", all_cases(), ids=lambda r: r.verdict.value)
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
