"""Every format and every nesting is read back bit for bit, by rows, with its precision."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.torch
import torch
from weight_cases import refuse, write

from identify.checkpoints.pairs import open_pairs
from identify.checkpoints.sources import open_source, unwrapped

DTYPES = ("float64", "float32", "float16", "bfloat16")
BITS = {"float64": 52, "float32": 23, "float16": 10, "bfloat16": 7}


def state(dtype: str = "float32", seed: int = 0) -> dict[str, torch.Tensor]:
    """The weights of 6-5-3 with biases."""
    make = torch.Generator().manual_seed(seed)
    shapes = {"0.weight": (5, 6), "0.bias": (5,), "2.weight": (3, 5), "2.bias": (3,)}
    return {
        name: torch.randn(shape, generator=make, dtype=torch.float64).to(getattr(torch, dtype))
        for name, shape in shapes.items()
    }


def network() -> torch.nn.Sequential:
    return torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.GELU(), torch.nn.Linear(5, 3))


def columns(tensors: dict[str, torch.Tensor], layer: str) -> np.ndarray:
    weight, bias = (tensors[f"{layer}.{what}"].double().numpy() for what in ("weight", "bias"))
    return np.column_stack([weight, bias])


def check(trained, initial, *, dtype: str = "float32") -> None:
    """Both sides hold ``state`` of seed 0 and 1; whole, by rows, and in every part."""
    pairs = open_pairs(trained, initial)
    assert sorted(pair.name for pair in pairs) == ["0.weight", "2.weight"]
    for pair in pairs:
        layer = pair.name[0]
        assert pair.shape == {"0": (5, 6), "2": (3, 5)}[layer]
        assert (pair.dtype, pair.precision, pair.has_bias) == (dtype, 2.0 ** -BITS[dtype], True)
        assert pair.kind == {"0": "inputs", "2": "features"}[layer]
        for read, seed in ((pair.trained, 0), (pair.initial, 1)):
            expected = columns(state(dtype, seed), layer)
            np.testing.assert_array_equal(read(), expected)
            for rows in (slice(1, 3), slice(2, None), slice(0, 99), slice(2, 2), slice(-1, None)):
                found = read(rows)
                np.testing.assert_array_equal(found, expected[rows])
                assert found.dtype == np.float64


def shards(folder, tensors: dict[str, torch.Tensor]) -> None:
    """Two safetensors files and their list, as large checkpoints are published."""
    folder.mkdir(exist_ok=True)
    places = {}
    for number, part in enumerate((sorted(tensors)[:1], sorted(tensors)[1:])):
        name = f"model-0000{number + 1}-of-00002.safetensors"
        safetensors.torch.save_file({key: tensors[key] for key in part}, folder / name)
        places |= dict.fromkeys(part, name)
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", [".safetensors", ".pt", ".pth", "legacy", "dict", "shards"])
def test_reads_back_bit_for_bit(tmp_path, form, dtype):
    sides = []
    for seed in (0, 1):
        tensors = state(dtype, seed)
        path = tmp_path / f"{seed}{form}"
        if form == "dict":
            sides.append(tensors)
            continue
        if form == "shards":
            shards(path, tensors)
        elif form == "legacy":
            path = path.with_suffix(".pt")
            torch.save(tensors, path, _use_new_zipfile_serialization=False)
        else:
            write(path, tensors)
        sides.append(path)
    check(*sides, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES[:3])
@pytest.mark.parametrize("packed", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", [np.ascontiguousarray, np.asfortranarray])
def test_reads_numpy_archives(tmp_path, dtype, packed, order):
    for seed in (0, 1):
        packed(tmp_path / str(seed), **{k: order(v.numpy()) for k, v in state(dtype, seed).items()})
    check(tmp_path / "0.npz", str(tmp_path / "1.npz"), dtype=dtype)


def test_reads_modules_wrapped_and_plain(tmp_path):
    sides = [network(), network()]
    for seed, side in enumerate(sides):
        side.load_state_dict(state(seed=seed))
    check(*sides)
    wrapped = torch.nn.Module()  # as torch.compile and DataParallel do
    wrapped._orig_mod = torch.nn.DataParallel(sides[0])
    check(wrapped, {f"module._orig_mod.{k}": v for k, v in state(seed=1).items()})
    shards(tmp_path / "base", state(seed=1))
    check(sides[0], tmp_path / "base" / "model.safetensors.index.json")
    arrays = {name: value.numpy() for name, value in state(seed=1).items()}
    check(sides[0], arrays)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {"model_state_dict": s, "optimizer": {"state": {0: {"m": s["0.weight"]}}}},
        lambda s: {"model": {"module": s}},
        lambda s: {"module." + k: v for k, v in s.items()},
        lambda s: {"state_dict": {"model.net." + k: v for k, v in s.items()}},
        lambda s: {"_orig_mod." + k: v for k, v in s.items()},
        lambda s: {"model": {"0": {"weight": s["0.weight"], "bias": s["0.bias"]},
                             "2": {"weight": s["2.weight"], "bias": s["2.bias"]}}},
        lambda s: {"checkpoint": {"model_state_dict": s}, "step": torch.ones(())},
    ],
)  # fmt: skip
def test_finds_the_network_in_every_nesting(tmp_path, wrap):
    torch.save(wrap(state()), tmp_path / "trained.pt")
    check(tmp_path / "trained.pt", state(seed=1))
    check(wrap(state()), wrap(state(seed=1)))


def test_the_coarser_type_of_a_pair_counts():
    (first, _) = open_pairs(state("float64"), state("bfloat16", 1))
    assert (first.dtype, first.precision) == ("bfloat16", 2.0**-7)
    mixed = state("float64") | {"2.bias": state("float16")["2.bias"]}
    assert [pair.dtype for pair in open_pairs(mixed, mixed)] == ["float64", "float16"]


def test_names_that_would_become_one_are_kept_whole():
    assert unwrapped(["model.a.w", "module.model.b"]) == {"model.a.w": "a.w", "module.model.b": "b"}
    both = ["model.w", "net.w", "net.v"]
    assert unwrapped(both) == {"model.w": "model.w", "net.w": "net.w", "net.v": "v"}
    assert unwrapped(["module", "model.module"])["module"] == "module"


def test_reading_gives_copies():
    tensors = {"w": np.ones((3, 2)), "v": np.ones((1, 3))}
    (pair, _) = open_pairs(tensors, tensors)
    pair.trained()[:] = 5
    np.testing.assert_array_equal(tensors["w"], 1)


def test_values_are_read_when_asked_for_and_not_before(tmp_path):
    write(tmp_path / "net.safetensors", state())
    source = open_source(tmp_path / "net.safetensors", "trained")
    tensor = source.tensors["0.weight"]
    (tmp_path / "net.safetensors").unlink()
    with pytest.raises(FileNotFoundError):
        tensor.rows(slice(0, 1))
    (pair, _) = open_pairs(state(), state())
    with pytest.raises(ValueError, match="rows: found the step 2; pass a slice of consecutive"):
        pair.trained(slice(0, 4, 2))


def test_a_file_that_changes_between_two_readings_is_refused(tmp_path):
    for name in ("net.safetensors", "net.pt"):
        path = write(tmp_path / name, state())
        (pair, _) = open_pairs(path, state(seed=1))
        write(path, {"0.weight": torch.ones(1, 1)})
        refuse(pair.trained, "trained: ", "found", "open it anew")


@pytest.mark.parametrize(
    ("source", "fragments"),
    [
        (3, ("found a int", "a state dict or a torch module")),
        (None, ("found a NoneType",)),
        ("net.zip", ("'net.zip': found no such file",)),
        ({"epoch": 3, "w": torch.ones(3)}, ("found no weight matrix among the tensors 'w' (3,)",)),
        ({}, ("found no weight matrix among no tensors",)),
        ({"w": torch.ones(2, 3, dtype=torch.complex64)}, ("'w': found dtype complex64", "float32")),
        ({"w": torch.ones(2, 3).to(torch.float8_e4m3fn)}, ("found dtype float8_e4m3fn",)),
        ({"w": torch.ones(2, 3).to_sparse()}, ("found dtype float32 (torch.sparse_coo)",)),
        ({"a": {"b": torch.ones(2, 2)}, "a.b": torch.ones(2, 2)}, ("two tensors named 'a.b'",)),
    ],
)
def test_says_what_was_found_instead(source, fragments):
    refuse(lambda: open_pairs(state(), source), "initial: ", *fragments)
    refuse(lambda: open_pairs(source, state()), "trained: ", *fragments)


def test_refuses_values_that_are_not_finite():
    wrong = state()
    wrong["2.bias"][1] = float("nan")
    (first, second) = open_pairs(wrong, state())
    first.trained()
    refuse(second.trained, "trained: '2.weight': found nan or infinite values; pass finite weights")
    assert second.trained(slice(0, 1)).shape == (1, 6)


def test_a_folder_has_to_hold_one_network(tmp_path):
    def opened():
        return open_pairs(tmp_path, state())

    refuse(opened, "found the folder to hold no such file; pass a .safetensors")
    write(tmp_path / "one.safetensors", state())
    opened()
    write(tmp_path / "two.safetensors", state())
    refuse(opened, "found the folder to hold 'one.safetensors', 'two.safetensors'")


def test_two_states_in_one_file_go_by_their_names(tmp_path):
    both = {"initial": state(seed=1), "trained": state()}
    torch.save(both, tmp_path / "run.pt")
    flat = {f"{side}.{name}": t for side, part in both.items() for name, t in part.items()}
    write(tmp_path / "run.safetensors", flat)
    for name in ("run.pt", "run.safetensors"):
        check(f"{tmp_path / name}#trained", tmp_path / f"{name}#initial")
        refuse(
            lambda name=name: open_source(f"{tmp_path / name}#ema", "initial"),
            "initial: ",
            "found nothing under 'ema' among the tensors 'initial.0.",
            'pass PATH#NAME with a name ahead of a "."',
        )
    write(tmp_path / "a#b.safetensors", state())
    check(tmp_path / "a#b.safetensors", state(seed=1))
