"""identify.checkpoints.membership: no false answer, on real trainings and against adversaries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import training_runs
from membership import DIGITS, ENTROPY, OPEN, candidates, judge
from training_runs import Recipe, train

from identify.checkpoints.judging import CANNOT_TELL, MEMBER, NOT_A_MEMBER
from identify.checkpoints.membership import membership


def answers(recipe, x=None):
    run = train(recipe)
    found = membership(run.records if x is None else x, run.trained, run.initial)
    return run, np.array(found.answers), found


@pytest.mark.parametrize("recipe", [*DIGITS[:8], replace(ENTROPY, data="patches", momentum=0.9)])
def test_every_member_is_found_and_no_answer_is_false(recipe):
    figures = judge(replace(recipe, seed=11))
    assert figures["candidates"] >= 500
    assert figures["found"] == figures["members"]
    assert figures["false_member"] == figures["false_not"] == 0
    assert figures["excluded"] > 0.8 * (figures["candidates"] - 4 * figures["members"])


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("recipe", OPEN[:4])
def test_where_there_is_no_gap_nothing_is_told(recipe, seed):
    figures = judge(replace(recipe, seed=seed))
    assert figures["open_members"] == figures["members"]
    assert figures["false_member"] == figures["excluded"] == 0


def test_other_initial_weights_tell_nothing():
    figures = judge(Recipe(seed=2), wrong_start=True)
    assert figures["open_members"] == figures["members"]
    assert figures["false_member"] == figures["excluded"] == 0


@pytest.mark.parametrize("difference", [0.1, 0.03, 0.01, 0.001])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_near_duplicates_within_the_training_set(difference, activation, monkeypatch):
    plain = training_runs.records

    def paired(data, seed):
        x, labels = plain(data, seed)
        z = np.random.default_rng(5).standard_normal((10, x.shape[1])) * (x.std(axis=0) > 0)
        z *= difference * np.linalg.norm(x[:10], axis=1, keepdims=True)
        x[10:20] = x[:10] + z / np.linalg.norm(z, axis=1, keepdims=True)
        labels[10:20] = labels[:10]
        return x, labels

    monkeypatch.setattr(training_runs, "records", paired)
    run, found, _ = answers(Recipe(activation=activation, seed=3))
    assert not np.any(found[run.members] == NOT_A_MEMBER)
    assert not np.any(found[~run.members] == MEMBER)


def test_records_of_a_subspace_prove_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    low = rng.standard_normal((700, 30)) @ rng.standard_normal((30, 100)) / 10
    monkeypatch.setattr(training_runs, "records", lambda *_: (low, np.arange(700.0) % 10))
    run, found, result = answers(Recipe(n=60))
    assert result.change.rank == 30  # that of the subspace
    assert np.all(found[: len(run.records)] == CANNOT_TELL)
    assert any("depend linearly" in reason for reason in result.reasons)


def test_members_and_their_mixture_cannot_be_told_apart():
    run = train(Recipe(seed=4))
    mixture = run.records[:2].mean(axis=0)
    x = np.vstack([run.records[:300], mixture])
    found = membership(x, run.trained, run.initial)
    assert [found.answers[k] for k in (0, 1, 300)] == [CANNOT_TELL] * 3
    assert found.answers[2:20] == (MEMBER,) * 18
    assert set(found.answers[20:300]) == {NOT_A_MEMBER}


def test_without_a_record_outside_no_member_is_named():
    run = train(Recipe(seed=5))
    alone = membership(run.records[:5], run.trained, run.initial)
    assert set(alone.answers) == {CANNOT_TELL}
    assert any("known not to be members" in reason for reason in alone.reasons)
    controlled = membership(run.records[[0, 1, 100, 101]], run.trained, run.initial)
    assert controlled.answers == (MEMBER, MEMBER, NOT_A_MEMBER, NOT_A_MEMBER)


def test_copies_are_members_twice_and_order_does_not_matter():
    run = train(Recipe(seed=6))
    x = run.records[[100, 3, 3, 200, 0]]
    found = membership(x, run.trained, run.initial)
    assert found.answers == (NOT_A_MEMBER, MEMBER, MEMBER, NOT_A_MEMBER, MEMBER)


def test_thresholds_follow_the_noise():
    run, _, found = answers(Recipe(seed=7))
    ratio = found.distance[run.members] / found.threshold[run.members]
    assert 0.02 < np.median(ratio) < 0.5
    assert ratio.max() < 0.8  # the threshold is five times the size that the noise predicts
    assert np.all(found.chance[run.members] < 1e-3)


def test_zero_and_unfit_candidates():
    run = train(Recipe(seed=8, bias=False))
    x = np.vstack([np.zeros(64), run.records[:100]])
    assert membership(x, run.trained, run.initial).answers[0] == CANNOT_TELL
    with pytest.raises(ValueError, match=r"candidates: found shape \(3, 5\); pass \(k, 64\)"):
        membership(np.ones((3, 5)), run.trained, run.initial)
    with pytest.raises(ValueError, match="not finite"):
        membership(np.full((1, 64), np.nan), run.trained, run.initial)


def test_mixtures_with_others_are_candidates_of_the_benchmark():
    run = train(Recipe(steps=0))
    x, used = candidates(run, 0)
    assert len(x) == 1797 + 4 * 20
    assert used.sum() == 20
