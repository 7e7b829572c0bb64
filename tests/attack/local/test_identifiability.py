"""Local identifiability against the formed Jacobian, and what is refused."""

from __future__ import annotations

from dataclasses import replace

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
from torch import nn

from attack.local.derivative import jacobian
from attack.local.identifiability import local_identifiability
from attack.local.unknowns import Constraints, balance
from attack.maps.any_module import ModuleMap
from attack.maps.objectives import signed
from attack.maps.subspace import SubspaceMap
from attack.network.activations import Softplus, power
from attack.network.mlp import Layer, outputs


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


def test_single_precision_counts_its_own_rounding():
    theta = [Layer(t.weight.float()) for t in network(d, 60, 1, biases=False)]
    x, weights = (t.float() for t in candidate())
    report = decide(signed(theta, power(3)), x, weights)
    assert report.rank == k * d


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
