"""Weights: what is accepted, what is refused in which words, and that nothing runs."""

from __future__ import annotations

import io
import os
import pickle
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from weight_cases import EXTENSIONS, FILE_REMEDY, A, W, refuse, write

from identify.checkpoints import limits
from identify.equations.weights import as_weights, read_weights

DOUBLE, SINGLE, HALF, BRAIN = 2.0**-53, 2.0**-24, 2.0**-11, 2.0**-8


# ---- arrays ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (1, 3), (3, 1)])
@pytest.mark.parametrize("kind", ["numpy", "torch", "list", "fortran", "reversed"])
def test_accepts_every_kind_of_array(shape, kind):
    convert = {
        "numpy": np.array,
        "torch": lambda x: torch.tensor(x, requires_grad=True),
        "list": lambda x: x.tolist(),
        "fortran": np.asfortranarray,
        "reversed": lambda x: x[::-1].copy()[::-1],
    }[kind]
    found = as_weights(convert(A.reshape(shape)), convert(W), (convert(A + 1), convert(W + 1)))
    assert found.setting == "known-init"
    assert found.precision == DOUBLE
    for array, expected in zip(
        (found.a, found.W, found.a0, found.W0), (A, W, A + 1, W + 1), strict=True
    ):
        np.testing.assert_array_equal(array, expected)
        assert type(array) is np.ndarray
        assert array.dtype == np.float64
        assert array.flags.c_contiguous


def test_is_a_copy():
    a, hidden = A.copy(), torch.tensor(W)
    found = as_weights(a, hidden)
    a[0], hidden[0, 0] = 99, 99
    np.testing.assert_array_equal(found.a, A)
    np.testing.assert_array_equal(found.W, W)


@pytest.mark.parametrize(
    ("init", "setting"), [(None, "kkt"), ((A, W), "known-init"), ((A, None), "random-features")]
)
def test_setting(init, setting):
    assert as_weights(A, W, init).setting == setting


@pytest.mark.parametrize(
    ("a", "w", "precision"),
    [
        (A, W, DOUBLE),
        (A.astype(np.float32), W, SINGLE),
        (A, W.astype(">f4"), SINGLE),
        (A.astype(np.float16), W.astype(np.float32), HALF),
        (A.astype(np.longdouble), W, DOUBLE),
        (np.array([1, 2, 3], dtype=np.uint8), W.astype(int), DOUBLE),
        ([1, 2, 3], W.astype(np.float32), SINGLE),
        (torch.tensor(A, dtype=torch.float64), torch.tensor(W), DOUBLE),
        (torch.tensor(A, dtype=torch.bfloat16), torch.tensor(W, dtype=torch.float16), BRAIN),
        (torch.tensor([1, 2, 3], dtype=torch.int16), torch.tensor(W, dtype=torch.float16), HALF),
        (list(torch.tensor(A, dtype=torch.bfloat16, requires_grad=True)), W, BRAIN),
        (torch.nn.Parameter(torch.ones(1, 3)), W, SINGLE),
        (torch.ones(3, dtype=torch.complex64).conj().imag, W, SINGLE),
    ],
)
def test_precision_is_that_of_the_coarsest_input(a, w, precision):
    assert as_weights(a, w).precision == precision


@pytest.mark.parametrize(
    ("init", "precision"),
    [
        ((A.astype(np.float16), W), HALF),
        ((A, torch.tensor(W, dtype=torch.bfloat16)), BRAIN),
        ((A.astype(np.float32), None), SINGLE),
    ],
)
def test_precision_counts_the_initialization(init, precision):
    assert as_weights(A, W, init).precision == precision


@pytest.mark.parametrize("scale", [1e150, 1e-150, 5e-324])
def test_accepts_extreme_scales(scale):
    found = as_weights(np.full(3, scale), np.full((3, 2), scale))
    assert {*found.a.flat, *found.W.flat} == {scale}


def test_accepts_zeros_that_are_not_everything():
    as_weights(np.zeros(3), W, (np.zeros(3), np.zeros((3, 2))))
    as_weights(A, np.zeros((3, 2)))
    as_weights(np.ma.masked_array(A, False), W)


def with_entry(array, index, value):
    changed = array.copy()
    changed[index] = value
    return changed


