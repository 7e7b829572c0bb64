"""Comparisons: presets against their sources, records against the runs, commands, resumption."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from attack.__main__ import main
from attack.cli import commands
from attack.data.dataset import load
from attack.experiments.compare import (
    Place,
    against_truth,
    compare_preset,
    compare_undersized,
    settings_of,
    trial_record,
)
from attack.experiments.presets import FULL, SMALL, preset
from attack.experiments.report import write_report
from attack.maps.objectives import ntk
from attack.network.activations import softplus_schedule
from attack.victims.files import load_victim

TINY = replace(
    SMALL["loo"],
    samples=8,
    victim=replace(SMALL["loo"].victim, widths=(20,), steps=300),
    config=replace(
        SMALL["loo"].config,
        candidates=5,
        steps=120,
        block=20,
        splitting=replace(SMALL["loo"].config.splitting, every=40, threshold=-1e-8),
    ),
)
CPU = torch.device("cpu")


def silent(text, done, total):
    del text, done, total


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    return compare_preset(TINY, 1, Place(CPU, checkpoints=folder), silent), folder


def test_both_runs_start_alike_and_the_record_says_how_they_ended(tiny):
    trial, _ = tiny
    pair = trial.pair
    assert pair.without.losses[0] == pair.with_.losses[0]
    assert pair.with_.split_steps[0] == 40
    assert np.array_equal(pair.without.losses[:2], pair.with_.losses[:2])
    record, truth = trial_record(trial), load("digits", 8, seed=1).x
    best = [torch.cdist(truth, run.x).amin(1) for run in (pair.without, pair.with_)]
    assert record["wins"] == int((best[1] < best[0]).sum())
    assert record["losses"] == int((best[1] > best[0]).sum())
    assert record["mean_change"] == pytest.approx(float((best[1] - best[0]).mean()))
    assert record["with"]["mean"] == pytest.approx(float(best[1].mean()))
    assert record["with"]["k_final"] == len(pair.with_.x) > 5
    assert record["without"]["k_final"] == 5
    assert np.allclose(pair.with_.metric[-1], best[1])


def test_an_interrupted_comparison_goes_on_from_its_files(tiny):
    trial, folder = tiny
    assert {f.name for f in folder.glob("*.pt")} == {"with-1.pt", "without-1.pt"}
    seen = []
    again = compare_preset(TINY, 1, Place(CPU, checkpoints=folder), lambda *one: seen.append(one))
    assert seen == []
    assert torch.equal(again.pair.with_.x, trial.pair.with_.x)
    assert again.loss_at_truth == trial.loss_at_truth
    other = replace(TINY, victim=replace(TINY.victim, widths=(21,)))
    with pytest.raises(ValueError, match="another victim"):
        compare_preset(other, 1, Place(CPU, checkpoints=folder), silent)


def test_the_loss_at_the_truth_is_that_of_the_best_multipliers(tiny):
    trial, folder = tiny
    victim, x = load_victim(folder / "victim-1.safetensors"), load("digits", 8, seed=1).x
    f = ntk(victim.initial, victim.trained, softplus_schedule(TINY.config.steps))
    units = torch.eye(8, dtype=x.dtype)
    columns = torch.stack([torch.cat([t.flatten() for t in f.combine(x, e)]) for e in units], 1)
    target = torch.cat([t.flatten() for t in f.target])
    best = torch.linalg.lstsq(columns, target[:, None]).solution[:, 0]
    expected = float((target - columns @ best).square().sum())
    assert trial.loss_at_truth == pytest.approx(expected, rel=1e-6)
    words = against_truth([trial])
    below = int(trial.pair.with_.losses[-1] < expected)
    assert f"and {below} with it" in words


def test_every_setting_has_a_source_and_the_page_shows_them(tiny, tmp_path):
    trial, _ = tiny
    for scale in (SMALL, FULL):
        for one in scale.values():
            rows = settings_of(one)
            assert all(row.source for row in rows)
            names = [row.name for row in rows]
            for needed in ("victim: widths", "reconstruction: rate", "splitting: threshold"):
                assert needed in names
    page = tmp_path / "page.html"
    write_report(page, title=TINY.title, settings=settings_of(TINY), pairs=[trial.pair])
    assert "Kernel regime" in page.read_text()


def test_full_presets_are_the_published_sizes():
    assert [FULL[name].samples for name in ("loo", "haim", "buzaglo")] == [100, 500, 500]
    assert FULL["buzaglo"].classes == 10
    haim = preset("haim", "full")
    assert haim.victim.widths == (1000, 1000)
    assert haim.victim.steps == 1_000_000
    assert (haim.config.candidates, haim.config.steps) == (1000, 50_000)
    assert haim.config.splitting.threshold == -0.1


def test_undersized_records_and_what_is_known_is_not_run_again():
    records = list(compare_undersized(range(1), 1, {}, sizes=(4,)))
    assert [(r["map"], r["n"], r["seed"]) for r in records] == [
        (f"ntk, {name}", 4, seed) for name in ("cubic", "softplus") for seed in (0,)
    ]
    for record in records:
        assert record["k_start"] == 1
        assert record["with"]["found"] == record["with"]["k_final"] == 4
        assert record["with"]["loss_ratio"] < 1e-10
        assert record["without"]["found"] <= 1
        assert record["without"]["loss_ratio"] > 1e-6
        grown = record["with"]["splits"] + record["with"]["insertions"]
        assert record["k_start"] + grown - record["with"]["merges"] == 4
    known = {(r["map"], r["n"], r["seed"]): {"kept": True} for r in records}
    assert list(compare_undersized(range(1), 1, known, sizes=(4,))) == [{"kept": True}] * 2


def test_compare_on_the_command_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(SMALL, "loo", TINY)
    out, page = tmp_path / "out.json", tmp_path / "page.html"
    arguments = ["compare", "--preset", "loo", "--seeds", "2", "--json", str(out)]
    assert main([*arguments, "--html", str(page)]) == 0
    record = json.loads(out.read_text())
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert "L2" in record["metric"]
    shown = capsys.readouterr().out
    assert record["summary"][0] in shown
    assert page.stat().st_size > 10_000
    assert main(["compare", "--preset", "loo", "--seeds", "0"]) == 2
    assert "seeds: found 0" in capsys.readouterr().err


def test_undersized_on_the_command_line_goes_on_from_its_record(monkeypatch, tmp_path, capsys):
    out = tmp_path / "out.json"
    side = {"found": 8, "k_final": 8, "loss_ratio": 1e-20, "seconds": 1.0}

    def run(seeds, jobs, known):
        for seed in seeds:
            key = ("ntk, cubic", 8, seed)
            yield known.get(key) or {
                "map": key[0], "n": 8, "seed": seed, "k_start": 2, "with": side, "without": side,
                "first": not known,
            }  # fmt: skip

    monkeypatch.setattr(commands, "compare_undersized", run)
    assert main(["compare", "--seeds", "1", "--json", str(out)]) == 0
    assert main(["compare", "--seeds", "2", "--json", str(out)]) == 0
    assert [one["first"] for one in json.loads(out.read_text())["runs"]] == [True, False]
    shown = capsys.readouterr().out
    assert "2 of 2 runs" in shown
    assert f"1 of them were taken from {out}" in " ".join(shown.split())
    out.write_text("[1]")
    assert main(["compare", "--json", str(out)]) == 2
    assert "is no record of this comparison" in capsys.readouterr().err


def test_train_then_reconstruct_on_the_command_line(tmp_path, capsys):
    victim, out = tmp_path / "v.safetensors", tmp_path / "r.safetensors"
    train = ["train", "--samples", "6", "--widths", "20", "--steps", "200", "--out", str(victim)]
    assert main(train) == 0
    options = ["--steps", "40", "--candidates", "6", "--split", "--every", "20", "--truth"]
    kept = ["--checkpoint", str(tmp_path / "run.pt")]
    assert main(["reconstruct", str(victim), *options, *kept, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "of 6 found" in shown
    tensors, record = load_file(out), json.loads(out.with_suffix(".json").read_text())
    assert tensors["x"].shape == (len(tensors["weights"]), 64)
    assert record["history"][-1]["step"] == 40
    assert record["config"]["splitting"]["every"] == 20
    assert record["config"]["rate"] == 0.03052
    assert main(["reconstruct", str(tmp_path / "no.safetensors")]) == 2
    assert main(["reconstruct", str(victim), "--objective", "multiclass", "--steps", "2"]) == 2
    assert "1 output" in capsys.readouterr().err
