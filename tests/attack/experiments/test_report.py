"""Figures and the page of a comparison: what they show, and the page in a browser."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from run_cases import a_run

from attack.experiments.comparison import compare_runs
from attack.experiments.curves import curves_figure, trajectories_figure
from attack.experiments.figures import scatter_figure, shown_samples
from attack.experiments.report import write_report
from attack.experiments.settings import SourcedValue
from attack.metrics.image import ncc, ssim_window_3
from attack.metrics.vectors import cosine, l2
from identify.demo.data import digits


def a_comparison(truth, seed=0, metric=None, near=0.3, **options):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, *truth.shape, generator=generator, dtype=torch.float64) / 8
    slow, fast = 10.0 ** -np.arange(5), 10.0 ** (-2.0 * np.arange(5))
    each = np.linspace(1, 2, 9)
    without = a_run(truth[:5] + 0.6 * noise[0, :5], seed, losses=slow, metric=np.outer(slow, each))
    with_ = a_run(
        truth + near * noise[1],
        seed,
        losses=fast,
        metric=np.outer(fast, each),
        splits=(1000, 3000),
        merges=(2000,),
        seconds=2.5,
    )
    return compare_runs(truth, without, with_, metric or l2(), **options)


def drawn(line):
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


@pytest.fixture(scope="module")
def truth():
    return torch.as_tensor(digits(9))


@pytest.fixture(scope="module")
def page_file(tmp_path_factory, truth):
    path = tmp_path_factory.mktemp("page") / "report.html"
    settings = [SourcedValue("threshold", "-0.1", "arXiv 2602.08723, C.1"),
                SourcedValue("<b>x</b>", "a & b", "here\x1b[31m")]  # fmt: skip
    comparisons = [a_comparison(truth, seed) for seed in (3, 4)]
    write_report(
        path, title="Digits <script>1</script>", settings=settings, comparisons=comparisons
    )
    return comparisons, path


def test_the_page_in_a_browser(browser, page_file):
    comparisons, path = page_file
    for width, scheme in ((390, "dark"), (1200, "light")):
        context = browser.new_context(
            offline=True, color_scheme=scheme, viewport={"width": width, "height": 800}
        )
        page, faults, requests = context.new_page(), [], []
        page.on("console", lambda message, to=faults: to.append(message.text))
        page.on("pageerror", lambda error, to=faults: to.append(str(error)))
        page.on("request", lambda request, to=requests: to.append(request.url))
        page.goto(path.as_uri(), wait_until="load")
        assert faults == []
        assert [u for u in requests if not u.startswith("data:")] == [path.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.get_by_role("heading", name="Digits <script>1</script>").is_visible()
        assert page.get_by_text("Splitting helped", exact=True).is_visible()
        images = page.eval_on_selector_all("img", "all => all.map(i => [i.naturalWidth, i.alt])")
        assert len(images) == 27
        assert all(size > 0 and alt for size, alt in images)
        drawn = page.eval_on_selector_all("svg", "all => all.map(one => one.getBBox().width)")
        assert len(drawn) == 3
        assert min(drawn) > 0
        rows = page.locator("table.runs tbody tr").all_inner_texts()
        assert [row.split()[0] for row in rows] == ["3", "3", "4", "4"]
        for row, c in zip(rows[1::2], comparisons, strict=True):
            assert f"{c.wins} / {c.losses}" in row
            assert "2.5" in row
        ink = page.evaluate("getComputedStyle(document.body).color")
        axis = page.eval_on_selector("svg text", "t => getComputedStyle(t).fill")
        assert (ink == "rgb(28, 29, 32)") == (scheme == "light")
        assert axis != "rgb(0, 0, 0)"
        context.close()


def test_the_page_says_what_was_measured_and_is_escaped(page_file):
    comparisons, path = page_file
    page = path.read_text(encoding="utf-8")
    wins = sum(c.wins for c in comparisons)
    assert f"Splitting improved {wins} of 18 true samples" in page
    assert "L2 distance |x - y|. Matching: nearest. Symmetry: none." in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "a &amp; b" in page
    assert "\x1b" not in page
    assert "<script" not in page
    assert "Content-Security-Policy\" content=\"default-src 'none'" in page
    assert not re.findall(r"https?://", page)
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def test_a_negative_result_is_reported(tmp_path, truth):
    metric = ssim_window_3((8, 8), scale_truth=True)
    comparisons = [a_comparison(truth[:5], seed, metric, near=3.0) for seed in range(3)]
    wins = sum(c.wins for c in comparisons)
    losses = sum(c.losses for c in comparisons)
    assert losses > wins
    write_report(tmp_path / "r.html", title="t", settings=[], comparisons=comparisons)
    page = (tmp_path / "r.html").read_text()
    assert '<p class="badge worse">Splitting made it worse</p>' in page
    assert f"Splitting improved {wins} of 15 true samples" in page
    assert "Gaussian window 3 x 3" in page
    assert "None were recorded." in page


def test_samples_without_partner_and_vectors(tmp_path, truth):
    lonely = a_comparison(truth, metric=cosine(), matching="one-to-one", symmetry="sign")
    write_report(tmp_path / "r.html", title="t", settings=[], comparisons=[lonely])
    page = (tmp_path / "r.html").read_text()
    assert page.count("no partner") == 4
    assert page.count('alt="True sample') == 9
    write_report(
        tmp_path / "r.html", title="t", settings=[], comparisons=[a_comparison(truth[:, :15])]
    )
    page = (tmp_path / "r.html").read_text()
    assert "Heat maps of candidates" in page
    assert "<img" not in page
    diverged = a_run(torch.full((3, 64), torch.nan).double())
    c = compare_runs(truth, diverged, diverged, l2())
    write_report(tmp_path / "r.html", title="t", settings=[], comparisons=[c])
    assert "No true sample has a partner." in (tmp_path / "r.html").read_text()


def test_one_page_holds_one_metric(tmp_path, truth):
    two = [a_comparison(truth), a_comparison(truth, 1, ncc((8, 8)))]
    with pytest.raises(ValueError, match="comparisons: found the metrics"):
        write_report(tmp_path / "r.html", title="t", settings=[], comparisons=two)
    with pytest.raises(ValueError, match="pass one or more comparisons"):
        write_report(tmp_path / "r.html", title="t", settings=[], comparisons=[])
    assert list(tmp_path.iterdir()) == []


def test_a_report_replaces_the_old_one_or_leaves_it(tmp_path, truth, monkeypatch):
    path = tmp_path / "r.html"
    path.write_text("old")
    with pytest.raises(ValueError, match="image_shape"):
        write_report(path, title="t", settings=[], comparisons=[a_comparison(truth)], shape=(3, 3))
    assert path.read_text() == "old"


def test_the_partners_are_drawn_turned_towards_the_truth(truth):
    before = a_comparison(truth)
    flipped = replace(before.with_, x=-2 * before.with_.x)
    c = compare_runs(truth, before.without, flipped, l2(), symmetry="line")
    assert c.after.values.max() < before.after.values.max()
    for i, (_, after, x) in enumerate(shown_samples(c, list(range(9)))):
        assert after is not None
        np.testing.assert_array_equal(x, truth[i])
        assert np.linalg.norm(after - x) == pytest.approx(c.after.values[i])


def test_the_scatter_holds_every_sample(truth):
    comparisons = [a_comparison(truth, seed) for seed in range(3)]
    lines = scatter_figure(comparisons).axes[0].lines
    assert sum(len(drawn(line)[0]) for line in lines[:-1]) == 27
    better = next(line for line in lines if str(line.get_label()).startswith("better"))
    before, after = drawn(better)
    assert (after < before).all()
    assert len(before) == sum(c.wins for c in comparisons)


def test_the_curves_mark_splits_and_merges(truth):
    c = a_comparison(truth)
    loss, metric = curves_figure(c).axes
    np.testing.assert_array_equal(drawn(loss.lines[0])[1], [r.loss for r in c.without.history])
    marks = sorted(drawn(line)[0][0] for line in loss.lines[2:])
    assert marks == [1000, 2000, 3000]
    np.testing.assert_allclose(drawn(metric.lines[1])[1], 1.5 * 10.0 ** (-2.0 * np.arange(5)))
    blind = compare_runs(truth, a_run(truth), a_run(truth), l2())
    assert len(curves_figure(blind).axes) == 1
    assert trajectories_figure(blind, [0]) is None


def test_the_trajectories_are_those_of_the_chosen_samples(truth):
    c = a_comparison(truth, metric=replace(l2(), name="cost in $"))
    figure = trajectories_figure(c, [4, 0, 8])
    assert figure is not None
    np.testing.assert_array_equal(
        drawn(figure.axes[1].lines[1])[1], [r.metric[0] for r in c.with_.history]
    )
    assert [axes.get_title() for axes in figure.axes[:3]] == [
        "true sample 5", "true sample 1", "true sample 9",
    ]  # fmt: skip
    figure.savefig(io.BytesIO(), format="svg")
