"""What a matrix reads is told by order, numbers and shapes together, or it is asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from weight_cases import refuse, write

from identify.checkpoints.kinds import by_number, chain, first_by_shape, is_table
from identify.checkpoints.pairs import open_pairs

MLP = {"hidden.weight": (50, 8), "output.weight": (3, 50)}
AUTOENCODER = {"encoder.weight": (4, 8), "decoder.weight": (8, 4)}
LENET = {
    "conv1.weight": (6, 1, 5, 5), "conv2.weight": (16, 6, 5, 5),
    "fc1.weight": (120, 400), "fc2.weight": (10, 120),
}  # fmt: skip
TRANSFORMER = {
    "transformer.wte.weight": (40, 8), "transformer.wpe.weight": (16, 8),
    "transformer.h.0.mlp.weight": (32, 8), "lm_head.weight": (40, 8),
}  # fmt: skip
VISION = {
    "embeddings.position_embedding.weight": (16, 8),
    "embeddings.patch_embedding.weight": (8, 3, 4, 4), "layers.0.mlp.weight": (32, 8),
    "layers.0.out.weight": (8, 32),
}  # fmt: skip


def kinds(shapes, path=None, **options) -> dict[str, str]:
    """What is said of a network of these shapes, in a file that keeps no order or in a dict."""
    source = {name: np.ones(shape, dtype=np.float32) for name, shape in shapes.items()}
    if path is not None:
        source = write(path / "net.safetensors", source)
    return {pair.name: pair.kind for pair in open_pairs(source, source, **options)}


def inputs(shapes, path=None, **options) -> list[str]:
    return [name for name, kind in kinds(shapes, path, **options).items() if kind == "inputs"]


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(
    ("shapes", "first"),
    [
        (MLP, "hidden.weight"),
        (LENET, "conv1.weight"),
        ({"layers.10.w": (4, 4), "layers.9.w": (4, 4)}, "layers.9.w"),
        ({"2.weight": (8, 8), "0.weight": (8, 8), "4.weight": (3, 8)}, "0.weight"),
        ({"w": (3, 8)}, "w"),
        (VISION, "embeddings.patch_embedding.weight"),
    ],
)
def test_the_first_matrix_is_told(tmp_path, shapes, first, ordered):
    if ordered:
        shapes = {first: shapes[first]} | shapes  # as a network declares them
    assert inputs(shapes, None if ordered else tmp_path) == [first]


def test_order_decides_where_names_and_shapes_are_silent(tmp_path):
    assert inputs(AUTOENCODER) == ["encoder.weight"]
    error = refuse(
        lambda: inputs(AUTOENCODER, tmp_path),
        "inputs: found the matrices 'decoder.weight' (8, 4), 'encoder.weight' (4, 8)",
        "told neither by order nor by names nor by shapes",
        'pass inputs= with its name, or inputs="" if none does',
    )
    assert len(str(error)) < 400
    assert inputs(AUTOENCODER, tmp_path, inputs="encoder.weight") == ["encoder.weight"]
    assert inputs(AUTOENCODER, tmp_path, inputs="") == []
    refuse(lambda: inputs(MLP, inputs="x"), "inputs: found no matrix 'x' among 'hidden.weight'")


def test_the_order_of_one_side_serves_both(tmp_path):
    arrays = {name: np.ones(shape) for name, shape in AUTOENCODER.items()}
    path = write(tmp_path / "net.safetensors", arrays)
    for sides in ((path, arrays), (arrays, path)):
        kind = {pair.name: pair.kind for pair in open_pairs(*sides)}
        assert kind == {"encoder.weight": "inputs", "decoder.weight": "features"}


@pytest.mark.parametrize(
    ("shapes", "claims"),
    [
        (dict(reversed(MLP.items())), "'output.weight' by order, 'hidden.weight' by shapes"),
        ({"1.w": (4, 4), "0.w": (4, 4)}, "'1.w' by order, '0.w' by numbers"),
        ({"0.w": (4, 9), "1.w": (9, 7)}, "'0.w' by order, '0.w' by numbers, '1.w' by shapes"),
    ],
)
def test_witnesses_that_contradict_are_an_error(shapes, claims):
    refuse(lambda: inputs(shapes), "inputs: found the matrices", claims, "pass inputs=")


def test_behind_a_table_of_tokens_nothing_reads_inputs(tmp_path):
    for path in (None, tmp_path):
        found = kinds(TRANSFORMER, path)
        assert sorted(found.values()) == ["embedding", "embedding", "features", "features"]
        assert found["transformer.wte.weight"] == found["transformer.wpe.weight"] == "embedding"
    assert kinds(VISION)["embeddings.position_embedding.weight"] == "embedding"
    head = "lm_head.weight"
    assert inputs(TRANSFORMER, inputs=head) == [head]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("embed.weight", True),
        ("emb.weight", True),
        ("model.embed_tokens.weight", True),
        ("transformer.wte.weight", True),
        ("bert.embeddings.word_embeddings.weight", True),
        ("token_emb", True),
        ("token_embedding_table.weight", True),
        ("model.shared.weight", True),
        ("embed_out.weight", False),
        ("unembed.weight", False),
        ("embeddings.dense.weight", False),
        ("member.weight", False),
        ("time_embedding.linear_1.weight", False),
        ("embed_head.weight", False),
        ("fc1.weight", False),
    ],
)
def test_names_of_tables(name, expected):
    assert is_table(name, (9, 4), bias=False) == expected
    assert not is_table(name, (9, 4), bias=True)
    assert not is_table(name, (9, 4, 2, 2), bias=False)


def test_a_module_tells_its_tables_by_type(tmp_path):
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = torch.nn.Embedding(9, 4)
            self.embed = torch.nn.Linear(4, 5, bias=False)

    net = Net()
    torch.save(net.state_dict(), tmp_path / "net.pt")
    for sides in ((net, tmp_path / "net.pt"), (tmp_path / "net.pt", net), (net, net)):
        kind = {pair.name: pair.kind for pair in open_pairs(*sides)}
        assert kind == {"words.weight": "embedding", "embed.weight": "features"}
    by_name = {pair.name: pair.kind for pair in open_pairs(net.state_dict(), net.state_dict())}
    assert by_name == {"words.weight": "features", "embed.weight": "embedding"}


def test_witnesses_alone():
    assert by_number(["fc10.weight", "fc9.weight"]) == ["fc9.weight", "fc10.weight"]
    assert by_number(["fc1.weight", "out.weight"]) is None
    assert by_number(["0.weight"]) is None
    assert first_by_shape(LENET) == "conv1.weight"
    assert first_by_shape({"a": (4, 8), "b": (4, 8)}) is None
    assert chain({"c": (2, 3), "a": (7, 9), "b": (3, 7)}) == ["a", "b", "c"]
    assert chain({"a": (7, 9), "b": (7, 7), "c": (2, 7)}) is None
    assert chain({"a": (7, 9), "b": (5, 7), "c": (4, 7)}) is None
    assert chain({"a": (7, 9)}) == ["a"]
