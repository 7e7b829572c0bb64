"""Local identifiability where the null space is known in closed form."""

from __future__ import annotations

from math import comb

import pytest
import torch
from local_cases import (
    ACTIVATIONS,
    METHODS,
    candidate,
    d,
    decide,
    formed,
    k,
    network,
    normal,
    solved,
)

from attack.local.identifiability import local_identifiability
from attack.local.unknowns import Constraints
from attack.maps.objectives import signed
from attack.network.activations import ReLU, power
from attack.network.mlp import Layer, outputs


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
