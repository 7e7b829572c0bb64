"""identify.checkpoints.pickles: what torch would build is told, and refused, without torch."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import subprocess
import sys
import time
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch
from weight_cases import A, W, refuse

from identify.checkpoints.limits import RefusedError
from identify.checkpoints.nesting import leaves
from identify.checkpoints.pickle_names import Layout, Storage, names_data
from identify.checkpoints.pickles import Described, describe
from identify.equations.weights import read_weights

NAMED = {"a": torch.tensor(A), "W": torch.tensor(W)}


def steps(data: bytes) -> list[tuple[str, object]]:
    return [(step.name, argument) for step, argument, _ in pickletools.genops(data)]


def saved(content: object) -> bytes:
    data = io.BytesIO()
    torch.save(content, data)
    return data.getvalue()


def described(content: object) -> Described:
    archive = zipfile.ZipFile(io.BytesIO(saved(content)))
    return describe(steps(archive.read(archive.namelist()[0].split("/")[0] + "/data.pkl")))


def trained() -> dict[str, object]:
    """A checkpoint as programs write them, with all that comes beside the weights."""
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    return {
        "model": network.state_dict(),
        "parameter": network[0].weight,
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "loss": 0.5,
        "done": True,
        "nothing": None,
        "history": [(1, 0.25), (2, 0.125)],
    }


def beside() -> dict[object, object]:
    """Values that torch lets through and that are no tensors."""
    return {
        "size": torch.Size([2, 3]),
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "number": 2 + 3j,
        "bytes": b"\x00\xff",
        "set": {1, (2, (3,))},
        "counter": Counter("abca"),
        "ordered": OrderedDict(a=torch.ones(2)),
        (1, (2, 3)): torch.ones(1),
        torch.ones(1): torch.ones(2),
        1: torch.ones(3),
        "big": 2**70,
    }


def every_dtype() -> dict[str, torch.Tensor]:
    names = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32")
    every = {name: torch.ones(2, 3).to(getattr(torch, name)) for name in names}
    every |= {"double": torch.ones(2, dtype=torch.float64)}
    return every | {"complex": torch.ones(2, dtype=torch.complex64)}


def views() -> dict[str, torch.Tensor]:
    whole = torch.arange(24.0).reshape(4, 6)
    return {
        "turned": whole.T,
        "part": whole[1:3, 2:],
        "again": whole,
        "expanded": whole[:1].expand(9, 6),
        "empty": whole[:0],
        "number": whole[0, 0],
    }


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("make", [trained, beside, every_dtype, views])
def test_tells_the_tensors_that_torch_loads(tmp_path, make, zipped):
    content, path = make(), tmp_path / "net.pt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    found = described(content)
    assert found.complete
    told = [(p, t.dtype, t.shape) for p, t in leaves(found.content) if isinstance(t, Layout)]
    loaded = [
        (p, str(t.dtype).removeprefix("torch."), tuple(t.shape))
        for p, t in leaves(torch.load(path, weights_only=True))
        if isinstance(t, torch.Tensor)
    ]
    assert told == loaded
    assert len(told) > 1
    torch.save(NAMED | {"more": content}, path, _use_new_zipfile_serialization=zipped)
    np.testing.assert_array_equal(read_weights(path, a="a", w="W").W, W)


def test_leaves_other_tensors_to_torch(tmp_path):
    tensor = torch.eye(2).to_sparse()
    assert not described({"t": tensor}).complete
    torch.save(NAMED | {"more": tensor}, tmp_path / "net.pt")
    np.testing.assert_array_equal(read_weights(tmp_path / "net.pt").W, W)


def test_every_name_that_torch_allows_is_let_through():
    from torch._weights_only_unpickler import _get_allowed_globals

    names = set(_get_allowed_globals()) - {"builtins.bytearray"}  # a number made bytes
    assert [name for name in names if not names_data(name)] == []
    for name in ("builtins.print", "torch.os.system", "torch._utils._reb", "torch.nn.Linear"):
        assert not names_data(name)


def test_a_class_that_the_caller_allowed_is_left_to_torch(tmp_path):
    torch.save(NAMED | {"more": Fraction(1, 2)}, tmp_path / "net.pt")
    refuse(lambda: read_weights(tmp_path / "net.pt"), "Fraction, which is code")
    with torch.serialization.safe_globals([Fraction]):
        np.testing.assert_array_equal(read_weights(tmp_path / "net.pt").W, W)


class Fraction:
    """A class of the caller's."""

    def __init__(self, above: int, below: int) -> None:
        self.parts = above, below

    def __reduce__(self):
        return Fraction, self.parts


