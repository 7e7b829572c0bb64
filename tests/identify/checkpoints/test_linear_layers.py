"""The layers of a Sequential of Linear layers, in the order in which they act."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from weight_cases import refuse, write

from identify.checkpoints.linear_layers import as_network


def network(*widths: int, bias: bool = True) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for size, out in pairwise(widths):
        layers += [torch.nn.Linear(size, out, bias=bias), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("widths", [(6, 5, 3), (6, 6, 6), (4,) * 13, (8, 1)])
@pytest.mark.parametrize("form", ["module", "state dict", ".safetensors", ".pt", ".npz"])
def test_the_layers_compute_what_the_network_does(tmp_path, form, widths, bias):
    net = network(*widths, bias=bias)
    state = net.state_dict()
    source = {"module": net, "state dict": {"state_dict": state}}.get(form)
    if source is None:
        source = write(tmp_path / f"net{form}", state)
    values = x = np.random.default_rng(0).standard_normal((3, widths[0]))
    layers = as_network(source)
    for layer in layers:
        assert (layer.bias is not None) == bias
        assert layer.precision == 2.0**-23
        values = values @ layer.weight.T + (0 if layer.bias is None else layer.bias)
        values = values if layer is layers[-1] else np.tanh(values)
    expected = net.double()(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_shapes_decide_where_neither_file_nor_names_do(tmp_path):
    arrays = {"out.weight": np.ones((2, 5)), "in.weight": np.ones((5, 9)), "in.bias": np.ones(5)}
    path = write(tmp_path / "net.safetensors", arrays)
    assert [layer.name for layer in as_network(path)] == ["in.weight", "out.weight"]


@pytest.mark.parametrize(
    ("source", "fragments"),
    [
        ({"b": np.ones((2, 5)), "a": np.ones((5, 9))}, ("found 'b' (2, 5), 'a' (5, 9), which do",)),
        ({"0": np.ones((4, 9)), "1": np.ones((2, 5))}, ("which do not follow one another",)),
        ({"1": np.ones((4, 4)), "0": np.ones((4, 4))}, ("order that names, shapes and the file",)),
        (torch.nn.Sequential(torch.nn.LayerNorm(4), torch.nn.Linear(4, 2)),
         ("found '0.weight' (4,), '0.bias' (4,) beside linear layers",)),
        (torch.nn.Sequential(torch.nn.Embedding(4, 2), torch.nn.Linear(2, 2)),
         ("found '0.weight' beside linear layers", "pass a Sequential")),
        (torch.nn.Conv2d(2, 2, 3), ("found 'weight' (2, 2, 3, 3) beside linear layers",)),
        (3, ("found a int",)),
    ],
)  # fmt: skip
def test_other_networks_are_refused(source, fragments):
    refuse(lambda: as_network(source, "initial"), "initial: ", *fragments)
