"""ReLU: a second sample set for every KKT point, judged by torch, by enumeration and exactly."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from sklearn.datasets import load_digits

from identify.relu.ambiguity import relu_merge, relu_witness
from identify.relu.conditions import evaluate_conditions
from identify.relu.points import synthesize_relu_kkt
from identify.relu.reach import bounding_box, farthest
from proofs_check.exact.relu_network import CLASSES, DEEP, SINGLE

SHAPES = [
    ((5, 8), 3, False),
    ((8, 14), 5, True),
    ((12, 20), 6, False),
    ((4, 12), 3, True),
    ((4, 16), 6, False),
    ((3, 8), 5, False),
    ((2, 6), 4, True),
    ((6, 10, 8), 4, False),
    ((9, 12, 6), 5, True),
    ((3, 8, 6), 4, False),
    ((4, 12, 8), 6, True),
    ((7, 8, 6, 6), 4, False),
    ((3, 9, 6, 5), 4, False),
]
INSTANCES = [(k, seed) for k in range(len(SHAPES)) for seed in range(8)]


def torch_conditions(layers, x, b):
    """(b.grad Phi, theta, y Phi, gates) by autograd."""
    theta = [
        (
            torch.tensor(W, dtype=torch.float64, requires_grad=True),
            None if c is None else torch.tensor(c, dtype=torch.float64, requires_grad=True),
        )
        for W, c in layers
    ]
    h, gates = torch.tensor(x, dtype=torch.float64), []
    for W, c in theta[:-1]:
        z = torch.nn.functional.linear(h, W, c)
        gates.append(z.detach().numpy() > 0)
        h = torch.relu(z)
    phi = torch.nn.functional.linear(h, *theta[-1])[:, 0]
    flat = [p for layer in theta for p in layer if p is not None]
    found = torch.autograd.grad(phi @ torch.tensor(b), flat)
    total = np.concatenate([g.numpy().ravel() for g in found])
    weights = np.concatenate([p.detach().numpy().ravel() for p in flat])
    return total, weights, np.sign(b) * phi.detach().numpy(), np.hstack(gates)


def assert_kkt(layers, x, b, tolerance):
    total, theta, margins, gates = torch_conditions(layers, x, b)
    assert np.linalg.norm(theta - total) <= tolerance * np.linalg.norm(theta)
    np.testing.assert_allclose(margins, 1, atol=tolerance)
    return gates


def point_of(instance):
    k, seed = instance
    widths, n, biased = SHAPES[k]
    return synthesize_relu_kkt(widths, n, biased=biased, seed=seed)


def hausdorff(x, y):
    apart = np.array([[np.linalg.norm(u - v) for v in y] for u in x])
    return max(apart.min(axis=0).max(), apart.min(axis=1).max())


def floats(point):
    layers = [(np.array(W, dtype=float), None) for W in point.layers]
    b = np.array(point.y, dtype=float) * np.array(point.lam, dtype=float)
    return layers, np.array(point.x, dtype=float), b


@pytest.mark.parametrize("instance", INSTANCES)
def test_points_are_kkt_points_clear_of_the_boundaries(instance):
    point = point_of(instance)
    (d, *hidden), n, biased = SHAPES[instance[0]]
    assert [W.shape for W, _ in point.layers] == list(zip([*hidden, 1], [d, *hidden], strict=True))
    assert (point.layers[0][1] is not None) == biased
    assert set(point.labels.tolist()) == {-1, 1}
    assert (point.b * point.labels > 0).all()
    assert np.linalg.matrix_rank(point.x) == min(n, d)
    assert_kkt(point.layers, point.x, point.b, 1e-12)
    W, c = point.layers[0]
    if biased:
        W = np.column_stack([W, c])
    x = point.x if not biased else np.column_stack([point.x, np.ones(n)])
    cosines = W @ x.T / np.outer(np.linalg.norm(W, axis=1), np.linalg.norm(x, axis=1))
    assert np.abs(cosines).min() > 1e-2 * (1 - 1e-9)


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


def planar(rows, signs):
    layers = [(np.array(rows), None), (np.array([signs], dtype=float), None)]
    return layers, np.array(rows), np.array(signs, dtype=float)


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


@pytest.mark.parametrize("instance", INSTANCES[::3])
def test_parts_can_be_merged_again(instance):
    point = point_of(instance)
    split = relu_witness(point.layers, point.x, point.b, seed=2)
    merged = relu_merge(point.layers, split.x, split.b, pair=(0, 1))
    back = split.splits[0].index
    np.testing.assert_allclose(merged.x[0], point.x[back], atol=1e-9)
    assert merged.replaced == (0, 1)
    assert len(merged.x) == len(point.x)
    assert_kkt(point.layers, merged.x, merged.b, 1e-8)
    assert merged.distance == pytest.approx(hausdorff(merged.x, split.x))


def test_merging_given_samples():
    merges = [(p, relu_merge(p.layers, p.x, p.b)) for p in map(point_of, INSTANCES[32:48])]
    found = [(p, m) for p, m in merges if m is not None]
    assert len(found) >= 8
    for p, merged in found:
        gates = torch_conditions(p.layers, p.x, p.b)[3]
        i, j = merged.replaced
        assert (gates[i] == gates[j]).all()
        assert p.labels[i] == p.labels[j]
        assert_kkt(p.layers, merged.x, merged.b, 1e-8)
        assert merged.distance > 0
    linear = [(np.array([[1.0, 0.0]]), None)]
    three = np.array([[1.0, 1.0], [-1.0, 9.0], [1.0, 2.0]])
    both = relu_merge(linear, three, np.array([0.5, -0.25, 0.75]))
    assert sorted(both.replaced) == [0, 2]
    np.testing.assert_allclose(both.x[0], [1.0, 1.6])
    apart = [p for p, m in merges if m is None]
    for p in apart:
        gates = torch_conditions(p.layers, p.x, p.b)[3]
        assert not any(
            (gates[i] == gates[j]).all() and p.labels[i] == p.labels[j]
            for i, j in combinations(range(len(p.x)), 2)
        )


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


POINT = synthesize_relu_kkt((4, 6), 3, seed=0)
L, X, B = POINT.layers, POINT.x, POINT.b
NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("layers", ([], X, B), {}),
        ("layers", (None, X, B), {}),
        (r"layers\[0\]", ([L[0][0], L[1]], X, B), {}),
        (r"layers\[1\]\[0\]", ([L[0], (np.ones((1, 5)), None)], X, B), {}),
        (r"layers\[0\]\[0\]", ([(L[0][0] * NAN, None), L[1]], X, B), {}),
        (r"layers\[0\]\[0\]", ([(L[0][0] + 1j, None), L[1]], X, B), {}),
        (r"layers\[0\]\[1\]", ([(L[0][0], np.ones(5)), L[1]], X, B), {}),
        ("layers: found 6 outputs", ([L[0]], X, B), {}),
        ("layers: found weights", ([(0 * W, c) for W, c in L], X, B), {}),
        ("x", (L, X[:, :3], B), {}),
        ("x", (L, X[0], B), {}),
        ("x", (L, X[:0], B[:0]), {}),
        ("x", (L, np.full((3, 4), NAN), B), {}),
        ("x", (L, [[1, 2], [3]], B), {}),
        ("x", (L, np.full((3, 4), "a"), B), {}),
        ("x", (L, 1e200 * X, B), {}),
        ("b", (L, X, B[:2]), {}),
        ("b", (L, X, 0 * B), {}),
        ("b", (L, X, B * NAN), {}),
        ("index", (L, X, B), {"index": 3}),
        ("index", (L, X, B), {"index": -1}),
        ("index", (L, X, B), {"index": True}),
        ("index", (L, X, B), {"index": "all"}),
        ("direction", (L, X, B), {"direction": np.zeros(4)}),
        ("direction", (L, X, B), {"direction": np.ones(3)}),
        ("direction", (L, X, B), {"direction": [1, 2, 3, NAN]}),
        ("distance", (L, X, B), {"distance": 0}),
        ("distance", (L, X, B), {"distance": -1.0}),
        ("distance", (L, X, B), {"distance": 1e300}),
        ("distance", (L, X, B), {"distance": NAN}),
        ("distance", (L, X, B), {"distance": "far"}),
        ("distance", (L, X, B), {"distance": True}),
        ("margin", (L, X, B), {"margin": 0.0}),
        ("margin", (L, X, B), {"margin": None}),
        ("seed", (L, X, B), {"seed": -1}),
        ("seed", (L, X, B), {"seed": 1.5}),
    ],
)
def test_malformed_arguments(name, arguments, options):
    with pytest.raises(ValueError, match=rf"^{name}.*pass "):
        relu_witness(*arguments, **options)


@pytest.mark.parametrize("pair", [(0,), (0, 0), (0, 3), (0, 1.0), "01", 3, (0, -1)])
def test_malformed_pairs(pair):
    with pytest.raises(ValueError, match=r"^pair: found .*pass "):
        relu_merge(L, X, B, pair=pair)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("widths", ((4,), 3)),
        ("widths", ((4, 0), 3)),
        ("widths", ((4, 2.5), 3)),
        ("widths", (4, 3)),
        ("widths", ((True, 4), 3)),
        ("n", ((4, 6), 0)),
        ("n", ((4, 6), 13)),
        ("n", ((4, 6), 2.0)),
        ("n", ((4, 6), True)),
        ("seed", ((4, 6), 3, True)),
        ("widths, n", ((1, 1), 3)),
    ],
)
def test_malformed_point(name, arguments):
    with pytest.raises(ValueError, match=rf"^{name}: found .*pass "):
        synthesize_relu_kkt(*arguments[:2], seed=arguments[2] if len(arguments) > 2 else 0)
