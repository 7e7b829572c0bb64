"""attack.victims.config: what can be trained, and activations by name."""

import dataclasses
import math
import re

import pytest
import torch

from attack.network.activations import ReLU, Softplus, power
from attack.victims.config import VictimConfig, activation_from_text, check_config

SMALL = VictimConfig(widths=(7, 5), steps=40, rate=0.1, init="he")


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"widths": ()}, "widths: found ()"),
        ({"widths": (5, 0)}, "widths: found (5, 0)"),
        ({"loss": "hinge"}, "loss: found 'hinge'; pass logistic or exponential or squared"),
        ({"loss": "cross-entropy"}, "for 2 classes"),
        ({"biases": "last"}, "biases: found 'last'"),
        ({"init": "zero"}, "init: found 'zero'"),
        ({"scales": (1.0,)}, "scales: found (1.0,); pass 3 positive numbers"),
        ({"scales": (1.0, -1.0, 1.0)}, "scales: "),
        ({"rate": 0.0}, "rate: found 0.0"),
        ({"rate": math.nan}, "rate: found nan"),
        ({"steps": 0}, "steps: found 0"),
        ({"stop_loss": -1.0}, "stop_loss: found -1.0"),
        ({"decay": math.inf}, "decay: found inf"),
        ({"seed": -1}, "seed: found -1"),
    ],
)
def test_configurations_that_cannot_be_trained(change, fragment):
    with pytest.raises(ValueError, match=re.escape(fragment)):
        check_config(dataclasses.replace(SMALL, **change), 2)


def test_ten_classes_need_cross_entropy():
    with pytest.raises(ValueError, match="loss: found 'logistic'; pass cross-entropy, for 10"):
        check_config(SMALL, 10)


def test_activations_by_name():
    assert activation_from_text("relu") == ReLU()
    assert activation_from_text("softplus:12.5") == Softplus(12.5)
    assert activation_from_text("power:3") == power(3)
    assert activation_from_text("polynomial:1,0,-2").value(torch.tensor(3.0)) == -17


@pytest.mark.parametrize(
    "text",
    [
        *("", "tanh", "relu:9", "relu\n", "softplus", "softplus:0", "softplus:nan", "softplus:1,2"),
        *("power:0", "power:x", "power:99", "power:3.0", "polynomial", "polynomial:5"),
        *("polynomial:1,inf", "polynomial:1,0,0", "polynomial:1,,2", "__import__('os')"),
    ],
)
def test_names_that_are_no_activation(text):
    with pytest.raises(ValueError, match=r"activation: found .* pass relu") as caught:
        activation_from_text(text)
    assert "\n" not in str(caught.value)
