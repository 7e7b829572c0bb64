"""Fewer candidates than samples: the planted targets, both runs, and what is known already."""

import torch

from attack.descent.objective import loss
from attack.experiments.planted import planted
from attack.experiments.undersized import compare_undersized, run_undersized


def test_an_undersized_set_finds_all_samples_only_with_splitting():
    result = run_undersized(0, 6, "cubic").record()
    assert result["k_start"] == 2
    assert result["with"]["found"] == 6
    assert result["with"]["k_final"] == 6
    assert result["with"]["loss_ratio"] <= 1e-10
    assert result["without"]["found"] <= 1
    assert result["without"]["loss_ratio"] > 1e-3


def test_the_target_of_the_experiment_is_exact():
    for name in ("cubic", "softplus", "softplus without biases"):
        task = planted(4, 5, name)
        size = sum(float(t.square().sum()) for t in task.map.target)
        assert float(loss(task.map, task.samples, task.weights)) < 1e-28 * size


def test_without_biases_softplus_leaves_two_more_candidates_and_any_reflection():
    task = planted(0, 6, "softplus without biases")
    y = (task.weights[:2, None] * task.samples[:2]).sum(0, keepdim=True)
    reflected = torch.cat([-task.samples[:2], task.samples[2:], y, -y])
    weights = torch.cat([task.weights, y.norm(dim=1), -y.norm(dim=1)])
    size = sum(float(t.square().sum()) for t in task.map.target)
    assert float(loss(task.map, reflected, weights)) < 1e-28 * size


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