# ---- refused, and before torch is imported ------------------------------------------------------


def legacy(content: object) -> bytes:
    data = io.BytesIO()
    torch.save(content, data, _use_new_zipfile_serialization=False)
    return data.getvalue()


def without(data: bytes, name: str) -> bytes:
    """The archive without one of its entries."""
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(kept, "w") as written:
        for entry in archive.infolist():
            if not entry.filename.endswith(name):
                written.writestr(entry, archive.read(entry))
    return kept.getvalue()


def as_directory(data: bytes) -> bytes:
    """The archive with its last storage marked as a directory."""
    changed = bytearray(data)
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(b"/data/1"))
    changed[at + 38] |= 0x10
    return bytes(changed)


def counted(data: bytes) -> bytes:
    """The file with another count before its first storage; torch sorts them by address."""
    both = 8 + 3 * 8 + 8 + 6 * 8
    return data[:-both] + struct.pack("<Q", 7) + data[8 - both :]


REFUSED = {
    "code": pickle.dumps(print),
    "code.zip": saved(NAMED | {"more": Fraction(1, 2)}),
    "module": saved(torch.nn.Linear(2, 1)),
    "list": saved([torch.ones(1)]),
    "tensor": saved(torch.ones(1)),
    "wide": saved({"a": torch.ones(10**5), "W": torch.ones(1).expand(10**5, 10**6)}),
    "many": saved({f"t{k}": torch.ones(1) for k in range(3000)}),
    "markup": saved({"<b>": torch.ones(2, 2)}),
    "short": legacy(NAMED)[:-1],
    "counted": counted(legacy(NAMED)),
    "lacking": without(saved(NAMED), "data/1"),
    "empty": without(saved(NAMED), "data.pkl"),
    "directory": as_directory(saved(NAMED)),
    "marks": b"\x80\x02" + b"(" * 100_000 + b".",
}


def test_malformed_files_are_refused_before_torch_is_imported(tmp_path):
    for name, data in REFUSED.items():
        (tmp_path / f"{name}.pt").write_bytes(data)
    code = (
        "import sys\nfrom identify.equations.weights import read_weights\n"
        "for path in sys.argv[1:]:\n"
        "    try: read_weights(path)\n"
        "    except ValueError as error: assert 'torch' not in sys.modules, (path, error)\n"
        "    else: raise AssertionError(path)"
    )
    paths = [str(tmp_path / f"{name}.pt") for name in REFUSED]
    subprocess.run([sys.executable, "-c", code, *paths], check=True)


def test_a_storage_marked_as_a_directory_is_refused(tmp_path):
    """Torch reads none of it and returns what lies in memory."""
    (tmp_path / "net.pt").write_bytes(as_directory(saved(NAMED)))
    assert torch.load(tmp_path / "net.pt", weights_only=True)["W"].shape == (3, 2)
    refuse(lambda: read_weights(tmp_path / "net.pt"), "found no tensors that can be read")


def test_two_entries_of_one_name_are_refused(tmp_path):
    """Torch tells names without regard to case, and takes either."""
    path = tmp_path / "net.pt"
    path.write_bytes(saved(NAMED))
    with zipfile.ZipFile(path) as archive:
        root = archive.namelist()[0].split("/")[0]
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{root}/DATA/1", bytes(48))
    refuse(lambda: read_weights(path), "found no tensors that can be read")


