"""verify_network on plain torch trainings and at the edge of its hypotheses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from planted_relu import planted
from relu_soundness import FAMILIES, PLAIN, SINGLE, Change
from relu_victims import ReluRecipe, recovered, samples_of, train_relu

from identify import Verdict, verify_identifiability, verify_network
from identify.__main__ import run_identify
from identify.training import NOT_SO, Training

DECAY = replace(SINGLE, momentum=0.9, rate=0.02, decay=5e-4, seed=11)


@pytest.fixture(scope="module")
def victim():
    return train_relu(DECAY)


@pytest.mark.parametrize("recipe", [PLAIN, replace(PLAIN, depth=4, seed=2), DECAY])
def test_all_samples_come_back_within_their_bounds(recipe):
    row = recovered(train_relu(recipe))
    assert row["verdict"] == "GLOBALLY_IDENTIFIABLE"
    assert row["found"] == row["claimed"] == row["n"] == 10
    assert row["false"] == row["exceeded"] == 0


def test_a_bias_fixes_the_norms(victim):
    report = verify_network(victim.trained, victim.initial)
    assert report.recovery.norm_known
    distance = np.linalg.norm(report.recovery.x[:, None] - victim.x, axis=2).min(axis=1)
    assert np.all(distance <= report.recovery.error_bound)
    assert "SGD" in report.hypotheses[0]
    assert np.array_equal(
        verify_network(victim.trained, victim.initial).recovery.x, report.recovery.x
    )


def test_without_a_bias_norms_are_said_to_be_unknown():
    X, initial, trained, _ = planted()
    report = verify_identifiability(
        trained["2.weight"],
        trained["0.weight"],
        activation="relu",
        init=(initial["2.weight"], initial["0.weight"]),
    )
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    assert not report.recovery.norm_known
    np.testing.assert_allclose(np.linalg.norm(report.recovery.x, axis=1), 1)
    assert "factor" in report.recovery.equivalences[1]
    cosines = report.recovery.x @ (X / np.linalg.norm(X, axis=1, keepdims=True)).T
    assert cosines.max(axis=1).min() > 1 - 1e-12


UNREADABLE = {
    "adam": "no gap",
    "wrong initial weights": "no gap",
    "stored as bfloat16": "",
    "float64, few neurons": "",
    "near-duplicates 1e-06": "",
    "antipodal samples": "",
    "dependent samples": "",
}


@pytest.mark.parametrize("family", UNREADABLE)
def test_nothing_is_claimed_where_it_cannot_be_known(family):
    recipe, change, wrong = FAMILIES[family]
    row = _row(replace(recipe, seed=5), change, wrong)
    assert row["verdict"] == "UNDECIDED"
    assert row["claimed"] == row["false"] == 0
    assert UNREADABLE[family] in str(row.get("reason", UNREADABLE[family]))


@pytest.mark.parametrize("eps", ["0.1", "0.01"])
def test_near_duplicates_void_no_claim_on_others(eps):
    recipe, change, _ = FAMILIES[f"near-duplicates {eps}"]
    row = _row(replace(recipe, seed=5), change, "")
    assert row["verdict"] == "PARTIALLY_IDENTIFIABLE"
    assert row["claimed"] >= 4  # three pairs, and four samples unlike any other
    assert row["found"] >= 4
    assert row["false"] == row["exceeded"] == 0


def _row(recipe: ReluRecipe, change: Change | None, wrong: str):
    from relu_soundness import spoilt

    x = samples_of(recipe)
    x = x if change is None else change(x, np.random.default_rng(recipe.seed))
    return recovered(spoilt(train_relu(recipe, x), recipe, x, wrong))


def test_copied_samples_are_one_sample():
    recipe, change, _ = FAMILIES["copied samples"]
    row = _row(recipe, change, "")
    assert row["claimed"] == row["found"] == 8
    assert row["false"] == row["exceeded"] == 0


def test_a_number_of_samples_that_the_gap_contradicts_decides_nothing(victim):
    report = verify_network(victim.trained, victim.initial, n_samples=11)
    assert report.verdict is Verdict.UNDECIDED
    assert report.recovery is None
    assert "11 samples were stated" in report.reasons[-1]


def test_unusable_arguments_are_named(victim):
    one = {"0.weight": torch.zeros(3, 2)}
    with pytest.raises(ValueError, match="trained: found 1 linear layer; pass"):
        verify_network(one, one)
    _, initial, trained, _ = planted()
    a, W = trained["2.weight"], trained["0.weight"]
    with pytest.raises(ValueError, match="activation: found 'relu' without an initial"):
        verify_identifiability(a, W, activation="relu")
    known = (initial["2.weight"], initial["0.weight"])
    with pytest.raises(ValueError, match="unit_norm: found True"):
        verify_identifiability(a, W, activation="relu", init=known, unit_norm=True)
    with pytest.raises(ValueError, match="seed: found -1"):
        verify_network(victim.trained, victim.initial, seed=-1)


TRUTH = Training("cross-entropy", 0.02, 0.9, 5e-4, None, 5)
FALSE = {
    "loss": (replace(PLAIN, seed=3), Training("cross-entropy"), "needs two outputs"),
    "count": (DECAY, Training(steps=1, batch=5), "5 samples at the most; 10 stand"),
    "decay": (DECAY, Training(weight_decay=0.0), "the weights show 0.9"),
    "optimiser": (
        replace(FAMILIES["adam"][0], seed=5),
        Training(rate=1e-3, momentum=0.0, targets=[1.0] * 10),
        "the 10 samples stated",
    ),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_training_stated_falsely_is_named(name):
    recipe, training, words = FALSE[name]
    net = train_relu(recipe)
    report = verify_network(net.trained, net.initial, training=training)
    assert report.reasons[-1].endswith(NOT_SO)
    assert words in report.reasons[-1]


def test_the_truth_is_not_contradicted_and_another_loss_is(victim):
    report = verify_network(victim.trained, victim.initial, training=TRUTH)
    assert report.verdict is Verdict.GLOBALLY_IDENTIFIABLE
    assert not any(NOT_SO in reason for reason in report.reasons)
    squared = {name: value.clone() for name, value in victim.trained.items()}
    squared["2.weight"][0] += 0.1 * (squared["2.weight"][0] - victim.initial["2.weight"][0])
    report = verify_network(squared, victim.initial, training=TRUTH)
    assert "add up to 0" in report.reasons[-1]
    with pytest.raises(ValueError, match="training: targets: found 3 of them, but n_samples=4"):
        verify_network(
            victim.trained, victim.initial, n_samples=4, training=Training(targets=[1, 2, 3])
        )


def test_the_command_reads_networks(victim, tmp_path, capsys):
    paths = [tmp_path / "trained.pt", tmp_path / "initial.pt"]
    for path, state in zip(paths, (victim.trained, victim.initial), strict=True):
        torch.save(state, path)
    command = ["verify", str(paths[0]), "--init", str(paths[1]), "--activation", "relu"]
    page = tmp_path / "page.html"
    assert run_identify([*command, "--html", str(page)]) == 0
    assert "GLOBALLY_IDENTIFIABLE" in capsys.readouterr().out
    assert "GLOBALLY_IDENTIFIABLE" in page.read_text(encoding="utf-8")
    assert run_identify([*command, "--training.weight-decay", "0"]) == 0
    assert "not trained as stated" in capsys.readouterr().out.replace("\n     ", " ")
    assert run_identify([*command, "--training.momentum", "1"]) == 2
    assert "training: momentum: found 1.0; pass a number from 0 on" in capsys.readouterr().err
    certificate = tmp_path / "certificate.json"
    assert run_identify([*command, "--certificate", str(certificate)]) == 0
    assert "up to their sign" in capsys.readouterr().out
    check = ["check", str(certificate), str(paths[0])]
    assert run_identify([*check, "--init", str(paths[1])]) == 0
    assert "Proved anew" in capsys.readouterr().out
    assert run_identify([*check, "--init", str(paths[0])]) == 2
    assert "SHA-256" in capsys.readouterr().err
    assert run_identify([*command, "--a", "out"]) == 2
    assert "--a: found 'out' beside --init" in capsys.readouterr().err
