"""Weight files that hold too much, and checkpoints with tensors in dictionaries."""

from __future__ import annotations

import io
import json
import pickle
import struct
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import torch
from weight_cases import A, W, refuse, write

from identify.checkpoints import limits, nesting
from identify.checkpoints.names import Contents, choose
from identify.equations.weights import read_weights

SMALL = {"fc1.weight": torch.tensor(W), "fc2.weight": torch.tensor(A[None])}
NAMED = {"a": torch.tensor(A), "W": torch.tensor(W)}
SECONDS, MEGABYTES = 2.0, 500


def header(count: int, path) -> None:
    """A safetensors file of empty tensors, with a and W among them."""
    entries = {
        "a": {"dtype": "F64", "shape": [3], "data_offsets": [0, 24]},
        "W": {"dtype": "F64", "shape": [3, 2], "data_offsets": [24, 72]},
    }
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [72, 72]}
    text = json.dumps(entries | {f"t{i}": empty for i in range(count)}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + A.tobytes() + W.tobytes())


def archive(count: int, path) -> None:
    data = io.BytesIO()
    np.save(data, np.ones(1))
    with zipfile.ZipFile(path, "w") as written:
        for i in range(count):
            written.writestr(f"t{i}.npy", data.getvalue())


def crowded(count: int, path, *, zipped: bool) -> None:
    tensor = torch.ones(2)
    torch.save(
        {f"t{i}": tensor[:1] for i in range(count)}, path, _use_new_zipfile_serialization=zipped
    )


def refused_in_time(path, what: str) -> None:
    """One line, in time."""
    start = time.process_time()
    error = refuse(lambda: read_weights(path), "path: ", "found ", what, "save the weights of")
    assert time.process_time() - start < SECONDS
    assert len(str(error)) < 400 + len(str(path))
    assert "\n" not in str(error)


