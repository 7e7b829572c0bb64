"""Layers and labels that do not fit are refused in one sentence."""

from __future__ import annotations

import pytest
import torch
from map_cases import candidates, network

from attack.maps.objectives import kkt, multiclass, ntk, signed
from attack.network.activations import (
    ReLU,
)
from attack.network.mlp import Layer


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
