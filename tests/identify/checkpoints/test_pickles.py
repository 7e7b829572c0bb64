"""identify.checkpoints.pickles: what torch would build is told without torch."""

from __future__ import annotations

import io
import pickletools
import time
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch
from torch_file_cases import NAMED, Fraction, saved
from weight_cases import W, refuse

from identify.checkpoints.limits import RefusedError
from identify.checkpoints.nesting import leaves
from identify.checkpoints.pickle_names import Layout, Storage, names_data
from identify.checkpoints.pickles import Described, describe
from identify.equations.weights import read_weights


def steps(data: bytes) -> list[tuple[str, object]]:
    return [(step.name, argument) for step, argument, _ in pickletools.genops(data)]


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


def test_tuples_within_tuples_are_not_hashed_for_ever():
    """Sixty tuples, each twice in the next, as a key: torch would hash 2^60 of them."""
    tower = [("EMPTY_DICT", None), ("MARK", None), ("EMPTY_TUPLE", None)]
    for k in range(60):
        tower += [("BINPUT", k), ("BINGET", k), ("TUPLE2", None)]
    start = time.process_time()
    with pytest.raises(ValueError, match="do not end"):
        describe([*tower, ("NONE", None), ("SETITEMS", None), ("STOP", None)])
    assert time.process_time() - start < 2


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
