"""The report as text and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import report_cases

from identify.findings import Verdict
from identify.rendering.html import write_html
from identify.rendering.json import to_dict, write_json
from identify.rendering.text import render_text
from identify.rendering.words import claimed, number


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


@pytest.mark.parametrize("report", report_cases.all_cases(), ids=lambda r: r.verdict.value)
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


@pytest.mark.parametrize("report", report_cases.all_cases(), ids=lambda r: r.verdict.value)
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


def test_the_course_of_the_training_is_in_the_json():
    course = report_cases.course()
    report = replace(report_cases.undecided(), course=course)
    read = json.loads(json.dumps(to_dict(report), allow_nan=False))["course"]
    assert set(read) == {"decay", "lag", "miss", "times", "residuals", "confirmed"}
    assert (read["decay"], read["lag"], read["miss"]) == (0.98, 1.3e-3, 4.2e-4)
    np.testing.assert_array_equal(read["residuals"], course.residuals)
    assert read["confirmed"] == [True] * 11 + [False]
    assert to_dict(report_cases.undecided())["course"] is None


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


def test_the_training_that_was_found_has_a_section():
    course = report_cases.course(3)
    report = replace(report_cases.digits()[0], course=course)
    text = " ".join(render_text(report).split())
    assert "Training Decay factor: 0.980000; lag, share of training: 0.0013; " in text
    assert "steps, at least: 385; with momentum 0.9: 7308; miss of the end: 0.00042." in text
    assert "1: 0.50 to 0.18, 2: 1.00 to 0.08, 3: 0.50 to 0.01." in text
    hidden = replace(course, miss=0.02, decay=1.0)
    text = " ".join(render_text(replace(report, course=hidden)).split())
    assert "Decay factor: 1, no decay; lag, share of training: below the miss; miss" in text
    assert "Training" not in render_text(replace(report, course=None))
