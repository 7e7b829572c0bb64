"""ReLU: samples taken apart for every KKT point, judged by torch, by enumeration and exactly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from relu_cases import (
    INSTANCES,
    SHAPES,
    assert_kkt,
    hausdorff,
    planar,
    point_of,
    torch_conditions,
)
from scipy.optimize import nnls
from sklearn.datasets import load_digits

from identify.relu.ambiguity import relu_witness
from identify.relu.conditions import evaluate_conditions
from identify.relu.merging import relu_merge
from identify.relu.points import synthesize_relu_kkt
from proofs_check.exact.relu_network import CLASSES, DEEP, SINGLE


def floats(point):
    layers = [(np.array(W, dtype=float), None) for W in point.layers]
    b = np.array(point.y, dtype=float) * np.array(point.lam, dtype=float)
    return layers, np.array(point.x, dtype=float), b


@pytest.mark.parametrize("instance", INSTANCES)
def test_every_instance_has_a_witness(instance):
    point = point_of(instance)
    gates = assert_kkt(point.layers, point.x, point.b, 1e-8)
    for distance in (None, "largest"):
        witness = relu_witness(point.layers, point.x, point.b, distance=distance, seed=1)
        (split,) = witness.splits
        new = assert_kkt(point.layers, witness.x, witness.b, 1e-8)
        assert (new[:2] == gates[split.index]).all()
        assert witness.same_pattern
        assert witness.verified
        assert (witness.b * witness.labels > 0).all()
        assert sorted(witness.labels[1:].tolist()) == sorted(point.labels.tolist())
        assert witness.b.sum() == pytest.approx(point.b.sum(), abs=1e-9)
        assert witness.distance == pytest.approx(hausdorff(witness.x, point.x))
        assert witness.distance > 1e-3
        pairs = [np.linalg.norm(u - v) for u in witness.x for v in point.x]
        assert witness.apart == pytest.approx(min(pairs), abs=1e-12)
        assert split.forth <= split.reach.lower <= split.reach.upper
        assert split.forth == pytest.approx(np.linalg.norm(witness.x[0] - point.x[split.index]))


@pytest.mark.parametrize("instance", [i for i in INSTANCES if SHAPES[i[0]][1] < SHAPES[i[0]][0][0]])
def test_samples_that_do_not_span_are_moved_by_any_distance(instance):
    point = point_of(instance)
    size = np.linalg.norm(point.x, axis=1).max()
    for distance in (1.0, 1e2, 1e4, 1e6):
        witness = relu_witness(point.layers, point.x, point.b, index="every", distance=distance)
        assert witness.unbounded
        assert witness.moved == pytest.approx(distance, rel=1e-9)
        assert_kkt(point.layers, witness.x, witness.b, 1e-8)
        assert len(witness.x) == 2 * len(point.x)
        far = [split.forth for split in witness.splits]
        np.testing.assert_allclose(far, distance)
        if SHAPES[instance[0]][2]:
            continue
        assert witness.apart >= distance - 2 * size  # the whole set is far from the whole set
        orthogonal = np.linalg.svd(point.x)[2][-1]
        across = relu_witness(
            point.layers, point.x, point.b, index="every", direction=orthogonal, distance=distance
        )
        assert across.apart >= distance * (1 - 1e-9)
        assert all(np.isinf(split.reach.lower) for split in across.splits)


@pytest.mark.parametrize("point", [SINGLE, CLASSES, DEEP])
def test_the_exact_points_of_the_ledger(point):
    layers, x, b = floats(point)
    assert evaluate_conditions(layers, x, b, np.sign(b)).stationarity < 1e-15
    for i in range(len(x)):
        witness = relu_witness(layers, x, b, index=i, distance=1e3)
        assert witness.unbounded
        assert_kkt(layers, witness.x, witness.b, 1e-8)


def test_no_witness_where_a_sample_cannot_move():
    line = synthesize_relu_kkt((1, 4), 2, seed=3)
    assert relu_witness(line.layers, line.x, line.b) is None
    assert relu_witness(line.layers, line.x, line.b, index=0, distance=1e-9) is None
    corner = planar([[1.0, 0.0], [0.0, 1.0]], [1, -1])  # each neuron is 0 at the other sample
    assert_kkt(*corner, 1e-15)
    assert relu_witness(*corner) is None
    assert relu_witness(*corner, index=1) is None
    assert relu_merge(*corner) is None
    assert relu_witness(*planar([[1.0, 0.0], [-0.6, 0.8]], [1, -1])) is not None
    frame = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    layers, x, b = planar(frame[:2], [1, -1])  # rounding apart, zeros again: one way is left
    witness = relu_witness(layers, x, b, distance=5.0)
    np.testing.assert_allclose(np.abs(witness.splits[0].direction @ frame.T), [0, 0, 1], atol=1e-12)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_any_network_keeps_its_residual(seed, biased):
    rng = np.random.default_rng(seed)
    widths = [6, 9, 8, 7, 1]
    layers = [
        (
            rng.standard_normal((m, d)) / np.sqrt(d),
            rng.standard_normal(m) / 3 if biased and m > 1 else None,
        )
        for d, m in pairwise(widths)
    ]
    x = rng.standard_normal((4, 6))
    b = np.sign(torch_conditions(layers, x, np.ones(4))[2]) * rng.uniform(0.5, 2, 4)
    before = torch_conditions(layers, x, b)
    witness = relu_witness(layers, x, b, index="every", margin=float(before[2].min()))
    after = torch_conditions(layers, witness.x, witness.b)
    np.testing.assert_allclose(after[0], before[0], atol=1e-10 * np.linalg.norm(before[0]))
    np.testing.assert_allclose(after[2], np.repeat(before[2], 2), rtol=1e-9)
    assert (after[3] == np.repeat(before[3], 2, axis=0)).all()
    residual = np.linalg.norm(before[1] - before[0]) / np.linalg.norm(before[1])
    assert witness.given.stationarity == pytest.approx(residual, rel=1e-10)
    assert witness.conditions.slackness == pytest.approx(witness.given.slackness, rel=1e-8)


def test_digits():
    images, digits = load_digits(return_X_y=True)
    x = (images - images.mean(axis=0))[:12] / 16
    y = np.where(digits[:12] % 2, 1.0, -1.0)
    torch.manual_seed(0)
    W = torch.randn(200, 64, dtype=torch.float64) * 0.02
    a = torch.randn(1, 200, dtype=torch.float64) * 0.05
    for p in (W, a):
        p.requires_grad_()
    samples, labels = torch.tensor(x), torch.tensor(y)
    for _ in range(500):
        margins = labels * (torch.relu(samples @ W.T) @ a.T)[:, 0]
        loss = torch.logsumexp(-margins, dim=0)
        for p, g in zip((W, a), torch.autograd.grad(loss, (W, a)), strict=True):
            p.data -= 0.1 * g / torch.linalg.norm(a.detach())
    layers = [(W.detach().numpy(), None), (a.detach().numpy(), None)]
    columns = [torch_conditions(layers, x[i : i + 1], y[i : i + 1])[0] for i in range(12)]
    theta = torch_conditions(layers, x[:1], y[:1])[1]
    lam, _ = nnls(np.array(columns).T, theta)
    used = lam > 0
    margin = float(torch_conditions(layers, x, y)[2].min())
    direction = np.random.default_rng(0).standard_normal(64)
    for options in ({"index": 0}, {"index": "every", "direction": direction}):
        witness = relu_witness(layers, x[used], (lam * y)[used], margin=margin, **options)
        assert witness.conditions.stationarity <= witness.given.stationarity + 1e-8
        assert witness.given.stationarity > 1e-3
        assert witness.distance > 0.01
