"""Samples in the basis of the span read off the first layer."""

from __future__ import annotations

import pytest
import torch
from map_cases import ACTIVATIONS, agree, candidates, close, generic, network, ones

from attack.maps.objectives import ntk
from attack.maps.subspace import SubspaceMap, span_of_first_layer
from attack.network.activations import (
    Softplus,
)
from attack.network.mlp import Layer, outputs


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
    basis = span_of_first_layer(before, [Layer(a.weight.detach(), a.bias.detach()) for a in theta])
    assert basis.shape == (3, 5)
    close(basis @ basis.T, torch.eye(3, dtype=torch.float64))
    close(x @ basis.T @ basis, x)
    assert span_of_first_layer(before, before).shape == (0, 5)
