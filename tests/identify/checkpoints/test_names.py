"""Which tensors of a file are taken for the weights, and what is said where that is open."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from weight_cases import refuse, write

from identify.equations.weights import read_weights


@pytest.mark.parametrize(
    ("shapes", "names", "chosen"),
    [
        ({"x": (5,), "y": (5, 2)}, {}, ("x", "y")),
        ({"x": (5, 1), "y": (5, 2), "step": ()}, {}, ("x", "y")),
        ({"x": (1, 5), "y": (5, 1)}, {}, ("x", "y")),
        ({"a": (5,), "y": (5, 2), "z": (7,)}, {}, ("a", "y")),
        ({"x": (5,), "W": (5, 2), "z": (7, 3)}, {}, ("x", "W")),
        ({"x": (5,), "y": (5, 2), "z": (5,)}, {"a": "z"}, ("z", "y")),
        ({"x": (5,), "y": (5, 2), "z": (5, 2)}, {"w": "z"}, ("x", "z")),
        ({"a": (5,), "W": (5, 2), "b": (3,), "V": (3, 2)}, {"a": "b", "w": "V"}, ("b", "V")),
        ({"x": (5,), "y": (5, 2), "u": (5,), "v": (5, 2)}, {"a0": "u", "w0": "v"}, ("x", "y")),
        ({"x": (5,), "y": (5, 2), "u": (5,)}, {"a0": "u"}, ("x", "y")),
    ],
)
@pytest.mark.parametrize("extension", [".npz", ".safetensors", ".pt"])
def test_finds_tensors(tmp_path, shapes, names, chosen, extension):
    tensors = {name: np.full(shape, i + 1.0) for i, (name, shape) in enumerate(shapes.items())}
    found = read_weights(write(tmp_path / f"net{extension}", tensors), **names)
    values = [1.0 + list(shapes).index(name) for name in chosen]
    assert [found.a[0], found.W[0, 0]] == values
    assert found.W.shape == shapes[chosen[1]]
    assert (found.a0 is not None, found.W0 is not None) == ("a0" in names, "w0" in names)


OPEN = ("which leave open what is a and what is W", "--a NAME --w NAME")


@pytest.mark.parametrize(
    ("shapes", "names", "fragments"),
    [
        ({"x": (5,), "y": (5, 2), "z": (5,)}, {}, ("'x' (5,), 'y' (5, 2), 'z' (5,)", *OPEN)),
        ({"x": (5,), "y": (5, 2), "z": (5, 2)}, {}, OPEN),
        ({"1.weight": (7, 4), "2.weight": (5, 7), "3.weight": (1, 5)}, {}, OPEN),
        ({"1.weight": (5, 4), "1.bias": (5,), "2.weight": (1, 5), "2.bias": (1,)}, {}, OPEN),
        ({"1.weight": (5, 4), "2.weight": (1, 5), "2.bias": (1,)}, {}, OPEN),
        ({"x": (5,), "y": (5, 2), "conv": (8, 1, 3, 3)}, {}, OPEN),
        ({"x": (1, 1), "y": (1, 1)}, {}, OPEN),
        ({"x": (3, 5)}, {}, OPEN),
        ({}, {}, ("found no tensors", "--a NAME")),
        ({f"t{i}": (2, 2) for i in range(30)}, {}, ("and 10 more", *OPEN)),
        ({"a": (5,), "W": (5, 2), "w": (5, 2)}, {}, ("both 'W' and 'w' for W", "--w NAME")),
        ({"a": (5,), "W": (5, 2)}, {"a": "b"}, ("a: found no tensor 'b'", "'W' (5, 2)", "--a")),
        ({"a": (5,), "W": (5, 2)}, {"w0": "b"}, ("W0: found no tensor 'b'", "'a' (5,)")),
        ({"a": (5,), "W": (5, 2), "W0": (5, 2)}, {}, ("a0: found W0 ('W0') without a0", "--a0")),
        ({"a": (4,), "W": (5, 2)}, {}, ("a (tensor 'a'): found 4 output weights",)),
        ({"a": (5,), "W": (5,)}, {}, ("W (tensor 'W'): found shape (5,)", "shape (m, d)")),
        ({"a": (5,), "W": (5, 2), "a0": (4,)}, {}, ("a0 (tensor 'a0'): found shape (4,)",)),
        ({"a\x1b[2J": (5,), "y" * 200: (5, 2), "z": (5,)}, {}, ("'a\\x1b[2J' (5,)", "yyy...'")),
    ],
)
def test_says_which_tensors_it_found(tmp_path, shapes, names, fragments):
    tensors = {name: torch.ones(shape) for name, shape in shapes.items()}
    path = write(tmp_path / "net.pt", tensors)
    refuse(lambda: read_weights(path, **names), *fragments)
