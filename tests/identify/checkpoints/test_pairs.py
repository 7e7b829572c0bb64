"""Two states of one network are matched by name, or the error lists what there is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from weight_cases import refuse

from identify.checkpoints.pairs import open_pairs


def arrays(**shapes) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {
        name.replace("__", "."): draw.standard_normal(shape).astype(np.float32)
        for name, shape in shapes.items()
    }


NET = arrays(fc1__weight=(5, 4), fc1__bias=5, fc2__weight=(2, 5), fc2__bias=2)


def without(*names: str) -> dict[str, np.ndarray]:
    return {name: value for name, value in NET.items() if name not in names}


@pytest.mark.parametrize(
    ("trained", "initial", "fragments"),
    [
        (
            NET,
            without("fc2.weight"),
            ("initial: found no matrix 'fc2.weight', which is in trained,", "'fc1.weight' (5, 4)"),
        ),
        (
            without("fc1.weight"),
            NET,
            ("trained: found no matrix 'fc1.weight', which is in initial,", "pass two states"),
        ),
        (
            NET,
            arrays(a__weight=(5, 4), b__weight=(2, 5)),
            ("trained: found no matrix 'a.weight'", "names= with the matrices wanted"),
        ),
        (
            NET,
            NET | arrays(fc1__weight=(6, 4), fc1__bias=6),
            ("initial: 'fc1.weight': found of shape (6, 4), where the trained network has (5, 4)",),
        ),
        (NET, without("fc1.bias"), ("initial: 'fc1.weight': found a bias of shape None, where",)),
        (
            without("fc2.bias"),
            NET,
            ("found a bias of shape (2,), where the trained network has N",),
        ),
    ],
)
def test_states_that_differ_are_listed(trained, initial, fragments):
    refuse(lambda: open_pairs(trained, initial), *fragments)


def test_names_choose_among_what_differs():
    changed = NET | arrays(fc2__weight=(7, 5), fc2__bias=7, head__weight=(3, 5))
    refuse(lambda: open_pairs(changed, NET), "initial: found no matrix 'head.weight'")
    (pair,) = open_pairs(changed, NET, names=["fc1.weight"], inputs="fc1.weight")
    assert (pair.name, pair.kind) == ("fc1.weight", "inputs")
    refuse(lambda: open_pairs(NET, NET, names=["x"]), "trained: found no matrix 'x' among")
    refuse(lambda: open_pairs(NET, NET, names="fc1.weight"), "names: found the text 'fc1.weight'")
    assert open_pairs(NET, NET, names=[]) == ()


@pytest.mark.parametrize("form", ["state dict", "torch file"])
def test_tied_weights_may_go_by_one_name(tmp_path, form):
    """Safetensors files keep them once, files of torch under each name."""
    table = torch.randn(9, 4)
    tied = {"wte.weight": table, "fc.weight": torch.randn(4, 4), "lm_head.weight": table}
    once = {name: tied[name].numpy() for name in ("wte.weight", "fc.weight")}
    if form == "torch file":
        torch.save(tied, tmp_path / "net.pt")
        tied = tmp_path / "net.pt"
    for sides in ((tied, once), (once, tied)):
        kind = {pair.name: pair.kind for pair in open_pairs(*sides)}
        assert kind == {"wte.weight": "embedding", "fc.weight": "features"}
    assert len(open_pairs(tied, tied)) == 3
    refuse(lambda: open_pairs(tied, once, names=["lm_head.weight"]), "initial: found no matrix")
    copied = {"wte.weight": table, "fc.weight": table[:4], "lm_head.weight": table.clone()}
    refuse(lambda: open_pairs(copied, once), "initial: found no matrix 'lm_head.weight'")


def test_what_is_no_matrix_is_passed_over():
    more = arrays(norm__weight=5, norm__bias=5, token=(1, 3, 4), attn__bias=(4, 4)) | {
        "position_ids": np.ones((1, 9), dtype=np.int64),
        "mask": np.ones((9, 9), dtype=bool),
        "empty.weight": np.ones((0, 4)),
        "steps": np.ones(()),
    }
    pairs = open_pairs(NET | more, NET)
    assert [pair.name for pair in pairs] == ["fc1.weight", "fc2.weight"]
    assert [pair.kind for pair in pairs] == ["inputs", "features"]


@pytest.mark.parametrize("axes", [(3,), (3, 3), (2, 3, 3)])
def test_convolutions_read_patches(axes):
    layers = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}
    conv = layers[len(axes)](2, 5, axes)
    (pair,) = open_pairs(conv, conv.state_dict())
    inputs = 2 * int(np.prod(axes))
    assert (pair.shape, pair.kind, pair.has_bias) == ((5, inputs), "inputs", True)
    patch = torch.randn(1, 2, *axes)
    columns = np.append(patch.numpy().reshape(-1), 1.0)
    expected = conv(patch).detach().numpy().reshape(-1)
    np.testing.assert_allclose(pair.trained() @ columns, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("weight", "bias"),
    [
        ("weight", "bias"),
        ("a.weight", "a.bias"),
        ("in_proj_weight", "in_proj_bias"),
        ("W", "b"),
        ("w12", "b12"),
        ("x.W", "x.b"),
        ("dense.kernel", "dense.bias"),
    ],
)
def test_a_bias_goes_by_the_name_of_its_matrix(weight, bias):
    net = {weight: np.ones((3, 2)), bias: np.array([5.0, 6.0, 7.0])}
    (pair,) = open_pairs(net, net)
    assert pair.has_bias
    np.testing.assert_array_equal(pair.trained(slice(1, 3)), [[1, 1, 6], [1, 1, 7]])


def test_a_vector_of_another_length_is_no_bias():
    net = {"W": np.ones((3, 2)), "b": np.ones(4), "Wx": np.ones((4, 3)), "bx": np.ones(4)}
    assert [pair.has_bias for pair in open_pairs(net, net)] == [False, False]


def test_biases_show_that_inputs_come_first():
    """As in GPT-2, whose square matrices do not show it themselves."""
    stored = {
        "h.0.attn.weight": np.arange(12.0).reshape(3, 4),
        "h.0.attn.bias": np.ones(4),
        "h.1.attn.weight": np.arange(9.0).reshape(3, 3),
        "h.1.attn.bias": np.full(3, 2.0),
        "head.weight": np.ones((7, 3)),
    }
    pairs = open_pairs(stored, stored, inputs="")
    assert [pair.shape for pair in pairs] == [(4, 3), (3, 3), (7, 3)]
    for pair, name in zip(pairs[:2], list(stored)[0:4:2], strict=True):
        expected = np.column_stack([stored[name].T, stored[name.replace("weight", "bias")]])
        np.testing.assert_array_equal(pair.initial(), expected)
        np.testing.assert_array_equal(pair.initial(slice(1, 3)), expected[1:3])
