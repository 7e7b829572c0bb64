"""Splitting, merging, pruning and insertion against dense twins and exact constructions."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from attack.descent.insertion import best_atoms
from attack.descent.levenberg import levenberg_marquardt, tangents
from attack.descent.merging import close_pairs, join, removal_costs
from attack.descent.objective import least_squares, loss, residual
from attack.descent.reduction import Reducer
from attack.descent.splitting import select, split
from attack.descent.splitting_config import MergingConfig, SplittingConfig
from attack.experiments.planted import planted
from attack.maps.objectives import kkt
from attack.maps.protocol import Map, Tensors
from attack.network import mlp
from attack.network.activations import ReLU, power


@dataclass(frozen=True)
class Toy:
    """f(x) = x^2 near 0, and c (x - 10)^2 + e (x - 10)^4 near 10; target 1."""

    c: float = 1e-3
    e: float = 1e15

    @property
    def target(self) -> Tensors:
        return [torch.ones(1, dtype=torch.float64)]

    def features(self, x: Tensor) -> Tensor:
        away = (x - 10).square()
        return torch.where(x < 5, x.square(), self.c * away + self.e * away.square())[:, 0]

    def combine(self, x: Tensor, weights: Tensor) -> Tensors:
        return [(weights * self.features(x)).sum()[None]]

    def inner(self, x: Tensor, direction: Tensors) -> Tensor:
        return self.features(x) * direction[0]

    def gram(self, x: Tensor) -> Tensor:
        return self.features(x)[:, None] * self.features(x)


def near(n: int = 5, d: int = 5) -> tuple[Map, Tensor, Tensor]:
    task = planted(3, n, "cubic", dimension=d)
    return task.map, task.samples, task.weights


def dense(f: Map, x: Tensor) -> Tensor:
    """(P, k): the features as columns."""
    units = torch.eye(len(x), dtype=x.dtype)
    return torch.stack([torch.cat([t.flatten() for t in f.combine(x, e)]) for e in units], 1)


def splitting_matrices(f: Map, x: Tensor, weights: Tensor) -> Tensor:
    r = torch.cat([t.flatten() for t in residual(f, x, weights)])

    def value(z: Tensor) -> Tensor:
        return (dense(f, z[None])[:, 0] * r).sum()

    hessians = [torch.autograd.functional.hessian(value, row) for row in x]
    return torch.stack([-2 * w * H for w, H in zip(weights, hessians, strict=True)])


def test_children_lie_along_the_dense_eigenvector_and_the_loss_falls_as_predicted() -> None:
    f, x, weights = near()
    x, weights = x[:2], weights[:2]
    S = splitting_matrices(f, x, weights)
    values, vectors = torch.linalg.eigh(S)
    config = SplittingConfig(share=1.0, eta_max=1e-3, accuracy=0)
    result = split(lambda _: f, x, weights, config, seed=0)
    chosen = result.divided
    assert len(chosen) == int((values[:, 0] < -0.1).sum()) > 0
    for i, eta in zip(chosen.tolist(), result.eta.tolist(), strict=True):
        children = result.x[result.parents == i]
        assert torch.allclose(children.mean(0), x[i], atol=1e-15)
        direction = (children[0] - children[1]) / (2 * eta)
        assert abs(float(direction @ vectors[i, :, 0])) == pytest.approx(1, abs=1e-8)
        assert torch.equal(result.weights[result.parents == i], weights[i].expand(2) / 2)
    predicted = float((result.eta.square() * values[chosen, 0]).sum()) / 2
    assert result.loss - result.before == pytest.approx(predicted, rel=1e-2)
    assert result.loss == pytest.approx(float(loss(f, result.x, result.weights)), rel=1e-12)


def test_no_joint_step_then_one_by_one_and_never_an_increase() -> None:
    x = torch.tensor([[0.0], [10.0]], dtype=torch.float64)
    weights = torch.ones(2, dtype=torch.float64)
    config = SplittingConfig(threshold=-1e-4, share=1.0, eta_max=1.0)
    result = split(lambda _: Toy(), x, weights, config, seed=0)
    assert result.divided.tolist() == [0]
    assert result.loss < 0.1 < result.before == 1.0
    assert result.parents.tolist() == [0, 1, 0]
    hopeless = split(lambda _: Toy(), x[1:], weights[1:], config, seed=0)
    assert torch.equal(hopeless.x, x[1:])
    assert hopeless.loss == hopeless.before


def test_selection_respects_threshold_share_and_limit() -> None:
    values = torch.tensor([-1.0, -5.0, -0.05, 3.0, -2.0, -3.0])
    assert select(values, values, SplittingConfig()).tolist() == [1, 5, 4]
    assert select(values, values, SplittingConfig(share=1.0)).tolist() == [1, 5, 4, 0]
    assert select(values, values, SplittingConfig(share=0.01)).tolist() == [1]
    assert select(values, values, SplittingConfig(limit=7)).tolist() == [1]
    assert select(values, values, SplittingConfig(limit=6)).tolist() == []


def test_the_measure_per_weight_does_not_see_copies() -> None:
    f, x, weights = near()
    x, weights = x[:2], weights[:2]
    lowest = float(torch.linalg.eigvalsh(splitting_matrices(f, x, weights)).min())
    copies = (x.repeat(4, 1), weights.repeat(4) / 4)
    plain = SplittingConfig(threshold=lowest / 2, share=1.0)
    assert len(split(lambda _: f, x, weights, plain, 0).divided)
    assert not len(split(lambda _: f, *copies, plain, 0).divided)
    relative = SplittingConfig(threshold=-1.0, share=1.0, measure="per weight")
    once = split(lambda _: f, x, weights, relative, 0).divided
    many = split(lambda _: f, *copies, relative, 0).divided
    assert sorted(many.tolist()) == sorted(i + 2 * m for i in once.tolist() for m in range(4))


def test_children_inherit_the_label_that_the_map_needs() -> None:
    theta = mlp.initial((4, 30, 1), biases=(True, False), scales=(1.0, 0.3), seed=2)
    labels = torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    weights = torch.ones(3, dtype=torch.float64)
    activation = ReLU(20.0)
    result = split(
        lambda chosen: kkt(theta, activation, labels[chosen]), x, weights, SplittingConfig(), 0
    )
    assert len(result.x) == 4
    f = kkt(theta, activation, labels[result.parents])
    assert float(loss(f, result.x, result.weights)) == pytest.approx(result.loss, rel=1e-12)
    assert result.loss < result.before


def test_copies_of_the_solution_are_merged_to_the_solution() -> None:
    f, samples, truth = near()
    generator = torch.Generator().manual_seed(1)
    noise = 0.01 * torch.randn(10, 5, generator=generator, dtype=torch.float64)
    x, weights = samples.repeat(2, 1) + noise, truth.repeat(2) / 2
    x[0], weights[0] = -2 * x[0], -weights[0] / 8  # the same atom in another scale and sign

    def refine(_: Tensor, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        return levenberg_marquardt(f, x, steps=20, ridge=1e-12, nonnegative=False)

    config = MergingConfig(degree=3, floor=1e-16)
    result = Reducer(lambda _: f, refine, config).reduce(x, weights, torch.zeros(10))
    assert len(result.found.x) == 5
    assert len(result.merged) == 5
    assert result.found.loss < 1e-12 * result.before
    cosines = torch.nn.functional.normalize(result.found.x) @ samples.T
    assert torch.allclose(cosines.abs().amax(0), torch.ones(5).double(), atol=1e-8)


def test_merging_is_undone_where_the_loss_would_rise() -> None:
    f, samples, truth = near()
    config = MergingConfig(distance=10.0, tolerance=0.01)
    still = Reducer(lambda _: f, lambda _, x, w: (x, w), config)
    result = still.reduce(samples, truth, torch.zeros(5))
    assert len(result.found.x) == 5
    assert not result.merged
    assert not result.removed


def test_pairs_need_one_sign_one_label_and_no_distance() -> None:
    x = torch.tensor([[1.0, 0.0], [1.0, 0.01], [-1.0, 0.02], [0.0, 1.0]], dtype=torch.float64)
    same, zeros = torch.tensor([1.0, 2.0, 1.0, 1.0]).double(), torch.zeros(4)
    plain, cubic = MergingConfig(), MergingConfig(degree=3)
    assert close_pairs(x, same, zeros, plain) == [(1, 0, 1.0)]
    assert close_pairs(x, same, torch.arange(4), plain) == []
    assert close_pairs(x, same * torch.tensor([1, -1, 1, 1]), zeros, plain) == []
    flipped = same * torch.tensor([1, 1, -1, 1])
    assert (1, 0, 1.0) in close_pairs(x, flipped, zeros, cubic)
    assert close_pairs(x[1:], flipped[1:], zeros[1:], cubic) == [(0, 1, -1.0)]
    mean, weight, kept = join(x, same, [(1, 0, 1.0)], None)
    assert kept.tolist() == [1, 2, 3]
    assert torch.allclose(mean[0], (x[0] + 2 * x[1]) / 3)
    assert float(weight[0]) == 3.0


def test_removal_costs_are_those_of_solving_again() -> None:
    f, x, _ = near(n=5)
    x = x + 0.1
    t = torch.cat([piece.flatten() for piece in f.target])

    def best(chosen: Tensor) -> float:
        F = dense(f, x[chosen])
        solution = torch.linalg.lstsq(F, t[:, None]).solution
        return float((t[:, None] - F @ solution).square().sum())

    everyone = torch.arange(5)
    rises = [best(everyone[everyone != i]) - best(everyone) for i in range(5)]
    assert torch.allclose(removal_costs(f, x), torch.tensor(rises).double(), rtol=1e-6)


def test_an_atom_that_is_missing_is_found() -> None:
    f, samples, truth = near(n=2, d=6)
    r = [piece.detach() for piece in residual(f, samples[:1], truth[:1])]  # = lambda_2 f(x_2)
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(8, 6, generator=generator, dtype=torch.float64)
    atoms, order = best_atoms(f, start, r, signed=True)
    assert sorted(order.tolist()) == list(range(8))
    cosine = torch.nn.functional.normalize(atoms[:1]) @ samples[1]
    assert abs(float(cosine)) == pytest.approx(1, abs=1e-6)


def test_tangents_are_the_derivatives_of_the_features() -> None:
    theta = mlp.initial((3, 7, 1), biases=(True, False), scales=(1.0, 1.0), seed=0)
    labels = torch.tensor([1.0, -1.0], dtype=torch.float64)
    f = kkt(theta, power(3), labels)
    x = torch.tensor([[0.3, -0.2, 0.9], [0.1, 0.4, -0.5]], dtype=torch.float64)
    features, slopes = tangents(f, x)
    assert torch.allclose(features, dense(f, x).T, rtol=1e-13)
    full = torch.autograd.functional.jacobian(lambda z: dense(f, z).T, x)  # (k, P, k, d)
    for i in range(2):
        assert torch.allclose(slopes[i], full[i, :, i], rtol=1e-12, atol=1e-13)


def test_levenberg_marquardt_converges_from_nearby_and_never_rises() -> None:
    f, samples, truth = near(n=6, d=6)
    generator = torch.Generator().manual_seed(2)
    x = samples + 0.1 * torch.randn(6, 6, generator=generator, dtype=torch.float64)
    before = float(loss(f, x, least_squares(f, x)))
    few = levenberg_marquardt(f, x, steps=1, ridge=1e-12, nonnegative=False)
    many = levenberg_marquardt(f, x, steps=25, ridge=1e-12, nonnegative=False)
    assert float(loss(f, *few)) <= before
    assert float(loss(f, *many)) < 1e-20 * before
    assert float(loss(f, *many)) < 1e-16 * float(truth.square().sum())


def test_levenberg_marquardt_ends_where_no_step_helps() -> None:
    f, x, _ = near()
    solved, weights = levenberg_marquardt(f, x, steps=200, ridge=1e-12, nonnegative=False)
    again = levenberg_marquardt(f, solved, steps=200, ridge=1e-12, nonnegative=False)
    assert bool(again[0].isfinite().all())
    assert float(loss(f, *again)) <= float(loss(f, solved, weights))
