"""Benchmarks that measure another code path than the library's: it takes the same steps."""

import sys
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import haim_full
from attack_twins import problem

from attack.descent.iterate import Iterate
from attack.descent.optimisers import descend_block
from attack.maps.objectives import kkt
from attack.maps.scaled import ScaledMap
from attack.network.activations import ReLU


def test_the_steps_of_the_captured_descent_are_those_of_the_library():
    p = problem(4, "cpu")
    descent = haim_full.Descent(p)
    for _ in range(3):
        descent.step()
    f = ScaledMap(kkt(p.theta, ReLU(haim_full.SHARPNESS), p.y), 1 / 4)
    config = replace(haim_full.CONFIG, candidates=4)
    ours = descend_block(lambda _: f, Iterate(p.x, p.weights), config, 0, 3)
    torch.testing.assert_close(descent.x.detach(), ours.x, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(descent.weights.detach(), ours.weights, rtol=1e-12, atol=1e-14)
    assert float((ours.x - p.x).abs().max()) > 1e-6
