"""Known initialisation: both base points are tried before anything is rejected."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import torch

from identify import Verdict, verify_identifiability
from identify.demo.training import train
from identify.equations.activation import parse_activation
from identify.equations.pose import pose
from identify.equations.weights import as_weights
from identify.tensor.base_point import best_base


def base_of(a, W, init, activation=3):
    sigma = parse_activation(activation)
    return best_base(pose(as_weights(a, W, init), sigma))[0].evaluations.base


def one_step(seed, activation=3):
    rng = np.random.default_rng(seed)
    x = cases.samples(rng, 4, 8)
    return cases.gradient_step(rng, x, cases.signed(rng, 4), activation, 80), x


@pytest.mark.parametrize("activation", [3, 4, [0, 1, 0, 1], [0.3, 0.5, -0.2, 1]])
def test_one_step_is_read_at_the_initial_weights(activation):
    case, _ = one_step(0, activation)
    assert base_of(case.a, case.W, case.options["init"], activation) == "initial"


def test_a_short_training_is_read_half_way():
    x = cases.samples(np.random.default_rng(1), 4, 8)
    net = train(x, np.array([1.0, -1, 1, -1]), 80, parse_activation(3), centred=True, goal=1e-6)
    assert base_of(net.a, net.W, (net.a0, net.W0)) == "midpoint"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["noise", "bfloat16"])
def test_noise_beside_the_model_is_no_reason_to_reject_it(seed, kind):
    case, x = one_step(seed)
    a, W = case.a, case.W
    if kind == "noise":
        rng = np.random.default_rng(100 + seed)
        a, W = (v + 1e-3 * np.std(v) * rng.standard_normal(v.shape) for v in (a, W))
    else:
        a, W = (torch.tensor(v).to(torch.bfloat16) for v in (a, W))
    report = verify_identifiability(a, W, init=case.options["init"], n_samples=4)
    assert report.verdict is not Verdict.MODEL_REJECTED
    if report.recovery is not None and len(report.recovery.x) == len(x):
        found = report.recovery.x / np.linalg.norm(report.recovery.x, axis=1, keepdims=True)
        assert np.abs(found @ x.T).max(axis=0).min() > 0.99


def test_the_base_point_named_is_the_one_used():
    case, _ = one_step(3)
    report = verify_identifiability(case.a, case.W, **case.options)
    assert "initial points" in report.reasons[0]
    assert "initial weights" in report.hypotheses[0]


def test_other_weights_are_rejected_from_both_base_points():
    rng = np.random.default_rng(7)
    case, _ = one_step(7)
    report = verify_identifiability(
        rng.standard_normal(80), rng.standard_normal((80, 8)), init=case.options["init"]
    )
    assert report.verdict is Verdict.MODEL_REJECTED
    said = str(report)
    assert "no evidence that the samples are safe" in said.replace("\n", " ")
    assert "Others remain" in said
    assert "nothing about" not in said


def test_the_other_base_point_keeps_the_units():
    """Weights of extreme size are scaled, and b with them, whichever base point is taken."""
    case, _ = one_step(0)
    ends = [np.ldexp(v, 80) for v in (case.a, case.W, *case.options["init"])]
    problem = pose(as_weights(*ends[:2], tuple(ends[2:])), parse_activation(3))
    other = problem.other()
    assert problem.scaled
    assert other is not None
    assert {problem.evaluations.base, other.evaluations.base} == {"initial", "midpoint"}
    assert other.log_b == problem.log_b != 0
    assert other.weights is problem.weights