def test_tuples_within_tuples_are_not_hashed_for_ever():
    """Sixty tuples, each twice in the next, as a key: torch would hash 2^60 of them."""
    tower = [("EMPTY_DICT", None), ("MARK", None), ("EMPTY_TUPLE", None)]
    for k in range(60):
        tower += [("BINPUT", k), ("BINGET", k), ("TUPLE2", None)]
    start = time.process_time()
    with pytest.raises(ValueError, match="do not end"):
        describe([*tower, ("NONE", None), ("SETITEMS", None), ("STOP", None)])
    assert time.process_time() - start < 2


@pytest.mark.parametrize("where", ["key of a dictionary", "name of a storage"])
def test_tuples_are_not_nested_deeper_than_the_stack_is(tmp_path, where):
    """A key of 400,000 tuples, one in the other, would end the process, torch's too."""
    deep = b")" + b"\x85" * 400_000
    if where == "key of a dictionary":
        with zipfile.ZipFile(tmp_path / "net.pt", "w") as archive:
            archive.writestr("net/data.pkl", b"\x80\x02}(" + deep + b"Nu.")
    else:
        whole = legacy(NAMED)
        names = whole.rindex(b"\x80\x02]q")
        (tmp_path / "net.pt").write_bytes(whole[:names] + b"\x80\x02](" + deep + b"e.")
    code = (
        "import sys\nfrom identify.equations.weights import read_weights\nread_weights(sys.argv[1])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "net.pt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ValueError: path: " in done.stderr.splitlines()[-1]


STORAGE = [
    ("MARK", None), ("BINUNICODE", "storage"), ("GLOBAL", "torch FloatStorage"),
    ("BINUNICODE", "0"), ("BINUNICODE", "cpu"), ("BININT1", 6), ("TUPLE", None), ("BINPERSID", "")
]  # fmt: skip


def tensor_of(offset: int, shape: tuple[int, ...], strides: tuple[int, ...]):
    """The steps that make a tensor of a storage of six numbers."""
    sizes = [[("MARK", None), *(("BININT", n) for n in ns), ("TUPLE", None)]
             for ns in (shape, strides)]  # fmt: skip
    return [
        ("GLOBAL", "torch._utils _rebuild_tensor"), ("MARK", None), *STORAGE, ("BININT1", offset),
        *sizes[0], *sizes[1], ("TUPLE", None), ("REDUCE", None), ("STOP", None)
    ]  # fmt: skip


def test_a_tensor_stays_within_its_storage():
    fits = Layout("float32", (2, 3), Storage("0", "float32", 6))
    assert describe(tensor_of(0, (2, 3), (3, 1))).content == fits
    assert describe(tensor_of(5, (0,), (1,))).content.count == 0
    for offset, shape, strides in ((1, (2, 3), (3, 1)), (0, (2, 3), (4, 1)), (0, (7,), (1,))):
        with pytest.raises(ValueError, match="past the end"):
            describe(tensor_of(offset, shape, strides))
    for offset, shape, strides in ((0, (-1,), (1,)), (0, (2, 3), (3,)), (0, (2,), (-1,))):
        with pytest.raises(ValueError, match="sizes and strides"):
            describe(tensor_of(offset, shape, strides))


@pytest.mark.parametrize(
    "wrong",
    [
        [("NONE", None)],
        [("EMPTY_TUPLE", None), ("NONE", None), ("APPEND", None), ("STOP", None)],
        [("EMPTY_LIST", None), ("NONE", None), ("NONE", None), ("SETITEM", None), ("STOP", None)],
        [("EMPTY_DICT", None), ("EMPTY_LIST", None), ("NONE", None), ("SETITEM", None),
         ("STOP", None)],
        [("NONE", None), ("EMPTY_TUPLE", None), ("REDUCE", None), ("STOP", None)],
        [("NONE", None), ("EMPTY_TUPLE", None), ("NEWOBJ", None), ("STOP", None)],
        [("EMPTY_TUPLE", None), ("BINPERSID", ""), ("STOP", None)],
        [("BINGET", 3), ("STOP", None)],
        [("STACK_GLOBAL", None), ("STOP", None)],
    ],
)  # fmt: skip
def test_what_is_no_pickle_of_tensors_is_refused(wrong):
    with pytest.raises((ValueError, LookupError, TypeError, RefusedError)):
        describe(wrong)
