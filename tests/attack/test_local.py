"""Local identifiability against exact constructions and against the formed Jacobian."""

from __future__ import annotations

from dataclasses import replace
from math import comb, prod

import numpy as np
import pytest
import torch
from scipy.stats import chi2
from torch import nn

from attack.descent.levenberg import tangents
from attack.local.derivative import jacobian
from attack.local.filter import RISK, Filtered, Operator, filtered
from attack.local.identifiability import local_identifiability
from attack.local.region import region_margin
from attack.local.spectrum import Limits, dense, iterative, motion_bound
from attack.local.unknowns import Constraints, balance, free
from attack.maps.any_module import ModuleMap
from attack.maps.mlp_map import Evaluation
from attack.maps.objectives import multiclass, ntk, signed
from attack.maps.subspace import SubspaceMap
from attack.network.activations import PolynomialActivation, ReLU, Softplus, power
from attack.network.mlp import Layer, initial, outputs

d, k = 6, 5
METHODS = ("dense", "iterative")


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def network(*widths, biases=True, seed=0):
    L = len(widths) - 1
    scales = [width**-0.5 for width in widths[:-1]]
    theta = initial(widths, biases=[biases] * L, scales=scales, seed=seed)
    for index, layer in enumerate(theta):
        if layer.bias is not None:
            layer.bias.copy_(0.5 * normal(*layer.bias.shape, seed=seed + index + 50))
    return theta


def solved(m, x, weights):
    """The same map with the target that the candidate reaches."""
    pieces = iter(m.combine(x, weights))
    evaluations = [
        Evaluation(
            e.theta,
            [Layer(next(pieces), None if t.bias is None else next(pieces)) for t in e.target],
            e.first,
        )
        for e in m.evaluations
    ]
    return replace(m, evaluations=evaluations)


def candidate(n=k, seed=3):
    return normal(n, d, seed=seed), 0.3 + normal(n, seed=seed + 1).abs()


def formed(m, x, weights):
    """J by the tangents of each sample by themselves: (P, k, d + 1)."""
    f, slopes = tangents(m, x)
    return torch.cat([weights[:, None, None] * slopes, f[:, :, None]], 2).transpose(0, 1)


def decide(m, x, weights, method="dense", **options):
    return local_identifiability(solved(m, x, weights), x, weights, method=method, **options)


def pushed(m, x, weights, report):
    """|J z| of every reported direction, by the tangents."""
    z = torch.cat([report.x_directions, report.weight_directions[..., None]], 2)
    return torch.einsum("pkd,qkd->qp", formed(m, x, weights), z).norm(dim=1)


def angle(A, B):
    """Sine of the largest angle between the spans of the rows, of equal number."""
    Q, R = (torch.linalg.qr(rows.flatten(1).T)[0] for rows in (A, B))
    return float(torch.linalg.matrix_norm(R - Q @ (Q.T @ R), ord=2))


def null_space(report):
    z = torch.cat([report.x_directions, report.weight_directions[..., None]], 2)
    return z[: report.null]


