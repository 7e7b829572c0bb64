"""The written-out maps against torch.func, for every objective, depth and activation."""

from __future__ import annotations

import pytest
import torch
from map_cases import ACTIVATIONS, agree, candidates, close, generic, network, ones

from attack.maps.objectives import kkt, multiclass, ntk, random_features, signed
from attack.network.activations import (
    ReLU,
    Softplus,
    power,
    softplus_schedule,
)
from attack.network.mlp import Layer


class Stacked:
    """Equations of several maps, one below the other."""

    def __init__(self, *maps):
        self.maps = maps
        self.target = [t for m in maps for t in m.target]

    def combine(self, x, weights):
        return [t for m in self.maps for t in m.combine(x, weights)]

    def inner(self, x, direction):
        pieces = iter(direction)
        return sum(m.inner(x, [next(pieces) for _ in m.target]) for m in self.maps)

    def gram(self, x):
        return sum(m.gram(x) for m in self.maps)


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_map_agrees_with_torch_func(name, depth, biases):
    sigma, function = ACTIVATIONS[name]
    x, weights = candidates()
    y = torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64)
    old, new = network(depth, biases=biases), network(depth, biases=biases, seed=7)
    change = [b.minus(a) for a, b in zip(old, new, strict=True)]
    agree(kkt(new, sigma, y), generic(new, function, lambda phi: y[:, None]), x, weights)
    agree(signed(new, sigma), generic(new, function, ones), x, weights)
    at = {"initial": old, "trained": new}
    twins = {key: generic(theta, function, ones, change) for key, theta in at.items()}
    for key, twin in twins.items():
        agree(ntk(old, new, sigma, at=key), twin, x, weights)
    agree(ntk(old, new, sigma, at="both"), Stacked(*twins.values()), x, weights)
    last = generic(old, function, ones, change, depth - 1)
    agree(ntk(old, new, sigma, last_layer=True), last, x, weights)
    agree(random_features(old, new, sigma), last, x, weights)


@pytest.mark.parametrize("C", [2, 3, 5])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_multiclass_is_the_gradient_of_the_margin(name, C):
    sigma, function = ACTIVATIONS[name]
    theta, (x, weights) = network(3, C=C), candidates()
    classes = torch.tensor([0, C - 1, 1, 0])

    def delta(phi):  # by a loop over the outputs
        found = torch.zeros(4, C, dtype=torch.float64)
        for i, c in enumerate(classes.tolist()):
            rival = max((j for j in range(C) if j != c), key=lambda j, i=i: phi[i, j].item())
            found[i, c], found[i, rival] = 1.0, -1.0
        return found

    explicit = multiclass(theta, sigma, classes)
    agree(explicit, generic(theta, function, delta), x, weights)


def test_multiclass_with_two_outputs_is_the_binary_map_of_their_difference():
    theta, (x, _) = network(2, C=2, biases=False), candidates()
    classes, y = torch.tensor([1, 0, 0, 1]), torch.tensor([1.0, -1.0, -1.0, 1.0])
    difference = theta[1].weight[1:] - theta[1].weight[:1]
    binary = kkt([theta[0], Layer(difference)], power(3), y)
    # the gradient in each of the two rows is that of the difference, once + and once -
    first, last = binary.combine(x, torch.ones(4).double())
    one, two = multiclass(theta, power(3), classes).combine(x, torch.ones(4).double())
    close(one, first)
    close(two, torch.cat([-last, last]))


def test_ties_take_the_first_rival_and_never_the_class_itself():
    theta = [Layer(torch.zeros(4, 3, dtype=torch.float64))]
    m = multiclass(theta, ReLU(), torch.tensor([0, 2]))
    phi = torch.zeros(2, 4, dtype=torch.float64)
    assert m.outputs(phi).tolist() == [[1, -1, 0, 0], [-1, 0, 1, 0]]
    phi[:, 3] = 5.0
    assert m.outputs(phi).tolist() == [[1, 0, 0, -1], [0, 0, 1, -1]]


def test_one_candidate_and_none():
    theta, (x, weights) = network(3), candidates()
    y = torch.ones(4, dtype=torch.float64)
    for k in (0, 1):
        m = kkt(theta, Softplus(3.0), y[:k])
        twin = generic(theta, ACTIVATIONS["softplus"][1], lambda phi, k=k: y[:k, None])
        for a, b in zip(
            m.combine(x[:k], weights[:k]), twin.combine(x[:k], weights[:k]), strict=True
        ):
            close(a, b)
        assert m.gram(x[:k]).shape == (k, k)


def test_single_precision_stays_single():
    theta = [Layer(a.weight.float(), a.bias.float()) for a in network(3)]
    double = [Layer(a.weight.double(), a.bias.double()) for a in theta]
    x, weights = (t.float() for t in candidates())
    y = torch.tensor([1, -1, -1, 1])
    for sigma in (ReLU(), ReLU(20.0), Softplus(3.0), power(3)):
        found = kkt(theta, sigma, y).combine(x, weights)
        expected = kkt(double, sigma, y).combine(x.double(), weights.double())
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == torch.float32
            assert (a - b).norm() <= 1e-5 * b.norm()


def test_softplus_neither_overflows_nor_loses_its_schedule():
    z = torch.tensor([-1e4, 0.0, 1e4], dtype=torch.float64)
    sigma = softplus_schedule(20_000)
    assert sigma.beta == 20.0
    assert softplus_schedule(10**6).beta == 200.0
    assert sigma.value(z).tolist() == pytest.approx([0.0, 0.6931471805599453 / 20, 1e4])
    assert sigma.slope(z).tolist() == [0.0, 0.5, 1.0]
