"""Files of every format: what comes back, and what is refused in which words."""

from __future__ import annotations

import io
import os
import struct
import zipfile

import numpy as np
import pytest
import safetensors.numpy
import torch
from weight_cases import BRAIN, DOUBLE, EXTENSIONS, FILE_REMEDY, HALF, SINGLE, A, W, refuse, write

from identify.equations.weights import read_weights


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize(
    ("dtype", "precision"),
    [("float64", DOUBLE), ("float32", SINGLE), ("float16", HALF), ("bfloat16", BRAIN)],
)
def test_round_trip(tmp_path, extension, dtype, precision):
    if (extension, dtype) == (".npz", "bfloat16"):
        dtype, precision = "int16", DOUBLE  # numpy has no bfloat16
    tensors = {"a": A * 4, "W": W * 4, "a0": A * 8, "W0": W * 8}  # exact in every dtype
    stored = {name: torch.tensor(x).to(getattr(torch, dtype)) for name, x in tensors.items()}
    found = read_weights(write(tmp_path / f"net{extension}", stored))
    for name, expected in tensors.items():
        np.testing.assert_array_equal(getattr(found, name), expected)
    assert found.precision == precision
    assert found.setting == "known-init"


def test_round_trip_of_numpy_writers(tmp_path):
    np.savez_compressed(tmp_path / "net.npz", a=A[None], w=np.asfortranarray(W))
    safetensors.numpy.save_file({"a": A.astype(np.float32), "w": W}, tmp_path / "net.safetensors")
    (tmp_path / "NET.NPZ").write_bytes((tmp_path / "net.npz").read_bytes())
    for name, precision in (("net.npz", DOUBLE), ("net.safetensors", SINGLE), ("NET.NPZ", DOUBLE)):
        found = read_weights(str(tmp_path / name))
        np.testing.assert_array_equal(found.a, A)
        np.testing.assert_array_equal(found.W, W)
        assert found.precision == precision
        assert found.setting == "kkt"


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s}, lambda s: {"model": s}])
@pytest.mark.parametrize("zipped", [True, False])
def test_reads_a_state_dict(tmp_path, wrap, zipped):
    net = torch.nn.Sequential()
    net.add_module("fc1", torch.nn.Linear(4, 6, bias=False))
    net.add_module("fc2", torch.nn.Linear(6, 1, bias=False))
    content = wrap(net.state_dict()) | {"epoch": 3, "note": "text"}
    torch.save(content, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    found = read_weights(tmp_path / "net.pt")
    np.testing.assert_array_equal(found.a, net.fc2.weight.detach().numpy()[0])
    np.testing.assert_array_equal(found.W, net.fc1.weight.detach().numpy())
    assert found.precision == SINGLE


def test_reads_a_checkpoint_with_its_initialization(tmp_path):
    content = {"model": {"x": torch.tensor(W), "y": torch.tensor(A)}, "a0": torch.tensor(A)}
    torch.save(content, tmp_path / "net.pt")
    assert read_weights(tmp_path / "net.pt").setting == "random-features"


@pytest.mark.parametrize("dtype", [torch.bool, torch.complex64, torch.float8_e4m3fn])
@pytest.mark.parametrize("extension", [".safetensors", ".pt"])
def test_refuses_dtypes_in_files(tmp_path, dtype, extension):
    path = write(
        tmp_path / f"net{extension}", {"a": torch.ones(3).to(dtype), "W": torch.ones(3, 2)}
    )
    refuse(lambda: read_weights(path), "a (tensor 'a'): found dtype", "pass the output weights")


def test_refuses_nan_in_files(tmp_path):
    path = write(tmp_path / "net.npz", {"a": A, "W": W * np.nan})
    refuse(lambda: read_weights(path), "W (tensor 'W'): found 6 of 6 values nan", "index [0, 0]")


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_refuses_what_is_no_file(tmp_path, extension):
    path = tmp_path / f"net{extension}"
    error = refuse(lambda: read_weights(path), "net" + extension, "found no such file", FILE_REMEDY)
    assert isinstance(error.__cause__, FileNotFoundError)
    path.mkdir()
    refuse(lambda: read_weights(path), "path: ", "found a directory", FILE_REMEDY)
    path.rmdir()
    path.touch()
    refuse(lambda: read_weights(path), "path: ", "found an empty file", FILE_REMEDY)
    path.unlink()
    path.symlink_to(os.devnull)
    refuse(lambda: read_weights(path), "path: ", "something that is not a file", FILE_REMEDY)
    path.unlink()
    os.mkfifo(path)  # opening it would wait for ever
    refuse(lambda: read_weights(path), "path: ", "something that is not a file", FILE_REMEDY)


@pytest.mark.parametrize("name", ["net.npy", "net.pkl", "net", "net.npz.zip", ".npz"])
def test_refuses_other_extensions(tmp_path, name):
    (tmp_path / name).write_bytes(b"content")
    refuse(lambda: read_weights(tmp_path / name), "found the extension", FILE_REMEDY)


@pytest.mark.parametrize("path", [3, None, b"net.npz", "net\0.npz"])
def test_refuses_what_is_no_path(path):
    refuse(lambda: read_weights(path), "path: ", "found no readable path", FILE_REMEDY)


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("keep", [0.02, 0.3, 0.7, 0.99])
def test_refuses_truncated_files(tmp_path, extension, keep):
    path = write(tmp_path / f"net{extension}", {"a": A, "W": W})
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    assert refuse(lambda: read_weights(path), "path: ", "found no ", "save ").__cause__


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("actual", EXTENSIONS[:3])
def test_refuses_a_file_of_another_format(tmp_path, extension, actual):
    path = write(tmp_path / f"net{actual}", {"x": A, "y": W})
    path = path.rename(tmp_path / f"other{extension}")
    if extension == actual or {extension, actual} == {".pt", ".pth"}:
        assert read_weights(path).setting == "kkt"
    else:
        refuse(lambda: read_weights(path), "path: ", "found no ")


def test_refuses_an_npy_array_called_npz(tmp_path):
    with (tmp_path / "net.npz").open("wb") as handle:
        np.save(handle, W)
    refuse(lambda: read_weights(tmp_path / "net.npz"), "found no .npz file", "numpy.savez")


def test_refuses_a_file_that_changed_on_disk(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, a=A, W=W)
    path.write_bytes(path.read_bytes().replace(W.tobytes(), (2 * W).tobytes()))
    refuse(lambda: read_weights(path), "found entry 'W' to be damaged", "numpy.savez")


@pytest.mark.parametrize("content", [torch.ones(3), [torch.ones(3)], 3, "text"])
def test_refuses_a_torch_file_without_names(tmp_path, content):
    torch.save(content, tmp_path / "net.pt")
    refuse(lambda: read_weights(tmp_path / "net.pt"), "path: ", "save a dict of tensors")


def test_refuses_names_that_occur_twice(tmp_path):
    state = {"a": torch.tensor(A), "W": torch.tensor(W)}
    torch.save({"model": state, "a": torch.tensor(A)}, tmp_path / "net.pt")
    refuse(lambda: read_weights(tmp_path / "net.pt"), "found both 'a' and 'model.a' for a", "--a")
    assert read_weights(tmp_path / "net.pt", a="model.a").setting == "kkt"
    torch.save({"a": {"b": torch.tensor(A)}, "a.b": torch.tensor(A)}, tmp_path / "net.pt")
    refuse(lambda: read_weights(tmp_path / "net.pt"), "found two tensors named 'a.b'", "once")
    data = io.BytesIO()
    np.savez(data, a=A, W=W, b=A)
    (tmp_path / "net.npz").write_bytes(data.getvalue().replace(b"b.npy", b"a.npy"))
    refuse(lambda: read_weights(tmp_path / "net.npz"), "found two entries named 'a'", "numpy.savez")


def test_reads_an_array_of_python_2_in_silence(tmp_path):
    path = write(tmp_path / "net.npz", {"a": A, "W": W})
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3L,), }"  # numpy warns of it
    entry = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + (2 * A).tobytes()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a0.npy", entry)
    np.testing.assert_array_equal(read_weights(path).a0, 2 * A)


def test_ignores_what_is_no_array_in_an_archive(tmp_path):
    path = write(tmp_path / "net.npz", {"a": A, "W": W})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("notes.txt", "text")
    assert read_weights(path).setting == "kkt"