class Explosive:
    def __array__(self, dtype=None, copy=None):
        raise KeyError("no")


@pytest.mark.parametrize(
    ("a", "w", "init", "fragments"),
    [
        # a itself
        (3.0, W, None, ("a: found shape ()", "pass the output weights, shape (m,)")),
        (np.ones((3, 3)), W, None, ("a: found shape (3, 3)", "(m,), (1, m) or (m, 1)")),
        (np.ones((1, 3, 1)), W, None, ("a: found shape (1, 3, 1)",)),
        ([], np.ones((0, 2)), None, ("a: found the empty shape (0,)", "pass the output")),
        (np.ones((1, 0)), np.ones((0, 2)), None, ("a: found the empty shape (1, 0)",)),
        (None, W, None, ("a: found dtype object (NoneType)", "pass the output weights")),
        ({1.0, 2.0}, W, None, ("a: found dtype object (set)",)),
        ("weights", W, None, ("a: found dtype str", "as real numbers")),
        (["1", "2", "3"], W, None, ("a: found dtype str", "(list)")),
        (A.astype(object), W, None, ("a: found dtype object (ndarray)",)),
        ([10**400] * 3, W, None, ("a: found dtype object (list)",)),
        (A.astype(complex), W, None, ("a: found dtype complex128", "as real numbers")),
        (torch.ones(3, dtype=torch.complex64), W, None, ("a: found dtype complex64 (Tensor)",)),
        (A > 0, W, None, ("a: found dtype bool", "float32, float64 or integers")),
        ([True, False, True], W, None, ("a: found dtype bool (list)",)),
        (torch.tensor([True]), W, None, ("a: found dtype bool (Tensor)",)),
        (np.array(["2020"], dtype="M8[Y]"), W, None, ("a: found dtype datetime64",)),
        (torch.ones(3).to(torch.float8_e5m2), W, None, ("a: found dtype float8_e5m2",)),
        (torch.ones(3, device="meta"), W, None, ("a: found a Tensor that does not convert",)),
        (torch.ones(3).to_sparse(), W, None, ("a: found a Tensor that does not convert",)),
        (torch.nn.Linear(3, 1), W, None, ("a: found a Linear that does not convert", "pass the")),
        (Explosive(), W, None, ("a: found a Explosive that does not convert",)),
        ([[1.0], [2.0, 3.0]], W, None, ("a: found a list", "different lengths", "pass the output")),
        (np.ma.masked_array(A, [0, 1, 0]), W, None, ("a: found masked entries", "every entry")),
        (with_entry(A, 1, np.nan), W, None, ("a: found 1 of 3 values nan", "index [1]", "finite")),
        (np.full((1, 3), np.inf), W, None, ("a: found 3 of 3 values", "at index [0, 0]")),
        (np.longdouble("1e4000") * A, W, None, ("a: found 3 of 3 values", "in float64")),
        # W itself, and against a
        (A, A, None, ("W: found shape (3,)", "pass the hidden weights, shape (m, d)")),
        (A, W[None], None, ("W: found shape (1, 3, 2)",)),
        (A, np.ones((3, 0)), None, ("W: found the empty shape (3, 0)", "pass the hidden weights")),
        (A, [[1, 2], [3], [4, 5]], None, ("W: found a list", "different lengths")),
        (A, with_entry(W, (2, 1), -np.inf), None, ("W: found 1 of 6 values", "index [2, 1]")),
        (A, W.astype(complex), None, ("W: found dtype complex128",)),
        (
            A,
            W[:2],
            None,
            ("a: found 3 output weights", "shape (2, 2)", "one output weight per row"),
        ),
        (A, W.T, None, ("a: found 3 output weights", "pass W.T")),
        (0 * A, 0 * W, None, ("a, W: found every weight 0", "trained network")),
        # init
        (A, W, [A, W], ("init: found a list", "pass None, (a0, W0), or (a0, None)")),
        (A, W, A, ("init: found a ndarray", "pass None")),
        (A, W, (A,), ("init: found a tuple of length 1", "pass None")),
        (A, W, (A, W, W), ("init: found a tuple of length 3",)),
        (A, W, (None, W), ("init: found None in place of a0", "pass None")),
        (A, W, (A[:2], W), ("init: a0: found shape (2,)", "pass the shape of a", "(3,)")),
        (A, W, (A, W[:, :1]), ("init: W0: found shape (3, 1)", "pass the shape of W", "(3, 2)")),
        (A, W, (A[:2], None), ("init: a0: found shape (2,)",)),
        (A, W, (A, A), ("init: W0: found shape (3,)", "initial hidden weights")),
        (A, W, (A * np.nan, W), ("init: a0: found 3 of 3 values",)),
        (A, W, (A, W > 0), ("init: W0: found dtype bool",)),
    ],
)
def test_refuses_defects(a, w, init, fragments):
    error = refuse(lambda: as_weights(a, w, init), *fragments)
    assert str(error).startswith(fragments[0])


