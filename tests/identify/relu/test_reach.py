"""How far samples can go: against vertices, in the plane, and just beyond the boundary."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from relu_cases import planar, point_of, torch_conditions

from identify.relu.ambiguity import relu_witness
from identify.relu.enclosure import bounding_box
from identify.relu.reach import farthest


@pytest.mark.parametrize("instance", [(4, 0), (5, 1), (9, 2), (12, 3), (5, 4), (9, 5)])
def test_the_reach_is_sharp(instance):
    point = point_of(instance)
    for i in range(len(point.x)):
        witness = relu_witness(point.layers, point.x, point.b, index=i, distance="largest")
        (split,) = witness.splits
        if witness.unbounded:
            assert relu_witness(
                point.layers, point.x, point.b, index=i, direction=split.direction, distance=1e5
            )
            continue
        assert split.reach.upper <= split.reach.lower * (1 + 1e-5)
        assert split.forth == pytest.approx(split.reach.lower, rel=1e-5)
        beyond = relu_witness(
            point.layers, point.x, point.b, index=i, distance=split.reach.upper * 1.001
        )
        assert beyond is None
        step = split.reach.lower * 1.001 * split.direction
        across = torch_conditions(point.layers, (point.x[i] + step)[None], point.b[:1])[3]
        assert (across != torch_conditions(point.layers, point.x[i][None], point.b[:1])[3]).any()


def test_exact_reaches_in_the_plane():
    rows = [[1.0, 0.0], [-0.6, 0.8], [-0.6, -0.8]]
    closed = planar(rows, [1, -1, -1])
    (split,) = relu_witness(*closed, index=0, distance="largest").splits
    assert split.reach.lower == pytest.approx(0.75, rel=1e-12)
    assert split.reach.upper == pytest.approx(0.75, rel=1e-6)
    assert relu_witness(*closed, index=0, distance=0.76) is None
    one_sided = planar(rows[:2], [1, -1])
    witness = relu_witness(*one_sided, index=0, distance=1e6)
    assert witness.unbounded
    np.testing.assert_allclose(witness.x[0], [1, -1e6])
    assert 0 < witness.x[1, 1] < 0.75
    upwards = relu_witness(*one_sided, index=0, direction=[0, 1], distance="largest")
    assert upwards.splits[0].reach.upper == pytest.approx(0.75, rel=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_farthest_point_is_the_farthest_vertex(k, seed):
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((4 * k, k))
    B = np.concatenate([B, -B.sum(axis=0)[None]])
    B /= np.linalg.norm(B, axis=1)[:, None]
    s = rng.uniform(0.1, 1, len(B))
    vertices = [np.linalg.solve(B[list(c)], -s[list(c)]) for c in combinations(range(len(B)), k)]
    exact = max(np.linalg.norm(w) for w in vertices if (B @ w + s > -1e-9).all())
    found = farthest(B, s, rng)
    assert found.lower == pytest.approx(exact, rel=1e-9)
    assert exact * (1 - 1e-12) <= found.upper <= exact * (1 + 1e-5)
    assert farthest(B, s, rng, programs=0).upper >= exact * (1 - 1e-12)
    low, high, _ = bounding_box(B, s)
    feasible = np.array([w for w in vertices if (B @ w + s > -1e-9).all()])
    np.testing.assert_allclose(low, feasible.min(axis=0), atol=1e-9)
    np.testing.assert_allclose(high, feasible.max(axis=0), atol=1e-9)


def test_upper_end_stays_above_in_a_ball_and_open_cones_are_found():
    rng = np.random.default_rng(0)
    B = rng.standard_normal((40, 9))
    B /= np.linalg.norm(B, axis=1)[:, None]
    B[:, 0] = np.abs(B[:, 0])
    assert farthest(B, np.ones(40), rng).unbounded  # e_1 is in the cone
    B = np.concatenate([B, [-np.eye(9)[0]]])
    found = farthest(B, np.ones(41), rng, programs=20)
    assert found.lower <= found.upper < np.inf
    assert found.lower >= max(farthest(B, np.ones(41), rng, programs=None).lower * 0.8, 1)


@pytest.mark.parametrize("seed", range(4))
def test_later_layers_bound_the_region_too(seed):
    rng = np.random.default_rng(seed)
    shapes = [(12, 3), (10, 12), (10, 10), (1, 10)]
    layers = [(rng.standard_normal(s) / 2, rng.standard_normal(s[0]) / 4) for s in shapes]
    x = rng.standard_normal((1, 3))
    output = torch_conditions(layers, x, np.ones(1))[2]
    witness = relu_witness(layers, x, np.sign(output), margin=abs(output[0]), distance="largest")
    (split,) = witness.splits
    assert not witness.unbounded
    assert split.reach.upper <= split.reach.lower * (1 + 1e-5)
    circle = np.linspace(0, 2 * np.pi, 721)
    gradient = torch.tensor(x, requires_grad=True)
    h = gradient
    for W, c in layers[:-1]:
        h = torch.relu(torch.nn.functional.linear(h, torch.tensor(W), torch.tensor(c)))
    (h @ torch.tensor(layers[-1][0][0])).sum().backward()
    plane = np.linalg.svd(gradient.grad.numpy())[2][1:]
    home = torch_conditions(layers, x, np.ones(1))[3]
    far = split.reach.upper * 1.001 * np.column_stack([np.cos(circle), np.sin(circle)]) @ plane
    outside = torch_conditions(layers, x + far, np.ones(721))[3]
    assert (outside != home).any(axis=1).all()
    inside = torch_conditions(layers, x + split.forth * split.direction, np.ones(1))[3]
    assert (inside == home).all()