ACTIVATIONS = {
    "relu": ReLU(None),
    "smoothed": ReLU(6.0),
    "softplus": Softplus(3.0),
    "polynomial": PolynomialActivation((0.1, 1.0, 0.5, -0.2)),
    "affine": PolynomialActivation((0.1, 1.0)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("widths", [(d, 1), (d, 9, 1), (d, 12, 3, 1), (d, 20, 15, 7, 1)])
@pytest.mark.parametrize("biases", [True, False])
def test_compressed_jacobian_keeps_all_inner_products(name, widths, biases):
    sigma = ACTIVATIONS[name]
    old, new = (network(*widths, biases=biases, seed=seed) for seed in (0, 7))
    x, weights = candidate()
    many = multiclass(network(*widths[:-1], 3, biases=biases), sigma, torch.arange(k) % 3)
    for m in (ntk(old, new, sigma, at="both"), ntk(old, new, sigma, last_layer=True), many):
        J, z = jacobian(m, x, weights), normal(3, k, d + 1, seed=9)
        image = torch.einsum("pkd,qkd->qp", formed(m, x, weights), z)
        ours, u = J.push(z), normal(3, J.rows, seed=10)
        scale = float(image.norm()) ** 2
        assert torch.allclose(ours @ ours.T, image @ image.T, rtol=0, atol=1e-13 * scale)
        assert torch.allclose(
            torch.einsum("qkd,qkd->q", J.pull(u), z), (u * ours).sum(1), rtol=1e-11, atol=1e-11
        )


@pytest.mark.parametrize("method", METHODS)
def test_cubic_with_rich_features_leaves_the_scales_and_norms_remove_them(method):
    m = signed(network(d, comb(d + 3, 3), 1, biases=False), power(3))
    x, weights = candidate()
    loose = decide(m, x, weights, method)
    assert loose.rank == k * d
    assert bool(loose.moves.all())
    assert not bool(loose.pinned.any())
    exact = torch.zeros(k, k, d + 1, dtype=x.dtype)  # x -> c x, lambda -> lambda / c^3
    exact[range(k), range(k)] = torch.cat([x, -3 * weights[:, None]], 1)
    assert angle(null_space(loose), exact) < 1e-6
    norms = decide(m, x, weights, method, constraints=Constraints(unit_norm=True))
    assert norms.rank == norms.columns == k * d
    assert bool(norms.pinned.all())
    assert float((norms.x_directions * x).sum(2).abs().max()) < 1e-12
    phi = Constraints(margin=lambda x: outputs(m.evaluations[0].theta, m.activation, x))
    margins = decide(m, x, weights, method, constraints=phi)
    assert margins.rank == margins.columns == k * d
    known = decide(m, x, weights, method, constraints=Constraints(weights_known=True))
    assert known.rank == known.columns == k * d
    assert float(known.weight_directions.abs().max()) == 0.0


def test_linear_activation_moves_everything_but_the_weighted_sum():
    x, weights = candidate()
    report = decide(signed(network(d, 10, 1, biases=False), power(1)), x, weights)
    assert report.rank == d
    moved = torch.einsum("qkd,k->qd", report.x_directions, weights)
    moved += report.weight_directions @ x
    assert float(moved[: k * (d + 1) - d].abs().max()) < 1e-12
    assert bool(report.moves.all())


@pytest.mark.parametrize("method", METHODS)
def test_quadratic_null_space_is_mixing(method):
    x, weights = candidate()
    m = signed(network(d, 40, 1, biases=False), power(2))
    report = decide(m, x, weights, method, directions=16)
    null = comb(k, 2) + k
    assert report.rank == k * (d + 1) - null
    exact = []
    root = weights.sqrt()
    for i in range(k):  # M = U^T U with rows sqrt(lambda_i) x_i: U -> exp(A) U, A skew
        for j in range(i):
            z = torch.zeros(k, d + 1, dtype=x.dtype)
            z[i, :d], z[j, :d] = root[j] / root[i] * x[j], -root[i] / root[j] * x[i]
            exact.append(z)
        z = torch.zeros(k, d + 1, dtype=x.dtype)
        z[i] = torch.cat([x[i], -2 * weights[i : i + 1]])
        exact.append(z)
    assert angle(null_space(report), torch.stack(exact)) < 1e-6
    assert bool(report.moves.all())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["relu", "softplus"])
def test_twins_exchange_and_the_rest_is_pinned(name, method):
    x, weights = candidate()
    x[3] = x[1]
    m = signed(network(d, 40, 30, 1), ACTIVATIONS[name])
    report = decide(m, x, weights, method)
    assert report.rank == k * (d + 1) - (d + 1)
    assert report.moves.tolist() == [False, True, False, True, False]
    assert report.pinned.tolist() == [True, False, True, False, True]
    exchange = torch.zeros(d + 1, k, d + 1, dtype=x.dtype)
    for j in range(d):
        exchange[j, 1, j], exchange[j, 3, j] = 1 / weights[1], -1 / weights[3]
    exchange[d, 1, d], exchange[d, 3, d] = 1, -1
    assert angle(null_space(report), exchange) < 1e-6
    assert float(pushed(m, x, weights, report)[: d + 1].max()) < 1e-7 * report.largest


def test_relu_split_inside_its_region_moves_and_its_exact_motion_keeps_the_equations():
    x, weights = candidate()
    m = signed(network(d, 40, 30, 1), ReLU(None))
    x[3] = x[1] + 1e-5 * normal(d, seed=8)
    m = solved(m, x, weights)
    report = local_identifiability(m, x, weights)
    assert report.rank == k * (d + 1) - (d + 1)
    step = 1e-6 * normal(d, seed=11)
    y = x.clone()
    y[1] += step / weights[1]
    y[3] -= step / weights[3]
    gap = [float((s - t).abs().max()) for s, t in zip(m.combine(y, weights), m.target, strict=True)]
    assert max(gap) < 1e-14 * float(m.target[0].abs().max()) * 100
    assert report.region is not None
    assert any("activation region" in reason for reason in report.reasons)


def test_two_layer_relu_moves_within_what_few_neurons_see():
    # two neurons, three samples with all gates open: first-layer part is sum lambda_i x_i a^T
    a = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    W = torch.ones(2, d, dtype=torch.float64)
    theta = [Layer(W, torch.zeros(2, dtype=torch.float64)), Layer(a, None)]
    x, weights = normal(3, d).abs(), normal(3).abs() + 0.1
    report = decide(signed(theta, ReLU(None)), x, weights)
    assert report.rank == d + 1  # sum lambda_i x_i and sum lambda_i; h = W x adds nothing
    assert bool(report.moves.all())
    dead = decide(signed(theta, ReLU(None)), -x, weights)  # all gates shut: nothing is seen
    assert dead.rank == 0
    assert not bool(dead.pinned.any())


@pytest.mark.parametrize("name", ["relu", "softplus"])
@pytest.mark.parametrize("constraint", [None, "norm", "margin", "pixels"])
def test_iterative_agrees_with_formed(name, constraint):
    x, weights = candidate()
    m = signed(network(d, 30, 20, 1), ACTIVATIONS[name])
    known = torch.zeros(k, d, dtype=torch.bool)
    known[0, :3] = known[2, 4] = True
    constraints = {
        None: Constraints(),
        "norm": Constraints(unit_norm=True),
        "margin": Constraints(margin=lambda x: outputs(m.evaluations[0].theta, m.activation, x)),
        "pixels": Constraints(known=known, weights_known=True, unit_norm=True),
    }[constraint]
    kept = [decide(m, x, weights, method, constraints=constraints) for method in METHODS]
    a, b = kept
    # the twin: the formed Jacobian on an explicit basis of what is free
    J = formed(m, x, weights) / balance(jacobian(m, x, weights), x, 0)
    normals = explicit(m, x, constraint, known)
    basis = torch.linalg.svd(normals)[2][len(normals) :]
    s = torch.linalg.svdvals(J.flatten(1) @ basis.T).flip(0)
    assert a.columns == b.columns == len(basis)
    assert a.rank == b.rank == int((s > 1e-7 * s[-1]).sum())
    assert a.largest == pytest.approx(float(s[-1]), rel=1e-10)
    assert torch.allclose(a.singular_values, s[:8] / s[-1], rtol=0, atol=1e-12)
    assert torch.allclose(b.singular_values[:4], s[:4] / s[-1], rtol=0, atol=1e-8)
    off = (b.singular_values[:, None] - s / s[-1]).abs().amin(1)
    assert bool((off <= b.errors + 1e-12).all())  # each value is where its error bound says
    assert b.gap[1] <= float(s[0] / s[-1]) * 1.0001
    assert b.gap[1] >= 0.3 * float(s[0] / s[-1])


def explicit(m, x, constraint, known):
    """Normals of what is held fixed, (c, k (d + 1))."""
    rows = []
    for i in range(k):

        def at(values, i=i):
            z = torch.zeros(k, d + 1, dtype=x.dtype)
            z[i, : len(values)] = values
            rows.append(z.flatten())

        if constraint in {"norm", "pixels"}:
            at(x[i])
        if constraint == "margin":
            point = x[i : i + 1].clone().requires_grad_()
            phi = outputs(m.evaluations[0].theta, m.activation, point).sum()
            at(torch.autograd.grad(phi, point)[0][0])
        if constraint == "pixels":
            for j in torch.nonzero(known[i])[:, 0]:
                at(torch.eye(d + 1, dtype=x.dtype)[j])
            at(torch.eye(d + 1, dtype=x.dtype)[d])
    return torch.stack(rows) if rows else torch.zeros(0, k * (d + 1), dtype=x.dtype)


class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv1d(1, 8, 3, dtype=torch.float64)
        self.l = nn.Linear(8 * (d - 2), 1, dtype=torch.float64)

    def forward(self, x):
        return self.l(torch.tanh(self.c(x[:, None])).flatten(1))


@pytest.mark.parametrize("method", METHODS)
def test_any_module(method):
    torch.manual_seed(0)
    module = Convolution()
    theta = {name: p.detach() for name, p in module.named_parameters()}
    x, weights = candidate(3)
    x[2] = x[0]
    m = ModuleMap(module, theta, theta, torch.ones_like)
    goal = dict(zip(theta, m.combine(x, weights), strict=True))
    report = local_identifiability(replace(m, goal=goal), x, weights, method=method)
    J = formed(m, x, weights).flatten(1)
    assert report.rank == int(torch.linalg.matrix_rank(J, rtol=1e-9)) == 2 * (d + 1)
    assert report.moves.tolist() == [True, False, True]
    assert report.pinned.tolist() == [False, True, False]


def test_subspace_map():
    x, weights = candidate()
    basis = torch.linalg.qr(normal(d, 3))[0].T
    inside = SubspaceMap(signed(network(d, 40, 1), Softplus(3.0)), basis)
    report = local_identifiability(inside, x @ basis.T, weights)
    J = formed(inside, x @ basis.T, weights).flatten(1)
    assert report.rank == int(torch.linalg.matrix_rank(J)) == k * 4


def diagonal(values):
    """An operator with given singular values, on k = 1 sample."""
    s = torch.as_tensor(np.asarray(values))
    return Operator(
        lambda z: z.flatten(1) * s, lambda u: (u * s)[:, None], lambda z: z, len(s)
    ), torch.zeros(1, len(s), dtype=torch.float64)


LIMITS = Limits(zero=1e-7, sure=1e-5, directions=8, steps=3000, polish=0, seed=0)


def test_many_null_directions_are_counted_within_bounds():
    m, like = diagonal([0.0] * 200 + [*np.linspace(0.1, 1, 300)])
    for seed in range(5):
        found = iterative(m, like, replace(LIMITS, seed=seed))
        # 1600 degrees of freedom: 6 deviations of 3.5% for the bound, and 3 for the draw
        assert 140 < found.nullity[0] <= 200 <= found.nullity[1] < 280
        assert found.null == 8
        assert float(found.motion[0]) > 0.99
        assert 0.05 < found.gap[1] <= 0.1


@pytest.mark.parametrize("small", [3e-7, 1e-6])
def test_in_between_cannot_be_told(small):
    values = [small, *np.linspace(0.1, 1, 60)]
    m, like = diagonal(values)
    found = iterative(m, like, LIMITS)
    assert found.nullity[0] == 0
    assert found.nullity[1] >= 1
    basis = torch.eye(len(values), dtype=torch.float64)[:, None]
    assert dense(m, basis, LIMITS).nullity == (0, 1)
    assert float(dense(m, basis, LIMITS).motion[1]) == pytest.approx(1.0)


def test_nearly_equal_samples_cannot_be_told():
    # at distance e the twins' shifts are told apart by e = 1e-5; their multipliers, with the shift
    # that goes with them, by e^3 only (trapezoidal rule), which is rounding: that one is null
    x, weights = candidate()
    x[3] = x[1] + 1e-5 * normal(d, seed=8)
    m = signed(network(d, 40, 30, 1), Softplus(3.0))
    for method in METHODS:
        report = decide(m, x, weights, method, steps=300, polish=20)
        assert report.rank is None
        assert report.rank_bounds[0] <= report.columns - (d + 1)
        assert report.rank_bounds[1] == report.columns - 1
        assert not bool(report.pinned.any())
        assert report.moves.tolist() == [False, True, False, True, False]
        assert float(report.singular_values[1]) > 1e-7


def test_too_few_steps_claim_nothing():
    m, like = diagonal(np.geomspace(1e-3, 1, 400))
    found = iterative(m, like, replace(LIMITS, steps=20))
    assert found.gap[1] <= 1e-3
    assert found.nullity[0] == 0
    weak = signed(network(d, 30, 20, 1), ReLU(None))
    report = decide(weak, *candidate(), "iterative", steps=5, polish=1)
    assert not bool(report.pinned.any())
    assert not bool(report.moves.any())


def test_number_of_null_directions_is_never_excluded():
    for nullity in (1, 3, 20):
        m, like = diagonal([0.0] * nullity + [*np.linspace(0.2, 1, 30)])
        for seed in range(30):
            f = filtered(m, normal(2 + seed % 7, *like.shape, seed=seed), 1.0, 1e-7, 400)
            assert f.fewest() <= nullity <= f.most(1e-5)


def test_bounds_hold_over_many_starts():
    # 400 filters stopped early: none may exclude what is there
    values = np.concatenate([[0.004, 0.02], np.linspace(0.05, 1, 40)])
    m, like = diagonal(values)
    closest = 0.0
    for seed in range(400):
        start = normal(8, *like.shape, seed=seed)
        f = filtered(m, start, 1.0, 1e-7, 10 * (1 + seed % 30))
        low, high = f.gap()
        inside = (values > low) & (values < high)
        assert not inside.any()
        assert f.most(0.004) >= 1
        assert f.most(0.02) >= 2
        closest = max(closest, high)
    assert closest > 0.001  # the bound is worth something


def test_residual_forbids_pinned_and_small_multiplier_is_not_magnified():
    x, weights = candidate()
    m = signed(network(d, 40, 1), Softplus(3.0))
    off = local_identifiability(m, x, weights)  # target theta: not solved at all
    assert off.rank == off.columns
    assert not bool(off.pinned.any())
    assert off.residual > 0.1
    faint = weights.clone()
    faint[2] = 0.0
    gone = decide(m, x, faint)
    assert gone.rank == k * (d + 1) - d
    assert gone.moves.tolist() == [i == 2 for i in range(k)]
    tiny = weights.clone()
    tiny[2] = 1e-12
    assert not bool(decide(m, x, tiny).pinned[2])


@pytest.mark.parametrize("method", METHODS)
def test_deterministic_and_candidates_unharmed(method):
    x, weights = candidate()
    m = solved(signed(network(d, 20, 15, 1), Softplus(3.0)), x, weights)
    kept = x.clone()
    a, b = (local_identifiability(m, x, weights, method=method) for _ in range(2))
    assert torch.equal(a.singular_values, b.singular_values)
    assert torch.equal(a.x_directions, b.x_directions)
    assert torch.equal(x, kept)


def test_motion_bound_counts_what_the_filter_left_above_the_gap():
    q = torch.zeros(8, 2, 3, dtype=torch.float64)
    q[:, 0] = normal(8, 3)
    f = Filtered(q, torch.full((8,), 1e-6, dtype=torch.float64), np.zeros(1), np.ones((8, 1)), 0)
    moved, still = motion_bound(f, 0.1).tolist()
    assert moved == 1.0
    assert still == pytest.approx((8 / chi2.ppf(RISK, 8)) ** 0.5 * 1e-5, rel=1e-12)
    assert motion_bound(f, 0.0).tolist() == [1.0, 1.0]


def test_region_margin_is_the_nearest_kink():
    theta = [
        Layer(torch.tensor([[3.0, 4.0], [1.0, 0.0]], dtype=torch.float64)),
        Layer(torch.ones(1, 2, dtype=torch.float64)),
    ]
    x = torch.tensor([[1.0, 0.0], [0.8, -0.6], [0.0, 2.0]], dtype=torch.float64)
    found = region_margin(signed(theta, ReLU(None)), x)
    assert found is not None
    assert found.tolist() == pytest.approx([0.6, 0.0, 0.0], abs=1e-15)
    assert region_margin(signed(theta, ReLU(5.0)), x) is None


def test_single_precision_counts_its_own_rounding():
    theta = [Layer(t.weight.float()) for t in network(d, 60, 1, biases=False)]
    x, weights = (t.float() for t in candidate())
    report = decide(signed(theta, power(3)), x, weights)
    assert report.rank == k * d


def test_free_projects_and_counts():
    x, _ = candidate()
    constraints = Constraints(unit_norm=True, margin=lambda x: torch.stack([x.sum(1)] * 2, 1))
    projection = free(constraints, x)
    assert projection.columns() == k * (d - 1)  # the doubled row counts once
    basis = projection.basis()
    flat = basis.flatten(1)
    assert torch.allclose(flat @ flat.T, torch.eye(len(flat), dtype=x.dtype), atol=1e-12)
    assert float((basis[..., :-1] * x).sum(2).abs().max()) < 1e-12
    assert float(basis[..., :-1].sum(2).abs().max()) < 1e-12
    assert prod(basis.shape) == k * (d - 1) * k * (d + 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(k)}, "x: found shape"),
        ({"x": torch.full((k, d), torch.nan, dtype=torch.float64)}, "x: found shape"),
        ({"x": torch.ones(k, d, dtype=torch.int64)}, "x: found shape"),
        ({"x": torch.ones(k, d + 1, dtype=torch.float64)}, "x: found shape"),
        ({"weights": torch.ones(k - 1, dtype=torch.float64)}, "weights: found shape"),
        ({"weights": torch.ones(k)}, "weights: found shape"),
        ({"weights": torch.full((k,), torch.inf, dtype=torch.float64)}, "weights: found values"),
        ({"constraints": Constraints(known=torch.ones(k, d))}, "known: found"),
        ({"constraints": Constraints(margin=lambda x: x.sum())}, "margin: found"),
        ({"tolerance": 1e-20}, "tolerance: found"),
        ({"tolerance": float("nan")}, "tolerance: found"),
        ({"directions": 0}, "directions, steps: found"),
        ({"method": "guess"}, "method: found"),
    ],
)
def test_bad_input_is_one_sentence(change, message):
    x, weights = candidate()
    m = signed(network(d, 20, 1), Softplus(3.0))
    given = {"x": x, "weights": weights} | change
    with pytest.raises(ValueError, match=message):
        local_identifiability(m, given.pop("x"), given.pop("weights"), **given)


def test_nothing_free_is_refused():
    x, weights = candidate()
    everything = Constraints(known=torch.ones(k, d, dtype=torch.bool), weights_known=True)
    with pytest.raises(ValueError, match="nothing free"):
        decide(signed(network(d, 20, 1), Softplus(3.0)), x, weights, constraints=everything)
