"""Figures and the page of a comparison: what they show, and the page in a browser."""

import io
import re
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
import torch

from attack.experiments.comparison import Run, compare_runs, top_samples
from attack.experiments.figures import (
    curves_figure,
    image_grid,
    scatter_figure,
    shown_samples,
    trajectories_figure,
)
from attack.experiments.report import Pair, Setting, write_report
from attack.metrics.image import ncc, ssim_window_3
from attack.metrics.vectors import cosine, l2
from identify.demo.data import digits

STEPS = np.arange(0, 5000, 1000)


def a_run(name, x, seed=0, fall=1.0, n=9, **more):
    losses = 10.0 ** (-fall * STEPS / 1000)
    metric = np.outer(losses, np.linspace(1, 2, n))
    return Run(name, seed, x, torch.ones(len(x)), STEPS, losses, STEPS, metric, **more)


def a_pair(truth, seed=0, metric=None, near=0.3, **options):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, *truth.shape, generator=generator, dtype=torch.float64) / 8
    without = a_run("without splitting", truth[:5] + 0.6 * noise[0, :5], seed)
    with_ = a_run("with splitting", truth + near * noise[1], seed, 2.0,
                  split_steps=(1000, 3000), merge_steps=(2000,), seconds=2.5)  # fmt: skip
    comparison = compare_runs(truth, without, with_, metric or l2(), **options)
    return Pair(truth, without, with_, comparison)


def drawn(line):
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


@pytest.fixture(scope="module")
def truth():
    return torch.as_tensor(digits(9))


@pytest.fixture(scope="module")
def page_file(tmp_path_factory, truth):
    path = tmp_path_factory.mktemp("page") / "report.html"
    settings = [Setting("threshold", "-0.1", "arXiv 2602.08723, C.1"),
                Setting("<b>x</b>", "a & b", "here\x1b[31m")]  # fmt: skip
    pairs = [a_pair(truth, seed) for seed in (3, 4)]
    write_report(path, title="Digits <script>1</script>", settings=settings, pairs=pairs)
    return pairs, path


def test_the_page_in_a_browser(browser, page_file):
    pairs, path = page_file
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
        for row, pair in zip(rows[1::2], pairs, strict=True):
            c = pair.comparison
            assert f"{c.wins} / {c.losses}" in row
            assert "2.5" in row
        ink = page.evaluate("getComputedStyle(document.body).color")
        axis = page.eval_on_selector("svg text", "t => getComputedStyle(t).fill")
        assert (ink == "rgb(28, 29, 32)") == (scheme == "light")
        assert axis != "rgb(0, 0, 0)"
        context.close()


def test_the_page_says_what_was_measured_and_is_escaped(page_file):
    pairs, path = page_file
    page = path.read_text(encoding="utf-8")
    wins = sum(pair.comparison.wins for pair in pairs)
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
    pairs = [a_pair(truth[:5], seed, metric, near=3.0) for seed in range(3)]
    wins = sum(pair.comparison.wins for pair in pairs)
    losses = sum(pair.comparison.losses for pair in pairs)
    assert losses > wins
    write_report(tmp_path / "r.html", title="t", settings=[], pairs=pairs)
    page = (tmp_path / "r.html").read_text()
    assert '<p class="badge worse">Splitting made it worse</p>' in page
    assert f"Splitting improved {wins} of 15 true samples" in page
    assert "Gaussian window 3 x 3" in page
    assert "None were recorded." in page


def test_samples_without_partner_and_vectors(tmp_path, truth):
    lonely = a_pair(truth, metric=cosine(), matching="one-to-one", symmetry="sign")
    write_report(tmp_path / "r.html", title="t", settings=[], pairs=[lonely])
    page = (tmp_path / "r.html").read_text()
    assert page.count("no partner") == 4
    assert page.count('alt="True sample') == 9
    write_report(tmp_path / "r.html", title="t", settings=[], pairs=[a_pair(truth[:, :15])])
    page = (tmp_path / "r.html").read_text()
    assert "Heat maps of candidates" in page
    assert "<img" not in page
    diverged = a_run("with", torch.full((3, 64), torch.nan).double())
    c = compare_runs(truth, diverged, diverged, l2())
    pair = Pair(truth, diverged, diverged, c)
    write_report(tmp_path / "r.html", title="t", settings=[], pairs=[pair])
    assert "No true sample has a partner." in (tmp_path / "r.html").read_text()