def memory(path) -> int:
    """Megabytes that a fresh process needs to read a file."""
    code = (
        "import sys, pathlib\nfrom identify.equations.weights import read_weights\n"
        "try: read_weights(sys.argv[1])\nexcept ValueError: pass\n"
        "text = pathlib.Path('/proc/self/status').read_text()\n"
        "print(int(text.split('VmHWM:')[1].split()[0]) // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.parametrize("count", [20_000, 300_000])
def test_a_header_of_many_tensors_is_answered_at_once(tmp_path, count):
    header(count, tmp_path / "net.safetensors")
    refused_in_time(tmp_path / "net.safetensors", "more than")
    assert memory(tmp_path / "net.safetensors") < MEGABYTES


def test_an_archive_of_many_entries_is_answered_at_once(tmp_path):
    archive(20_000, tmp_path / "net.npz")
    refused_in_time(tmp_path / "net.npz", "found 20000 tensors, more than 10000")
    with (tmp_path / "net.npz").open("r+b") as handle:  # a directory of 5 MB
        data = handle.read()
        end = data.rindex(b"PK\x05\x06")
        start = struct.unpack_from("<I", data, end + 16)[0]
        longer = data[start:end] * 5
        handle.seek(start)
        handle.write(longer + data[end : end + 12] + struct.pack("<II", len(longer), start))
        handle.write(data[end + 20 :])
    refused_in_time(tmp_path / "net.npz", "found a list of contents of more than 4194304 bytes")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_of_many_tensors_is_answered_at_once(tmp_path, zipped):
    crowded(40_000, tmp_path / "net.pt", zipped=zipped)
    refused_in_time(tmp_path / "net.pt", "found a pickle of more than 500000 steps")
    crowded(100_000, tmp_path / "net.pt", zipped=zipped)
    refused_in_time(tmp_path / "net.pt", "more than")


def test_the_limits_let_through_what_is_below(tmp_path):
    count = limits.MAX_TENSORS - 2
    header(count, tmp_path / "net.safetensors")
    np.savez(tmp_path / "net.npz", a=A, W=W, **{f"t{i}": np.ones(1) for i in range(count)})
    tensors = {f"t{i}": torch.ones(1) for i in range(count)}
    torch.save(NAMED | tensors, tmp_path / "net.pt")
    for name in ("net.safetensors", "net.npz", "net.pt"):
        np.testing.assert_array_equal(read_weights(tmp_path / name).W, W)
    header(count + 1, tmp_path / "net.safetensors")
    np.savez(tmp_path / "net.npz", a=A, W=W, **{f"t{i}": np.ones(1) for i in range(count + 1)})
    torch.save(NAMED | tensors | {"more": torch.ones(1)}, tmp_path / "net.pt")
    for name in ("net.safetensors", "net.npz", "net.pt"):
        refuse(lambda name=name: read_weights(tmp_path / name), "found 10001 tensors, more than")


class Shaped:
    def __init__(self, *shape: int) -> None:
        self.shape = shape


def test_choosing_takes_time_linear_in_the_tensors():
    """A pair for every name would be 9 10^8 of them, a minute; names alone are read in .1 s."""
    many = {f"v{i}": Shaped(5) for i in range(30_000)} | {"x": Shaped(7)}
    many |= {f"m{i}": Shaped(6, 2) for i in range(30_000)}
    wanted = dict.fromkeys(("a", "W", "a0", "W0"))
    start = time.process_time()
    refuse(lambda: choose(Contents(many, {}), wanted, "path"), "leave open what is a", "more")
    chosen = choose(Contents(many | {"W": Shaped(7, 2)}, {}), wanted, "path")
    assert time.process_time() - start < SECONDS
    assert chosen == {"a": "x", "W": "W"}


def test_lists_in_errors_stay_short(tmp_path):
    names = {"n" * 5000 + str(i): torch.ones((1,) * 60) for i in range(100)}
    for extension in (".npz", ".safetensors"):
        path = write(tmp_path / f"net{extension}", {f"{i}" + "n" * 200: t for i, t in
                     enumerate(names.values())})  # fmt: skip
        assert len(str(refuse(lambda path=path: read_weights(path), "and 80 more"))) < 5000


def test_shared_dictionaries_are_not_followed_for_ever(tmp_path):
    """Four levels of thirty names each, and every name another path to the same tensor."""
    level = {"x": torch.ones(3)}
    for _ in range(6):
        level = {f"k{i}": level for i in range(60)}
    torch.save(level, tmp_path / "net.pt")
    assert (tmp_path / "net.pt").stat().st_size < 20_000

    def read_nothing():
        return read_weights(tmp_path / "net.pt")

    refuse(read_nothing, "found more than 500000 names in dictionaries", "save the weights")
    itself = {"a": torch.tensor(A)}
    itself["model"] = itself
    torch.save(itself, tmp_path / "net.pt")
    refuse(read_nothing, "found ", "a")


def test_a_number_does_not_become_bytes_in_memory(tmp_path):
    class Pads:
        def __reduce__(self):
            return bytearray, (10**11,)

    torch.save({"a": Pads()}, tmp_path / "net.pt")
    refuse(lambda: read_weights(tmp_path / "net.pt"), "found a bytearray where only tensors")
    (tmp_path / "net.pt").write_bytes(pickle.dumps(Pads(), protocol=2))
    refuse(lambda: read_weights(tmp_path / "net.pt"), "found a bytearray where only tensors")


# ---- tensors in dictionaries -------------------------------------------------------------------

OPTIMIZER = {"state": {0: {"step": torch.ones(()), "exp_avg": torch.tensor(W)}}, "groups": [1]}


@pytest.mark.parametrize(
    "content",
    [
        {"model_state_dict": SMALL, "optimizer_state_dict": OPTIMIZER, "epoch": 3},
        {"state_dict": SMALL, "loss": torch.ones(())},
        {"model": {"module": SMALL}},
        {"module." + name: value for name, value in SMALL.items()},
        {"state_dict": {"module." + name: value for name, value in SMALL.items()}},
        {"checkpoint": {"model_state_dict": SMALL, "optimizer": OPTIMIZER}, "step": torch.ones(())},
        {"model": {"fc1": {"weight": SMALL["fc1.weight"]}, "fc2": {"w": SMALL["fc2.weight"]}}},
        {"trained": SMALL},
        {"a": {"b": SMALL}},
        {"model": NAMED},
        {"model_state_dict": {f"module.{name}": value for name, value in NAMED.items()}},
        {"model": NAMED, "initial": {"a": torch.zeros(3), "W": torch.zeros(3, 2)}},
        {"weights": NAMED | {"bias": torch.zeros(3)}},
    ],
)
def test_finds_tensors_in_dictionaries(tmp_path, content):
    torch.save(content, tmp_path / "net.pt")
    found = read_weights(tmp_path / "net.pt")
    np.testing.assert_array_equal(found.a, A)
    np.testing.assert_array_equal(found.W, W)
    assert found.setting == "kkt"


def test_names_of_nested_tensors_are_paths(tmp_path):
    initial = {"a": torch.tensor(2 * A), "W": torch.tensor(2 * W)}
    torch.save({"model_state_dict": NAMED, "initial": initial}, tmp_path / "net.pt")
    found = read_weights(tmp_path / "net.pt", a0="initial.a", w0="initial.W")
    np.testing.assert_array_equal(found.W, W)
    np.testing.assert_array_equal(found.W0, 2 * W)


@pytest.mark.parametrize(
    ("content", "fragments"),
    [
        ({"model": SMALL, "state_dict": SMALL}, ("'model.fc1.weight'", "'state_dict.fc1.weight'")),
        ({"one": SMALL, "two": SMALL}, ("'one.fc1.weight' (3, 2)", "'two.fc2.weight' (1, 3)")),
        ({"one": NAMED, "two": NAMED}, ("found both 'one.a' and 'two.a' for a",)),
        ({"a": {"b": {"c": {"d": SMALL}}}}, ("found no tensors",)),
    ],
)
def test_lists_what_is_in_dictionaries(tmp_path, content, fragments):
    torch.save(content, tmp_path / "net.pt")
    refuse(lambda: read_weights(tmp_path / "net.pt"), *fragments, "--a NAME --w NAME")


def test_names_that_are_no_text_are_passed_over(tmp_path):
    torch.save(
        NAMED | {(1, 2): torch.ones(2, 2), "x" * 9999: torch.ones(3, 3)}, tmp_path / "net.pt"
    )
    assert read_weights(tmp_path / "net.pt").setting == "kkt"
    assert nesting.MAX_NAME < 9999