JUNK = st.one_of(
    arrays(
        st.sampled_from([np.float16, np.float64, np.int8, np.bool_, np.complex64, "S3"]),
        st.lists(st.integers(0, 3), max_size=3).map(tuple),
    ),
    st.recursive(st.none() | st.floats() | st.integers() | st.text(max_size=3), st.lists),
)


@settings(max_examples=60, deadline=None)
@given(JUNK, st.integers(1, 3))
def test_any_object_is_weights_or_one_error(a, m):
    message = ""
    try:
        found = as_weights(a, np.ones((m, 2)))
    except ValueError as error:
        message = str(error)
    else:
        assert found.a.shape == (m,)
        assert np.isfinite(found.a).all()
    assert re.fullmatch(r"(a: found .*; pass .*)?", message, re.DOTALL)


def test_import_leaves_torch_out():
    use = "import identify.equations.weights as w; w.as_weights([1], [[2]])"
    code = f"import sys; {use}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# ---- files that hold weights -------------------------------------------------------------------


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


# ---- files that do not -------------------------------------------------------------------------


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


# ---- files that attack -------------------------------------------------------------------------


class Payload:
    """Pickles to a call of os.system that leaves a mark."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch '{self.marker}'",)


def attacks(payload: Payload) -> dict[str, bytes]:
    """Files that run the payload when read carelessly."""
    files = {"plain.pt": pickle.dumps({"a": payload}), "plain.npz": pickle.dumps(payload)}
    for name, zipped in (("zipped.pt", True), ("legacy.pth", False)):
        data = io.BytesIO()
        content = {"a": torch.tensor(A), "W": torch.tensor(W), "more": payload}
        torch.save(content, data, _use_new_zipfile_serialization=zipped)
        files[name] = data.getvalue()
    data = io.BytesIO()
    np.savez(data, a=A, W=W, more=np.array([payload], dtype=object))
    return files | {"object.npz": data.getvalue(), "plain.safetensors": pickle.dumps(payload)}


ATTACKS = ("plain.pt", "plain.npz", "zipped.pt", "legacy.pth", "object.npz", "plain.safetensors")


@pytest.mark.parametrize("name", ATTACKS)
def test_runs_no_code(tmp_path, name):
    marker = tmp_path / "ran"
    path = tmp_path / name
    path.write_bytes(attacks(Payload(marker))[name])
    error = refuse(lambda: read_weights(path), "path: ", name, "found ", "save ")
    assert error.__cause__
    assert "weights_only=False" not in str(error)
    assert "allow_pickle=True" not in str(error)
    assert not marker.exists()


@pytest.mark.parametrize("name", ATTACKS)
def test_that_the_attacks_are_live(tmp_path, name):
    marker = tmp_path / "ran"
    data = attacks(Payload(marker))[name]
    if name == "object.npz":
        with np.load(io.BytesIO(data), allow_pickle=True) as archive:
            archive["more"]
    elif name in {"zipped.pt", "legacy.pth"}:
        options = {"weights_only": False}
        torch.load(io.BytesIO(data), **options)
    else:
        np.load(io.BytesIO(data), allow_pickle=True)
    assert marker.exists()


def test_names_the_code_in_a_torch_file(tmp_path):
    torch.save({"a": Payload(tmp_path / "ran")}, tmp_path / "net.pt")
    refuse(lambda: read_weights(tmp_path / "net.pt"), "posix.system, which is code", ".safetensors")
    torch.save(torch.nn.Linear(2, 1), tmp_path / "net.pt")
    refuse(lambda: read_weights(tmp_path / "net.pt"), "Linear, which is code", "model.state_dict()")


def test_refuses_old_torch_archives(tmp_path):
    with tarfile.open(tmp_path / "net.pt", "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    refuse(lambda: read_weights(tmp_path / "net.pt"), "found no tensors that can be read", "save ")


def declare(data: bytes, size: int) -> bytes:
    """Change the unpacked size that each entry of a zip archive declares in its directory."""
    changed = bytearray(data)
    for found in re.finditer(rb"PK\x01\x02", data):
        struct.pack_into("<I", changed, found.start() + 24, size)
    return bytes(changed)


@pytest.mark.parametrize("extension", [".npz", ".pt"])
def test_refuses_a_zip_bomb(tmp_path, extension):
    path = write(tmp_path / f"net{extension}", {"a": A, "W": W, "b": A})
    path.write_bytes(declare(path.read_bytes(), 0xFFFFFFF0))
    refuse(lambda: read_weights(path), "bytes once unpacked", str(limits.MAX_BYTES), "pass a file")


def test_limit_counts_what_is_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "net.npz", a=np.ones(2000), W=np.ones((2000, 3)))
    assert (tmp_path / "net.npz").stat().st_size < 2000
    monkeypatch.setattr(limits, "MAX_BYTES", 66_000)
    assert read_weights(tmp_path / "net.npz").setting == "kkt"
    monkeypatch.setattr(limits, "MAX_BYTES", 64_000)
    refuse(lambda: read_weights(tmp_path / "net.npz"), "bytes once unpacked", "at most 64000 bytes")


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_limit_counts_the_file(tmp_path, extension):
    path = tmp_path / f"net{extension}"
    with path.open("wb") as handle:
        handle.truncate(limits.MAX_BYTES + 1)  # sparse: takes no space
    refuse(lambda: read_weights(path), f"found {limits.MAX_BYTES + 1} bytes", "at most")


def test_refuses_expanded_tensors(tmp_path):
    big = torch.ones(1).expand(10**5, 10**6)
    torch.save({"a": torch.ones(10**5), "W": big}, tmp_path / "net.pt")
    assert (tmp_path / "net.pt").stat().st_size < 10**6
    refuse(lambda: read_weights(tmp_path / "net.pt"), "found 'W' to be larger than", "save ")


@pytest.mark.parametrize("shape", ["(1125899906842624,)", "(-1,)", "(2**99,)", "(" * 3000])
def test_refuses_array_headers_that_lie(tmp_path, shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    entry = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(16)
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive:
        archive.writestr("a.npy", entry)
    refuse(lambda: read_weights(tmp_path / "net.npz"), "found entry 'a' to be damaged", "save ")


def test_refuses_other_ways_of_packing(tmp_path):
    with zipfile.ZipFile(tmp_path / "net.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.npy", bytes(1000))
    refuse(lambda: read_weights(tmp_path / "net.npz"), "encrypted or not packed by deflate", "save")


FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MAGIC = (b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\x80\x02", b"\x93NUMPY\x01\x00")
HEADER = (8).to_bytes(8, "little") + b'{"a":{}}'


@pytest.mark.parametrize("extension", EXTENSIONS)
@FUZZ
@given(st.sampled_from((*MAGIC, HEADER)), st.binary(max_size=200))
def test_arbitrary_bytes_are_one_error(tmp_path, extension, magic, data):
    path = tmp_path / f"net{extension}"
    path.write_bytes(magic + data)
    with pytest.raises(ValueError, match=r"^path: .*found .*; (pass|save|name) "):
        read_weights(path)


@pytest.mark.parametrize("extension", EXTENSIONS[:3])
@FUZZ
@given(st.data())
def test_damaged_files_are_weights_or_one_error(tmp_path, extension, data):
    path = tmp_path / f"net{extension}"
    if not path.exists():
        write(path, {"a": A, "W": W})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / f"damaged{extension}"
    damaged.write_bytes(content)
    message = ""
    try:
        found = read_weights(damaged)
    except ValueError as error:
        message = str(error)
    else:
        assert np.isfinite(found.W).all()
    assert re.fullmatch(r"(.*: found .*; .*)?", message, re.DOTALL)