def test_one_page_holds_one_metric(tmp_path, truth):
    with pytest.raises(ValueError, match="pairs: found the metrics"):
        write_report(tmp_path / "r.html", title="t", settings=[],
                     pairs=[a_pair(truth), a_pair(truth, 1, ncc((8, 8)))])  # fmt: skip
    with pytest.raises(ValueError, match="pass one or more pairs"):
        write_report(tmp_path / "r.html", title="t", settings=[], pairs=[])
    assert list(tmp_path.iterdir()) == []


def test_a_report_replaces_the_old_one_or_leaves_it(tmp_path, truth, monkeypatch):
    path = tmp_path / "r.html"
    path.write_text("old")
    with pytest.raises(ValueError, match="image_shape"):
        write_report(path, title="t", settings=[], pairs=[a_pair(truth)], shape=(3, 3))
    assert path.read_text() == "old"


def test_the_partners_are_drawn_turned_towards_the_truth(truth):
    pair = a_pair(truth)
    flipped = replace(pair.with_, x=-2 * pair.with_.x)
    c = compare_runs(truth, pair.without, flipped, l2(), symmetry="line")
    assert c.after.values.max() < pair.comparison.after.values.max()
    for i, (_, after, x) in enumerate(
        shown_samples(truth, pair.without, flipped, c, list(range(9)))
    ):
        assert after is not None
        np.testing.assert_array_equal(x, truth[i])
        assert np.linalg.norm(after - x) == pytest.approx(c.after.values[i])


def test_the_grid_shows_the_chosen_samples(truth):
    pair = a_pair(truth)
    figure = image_grid(truth, pair.without, pair.with_, pair.comparison, (8, 8), count=4)
    panels = figure.axes
    assert len(panels) == 12
    chosen = top_samples(pair.comparison, 4)
    for column, i in enumerate(chosen):
        shown = np.asarray(panels[8 + column].images[0].get_array())
        x = truth[i].reshape(8, 8).numpy()
        np.testing.assert_allclose(shown, (x - x.min()) / np.ptp(x))
    values = [float(axes.get_xlabel()) for axes in panels[:8]]
    expected = [m.values[chosen] for m in (pair.comparison.before, pair.comparison.after)]
    np.testing.assert_allclose(values, np.concatenate(expected), rtol=5e-3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    assert matplotlib.image.imread(io.BytesIO(buffer.getvalue())).std() > 0.1


def test_the_scatter_holds_every_sample(truth):
    pairs = [a_pair(truth, seed) for seed in range(3)]
    lines = scatter_figure([pair.comparison for pair in pairs]).axes[0].lines
    assert sum(len(drawn(line)[0]) for line in lines[:-1]) == 27
    better = next(line for line in lines if str(line.get_label()).startswith("better"))
    before, after = drawn(better)
    assert (after < before).all()
    assert len(before) == sum(pair.comparison.wins for pair in pairs)


def test_the_curves_mark_splits_and_merges(truth):
    pair = a_pair(truth)
    loss, metric = curves_figure(pair.without, pair.with_, "L2").axes
    np.testing.assert_array_equal(drawn(loss.lines[0])[1], pair.without.losses)
    marks = sorted(drawn(line)[0][0] for line in loss.lines[2:])
    assert marks == [1000, 2000, 3000]
    np.testing.assert_allclose(drawn(metric.lines[1])[1], pair.with_.metric.mean(1))
    blind = replace(pair.with_, metric_steps=np.zeros(0, np.int64), metric=np.zeros((0, 0)))
    assert len(curves_figure(blind, blind, "L2").axes) == 1
    assert trajectories_figure(blind, blind, [0], "L2") is None


def test_the_trajectories_are_those_of_the_chosen_samples(truth):
    pair = a_pair(truth)
    figure = trajectories_figure(pair.without, pair.with_, [4, 0, 8], "cost in $")
    assert figure is not None
    np.testing.assert_array_equal(drawn(figure.axes[1].lines[1])[1], pair.with_.metric[:, 0])
    assert [axes.get_title() for axes in figure.axes[:3]] == [
        "true sample 5", "true sample 1", "true sample 9",
    ]  # fmt: skip
    figure.savefig(io.BytesIO(), format="svg")
