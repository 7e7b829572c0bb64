"""The written-out maps against torch.func, for every objective, depth and activation."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attack.descent.objective import loss
from attack.maps.any_module import ModuleMap
from attack.maps.objectives import kkt, multiclass, ntk, random_features, signed
from attack.maps.subspace import SubspaceMap, row_space
from attack.network.activations import (
    PolynomialActivation,
    ReLU,
    Softplus,
    power,
    softplus_schedule,
)
from attack.network.mlp import Layer, initial, outputs

WIDTHS = [5, 7, 6, 4]
ACTIVATIONS = {
    "relu": (ReLU(), torch.relu),
    "softplus": (Softplus(3.0), nn.Softplus(beta=3.0)),
    "cubic": (power(3), lambda z: z**3),
    "polynomial": (
        PolynomialActivation((0.1, 1.0, 0.5, -0.2)),
        lambda z: 0.1 + z + z**2 / 2 - z**3 / 5,
    ),
}


class Smoothed(torch.autograd.Function):
    """relu with sigmoid(150 z) behind, as a twin."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z):
        return z.clamp(min=0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        return gradient * (1 + torch.tanh(75 * ctx.saved_tensors[0])) / 2


ACTIVATIONS["smoothed"] = (ReLU(150.0), Smoothed.apply)


class Network(nn.Module):
    def __init__(self, theta, function):
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList()
        for layer in theta:
            out, into = layer.weight.shape
            linear = nn.Linear(into, out, bias=layer.bias is not None, dtype=layer.weight.dtype)
            linear.weight.data.copy_(layer.weight)
            if layer.bias is not None:
                linear.bias.data.copy_(layer.bias)
            self.layers.append(linear)

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.function(layer(x))
        return self.layers[-1](x)


def network(depth, *, biases=True, C=1, seed=0):
    widths = [*WIDTHS[:depth], C]
    theta = initial(widths, biases=[biases] * depth, scales=[0.6] * depth, seed=seed)
    generator = torch.Generator().manual_seed(seed + 100)
    for layer in theta:
        if layer.bias is not None:
            layer.bias.copy_(0.3 * torch.randn(layer.bias.shape, generator=generator))
    return theta


def candidates(k=4, d=5, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(k, d, generator=generator, dtype=torch.float64)
    return x, torch.rand(k, generator=generator, dtype=torch.float64) - 0.3


def generic(theta, function, delta, goal=None, first=0):
    """The torch.func map at theta, with the target ``goal``."""
    module = Network(theta, function)
    names = [n for n, _ in module.named_parameters() if int(n.split(".")[1]) >= first]
    tensors = [t for layer in (goal or theta)[first:] for t in layer.tensors()]
    target = dict(zip(names, tensors, strict=True))
    return ModuleMap(module, dict(module.named_parameters()), target, delta)


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


def close(found, expected):
    assert found.shape == expected.shape
    assert (found - expected).norm() <= 1e-10 * (expected.norm() + 1e-3)


def agree(explicit, other, x, weights):
    """combine, inner, gram, loss and both gradients of the loss."""
    direction = [t + 0.1 for t in explicit.target]
    for a, b in zip(explicit.combine(x, weights), other.combine(x, weights), strict=True):
        close(a, b)
    close(explicit.inner(x, direction), other.inner(x, direction))
    close(explicit.gram(x), other.gram(x))
    values, gradients = [], []
    for m in (explicit, other):
        points, multipliers = x.clone().requires_grad_(), weights.clone().requires_grad_()
        value = loss(m, points, multipliers)
        values.append(value.detach())
        gradients.append(torch.autograd.grad(value, (points, multipliers)))
    close(*values)
    for a, b in zip(*gradients, strict=True):
        close(a, b)


def ones(phi):
    return torch.ones_like(phi)


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


@pytest.mark.parametrize("last", [False, True])
def test_subspace_map_is_the_map_of_the_samples_in_the_basis(last):
    old, new = network(3), network(3, seed=7)
    change = [b.minus(a) for a, b in zip(old, new, strict=True)]
    basis = torch.linalg.qr(candidates(3, 5, 9)[0].T)[0].T
    u, weights = candidates(4, 3)
    inside = generic(old, ACTIVATIONS["softplus"][1], ones, change, 2 if last else 0)
    twin = SubspaceMap(inside, basis)
    agree(SubspaceMap(ntk(old, new, Softplus(3.0), last_layer=last), basis), twin, u, weights)
    x = u @ basis
    close(twin.combine(u, weights)[0], inside.combine(x, weights)[0])


def test_row_space_is_the_span_of_the_samples_after_training():
    theta, (x, _) = network(3), candidates(3, 5)
    tensors = [t.requires_grad_() for layer in theta for t in layer.tensors()]
    before = [Layer(a.weight.detach().clone(), a.bias.detach().clone()) for a in theta]
    for _ in range(3):
        value = outputs(theta, Softplus(3.0), x).square().sum()
        for t, g in zip(tensors, torch.autograd.grad(value, tensors), strict=True):
            t.data -= 0.1 * g
    basis = row_space(before, [Layer(a.weight.detach(), a.bias.detach()) for a in theta])
    assert basis.shape == (3, 5)
    close(basis @ basis.T, torch.eye(3, dtype=torch.float64))
    close(x @ basis.T @ basis, x)
    assert row_space(before, before).shape == (0, 5)


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


def tampered(**change):
    good = network(2)
    return [Layer(**{"weight": good[0].weight, "bias": good[0].bias, **change}), good[1]]


@pytest.mark.parametrize(
    ("theta", "words"),
    [
        ([], "found no layer"),
        (tampered(weight=torch.ones(5).double()), r"shapes \[\(5,\)"),
        (tampered(weight=torch.ones(9, 5).double()), r"theta\[0\].bias: found shape \(7,\); pass"),
        (tampered(weight=torch.ones(9, 5).double(), bias=None), r"theta\[1\].weight: found shape"),
        (tampered(bias=torch.ones(7).double() / 0), "not finite"),
        (tampered(bias=torch.ones(7)), "float32 on cpu; pass torch.float64"),
        (tampered(weight=torch.ones(7, 5, dtype=torch.int64)), "floating-point"),
        (network(2, C=3), "found 3 outputs; pass a network with one output"),
    ],
)
def test_layers_that_do_not_fit_are_named(theta, words):
    for make in (lambda: kkt(theta, ReLU(), torch.ones(2)), lambda: signed(theta, ReLU())):
        with pytest.raises(ValueError, match=words):
            make()


def test_labels_that_do_not_fit_are_named():
    one, three, (x, weights) = network(2), network(2, C=3), candidates()
    with pytest.raises(ValueError, match=r"labels: found .* each -1 or 1"):
        kkt(one, ReLU(), torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match=r"labels: found shape \(4, 1\)"):
        kkt(one, ReLU(), torch.ones(4, 1))
    with pytest.raises(ValueError, match=r"classes: found .* each 0 or 1 or 2"):
        multiclass(three, ReLU(), torch.tensor([0, 3]))
    with pytest.raises(ValueError, match="found 1 output"):
        multiclass(one, ReLU(), torch.tensor([0, 0]))
    with pytest.raises(ValueError, match="labels: found 1 labels for 4 samples"):
        kkt(one, ReLU(), torch.ones(1)).combine(x, weights)
    with pytest.raises(ValueError, match="classes: found 2 labels for 4 samples"):
        multiclass(three, ReLU(), torch.tensor([0, 1])).gram(x)


def test_networks_before_and_after_training_must_match():
    with pytest.raises(ValueError, match=r"trained: found shapes"):
        ntk(network(2), network(3), ReLU())
    with pytest.raises(ValueError, match=r"trained: found shapes"):
        ntk(network(2), network(2, biases=False), ReLU())
    with pytest.raises(ValueError, match="initial: found 2 outputs"):
        ntk(network(2, C=2), network(2, C=2), ReLU())
    with pytest.raises(ValueError, match="at: found 'middle'"):
        ntk(network(2), network(2), ReLU(), at="middle")
