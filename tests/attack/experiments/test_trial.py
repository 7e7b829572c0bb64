"""Trials: presets against their sources, records against the runs, resumption."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from run_cases import TINY

from attack.data.dataset import load
from attack.experiments.comparison import event_steps
from attack.experiments.presets import FULL, SMALL, preset
from attack.experiments.records import record_of
from attack.experiments.report import write_report
from attack.experiments.settings import settings_of
from attack.experiments.summary import against_truth
from attack.experiments.trial import Place, run_trial
from attack.maps.objectives import ntk
from attack.network.activations import softplus_schedule
from attack.victims.files import load_victim

CPU = torch.device("cpu")


def silent(text, part):
    del text, part


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    return run_trial(TINY, 1, Place(CPU, checkpoints=folder), silent), folder


def test_both_runs_start_alike_and_the_record_says_how_they_ended(tiny):
    trial, _ = tiny
    before, after = ([r.loss for r in run.history] for run in (trial.without, trial.with_))
    assert before[0] == after[0]
    assert event_steps(trial.with_, "split")[0] == 40
    assert before[:2] == after[:2]
    record, truth = record_of(trial), load("digits", 8, seed=1).x
    best = [torch.cdist(truth, run.x).amin(1) for run in (trial.without, trial.with_)]
    assert record["wins"] == int((best[1] < best[0]).sum())
    assert record["losses"] == int((best[1] > best[0]).sum())
    assert record["mean_change"] == pytest.approx(float((best[1] - best[0]).mean()))
    assert record["with"]["mean"] == pytest.approx(float(best[1].mean()))
    assert record["with"]["k_final"] == len(trial.with_.x) > 5
    assert record["without"]["k_final"] == 5
    assert np.allclose(trial.with_.history[-1].metric, best[1])


def test_an_interrupted_comparison_goes_on_from_its_files(tiny):
    trial, folder = tiny
    assert {f.name for f in folder.glob("*.pt")} == {"with-1.pt", "without-1.pt"}
    seen = []
    again = run_trial(TINY, 1, Place(CPU, checkpoints=folder), lambda *one: seen.append(one))
    assert seen == []
    assert torch.equal(again.with_.x, trial.with_.x)
    assert again.loss_at_truth == trial.loss_at_truth
    other = replace(TINY, victim=replace(TINY.victim, widths=(21,)))
    with pytest.raises(ValueError, match="another victim"):
        run_trial(other, 1, Place(CPU, checkpoints=folder), silent)


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
    below = int(trial.with_.history[-1].loss < expected)
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
    write_report(page, title=TINY.title, settings=settings_of(TINY), comparisons=[trial])
    assert "Kernel regime" in page.read_text()


def test_full_presets_are_the_published_sizes():
    assert [FULL[name].samples for name in ("loo", "haim", "buzaglo")] == [100, 500, 500]
    assert FULL["buzaglo"].classes == 10
    haim = preset("haim", "full")
    assert haim.victim.widths == (1000, 1000)
    assert haim.victim.steps == 1_000_000
    assert (haim.config.candidates, haim.config.steps) == (1000, 50_000)
    assert haim.config.splitting.threshold == -0.1
