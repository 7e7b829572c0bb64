"""Checkpoints of any size are opened, and what lies about itself is refused before it is read."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from weight_cases import EXTENSIONS, damaged_file, refuse, write

from identify.checkpoints import limits
from identify.checkpoints.pairs import open_pairs
from identify.checkpoints.sources import open_source

TENSORS = {"0.weight": np.arange(6.0).reshape(3, 2), "2.weight": np.ones((1, 3))}


def opened(path):
    """Every pair, with its values read."""
    return [pair.trained() for pair in open_pairs(path, TENSORS)]


class Payload:
    """Pickles to a call of os.system that leaves a mark."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch '{self.marker}'",)


@pytest.mark.parametrize(
    "form", ["zipped.pt", "legacy.pt", "plain.pt", "object.npz", "plain.safetensors"]
)
def test_runs_no_code(tmp_path, form):
    marker, path = tmp_path / "ran", tmp_path / form
    content = {"0.weight": torch.ones(3, 2), "more": Payload(marker)}
    if form in {"zipped.pt", "legacy.pt"}:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zipped.pt")
    elif form == "object.npz":
        np.savez(path, w=np.ones((3, 2)), more=np.array([Payload(marker)], dtype=object))
    else:
        path.write_bytes(pickle.dumps(content["more"]))
    refuse(lambda: opened(path), "trained: ", form, "found ", "save ")
    assert not marker.exists()


def safetensors(path: Path, header: object, data: bytes = bytes(48), length: int | None = None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def entry(shape=(3, 2), start=0, stop=48, dtype="F64") -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


@pytest.mark.parametrize(
    "header",
    [
        {"w": entry(stop=40)},  # another length than the shape
        {"w": entry(shape=(2**40, 2**40))},
        {"w": entry(start=8, stop=56)},  # beyond the file, and a gap
        {"w": entry(start=-48, stop=0)},
        {"w": entry(), "v": entry()},  # one over the other
        {"w": entry(shape=(3,), stop=24)},  # a rest
        {"w": entry(shape=(1,), stop=8), "v": entry(shape=(4,), start=16)},  # a gap
        {"w": entry(shape=(-3, -2))},
        {"w": entry(shape=(3.0, 2))},
        {"w": entry(shape=(True, 6))},
        {"w": entry(dtype="X", stop=99)},
        {"w": entry() | {"data_offsets": [0]}},
        {"w": entry() | {"shape": None}},
        {"w": {"shape": [3, 2]}},
        {"w": 3},
        [entry()],
        b'{"w": {"dtype": "F64", "shape": [3, 2], "data_offsets": [0, 48]}, "w": 3}',
        b"[" * 100_000,
        b"\xff\xfe",
        b"{",
    ],
)
def test_refuses_headers_that_lie(tmp_path, header):
    path = safetensors(tmp_path / "net.safetensors", header)
    refuse(lambda: opened(path), "found no .safetensors file that can be read, or a damaged one")


def test_refuses_headers_beyond_the_limits(tmp_path):
    path = tmp_path / "net.safetensors"
    safetensors(path, {"w": entry()}, length=2**60)
    refuse(lambda: opened(path), "or a damaged one")
    safetensors(path, b" " * (limits.MAX_HEADER + 1))
    refuse(lambda: opened(path), f"found a header of {limits.MAX_HEADER + 1} bytes")
    empty = entry(shape=(0,), start=48, stop=48)
    safetensors(path, {"w": entry()} | {f"t{i}": empty for i in range(20_000)})
    refuse(lambda: opened(path), "found 20001 tensors, more than 10000")


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("keep", [0.02, 0.5, 0.9, 0.99])
def test_refuses_truncated_files(tmp_path, extension, keep):
    path = write(tmp_path / f"net{extension}", TENSORS)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    refuse(lambda: opened(path), "trained: ", "found ", "save ")


@pytest.mark.parametrize("shape", ["(1125899906842624,)", "(-1,)", "(2**99,)", "(2, 2)"])
def test_refuses_array_headers_that_lie(tmp_path, shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(16)
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive:
        archive.writestr("w.npy", array)
    refuse(lambda: opened(tmp_path / "net.npz"), "found entry 'w' to be damaged", "save ")


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_the_size_of_a_file_is_no_reason_to_refuse_it(tmp_path, extension, monkeypatch):
    path = write(tmp_path / f"net{extension}", TENSORS)
    monkeypatch.setattr(limits, "MAX_BYTES", 16)
    for found, expected in zip(opened(path), TENSORS.values(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_what_unpacks_to_more_than_the_file_is_limited(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "net.npz", w=np.ones((2000, 3)))
    monkeypatch.setattr(limits, "MAX_BYTES", 40_000)
    refuse(lambda: opened(tmp_path / "net.npz"), "bytes once unpacked", "at most 40000 bytes")
    torch.save({"w": torch.ones(1).expand(10**5, 10**6)}, tmp_path / "net.pt")
    refuse(lambda: opened(tmp_path / "net.pt"), "found 'w' to be larger than 40000 bytes")


def test_a_torch_file_packed_by_deflate_is_read_as_one(tmp_path):
    """Mapped into memory, its packed bytes would be taken for numbers."""
    path = write(tmp_path / "net.pt", TENSORS)
    data = io.BytesIO(path.read_bytes())
    with (
        zipfile.ZipFile(data) as stored,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    for found, expected in zip(opened(path), TENSORS.values(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_torch_file_whose_tensors_end_beyond_it_is_refused(tmp_path):
    path = write(tmp_path / "net.pt", {"w": np.ones((300, 200))})
    data = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(data) as stored, zipfile.ZipFile(path, "w") as shorter:
        for name in stored.namelist():
            content = stored.read(name)
            shorter.writestr(name, content[:80] if "/data/" in name else content)
    refuse(lambda: opened(path), "trained: ", "found no tensors that can be read")


# ---- lists of shards ---------------------------------------------------------------------------


def listed(folder: Path, places: object) -> Path:
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    return index


@pytest.mark.parametrize(
    ("shard", "found"),
    [
        ("../one.safetensors", "found the shard '../one.safetensors', which is no"),
        ("/etc/passwd", "which is no .safetensors file beside the list"),
        ("sub/one.safetensors", "which is no .safetensors file beside the list"),
        ("..", "which is no .safetensors file beside the list"),
        ("", "which is no .safetensors file beside the list"),
        ("model.safetensors.index.json", "which is no .safetensors file beside the list"),
        ("net.pt", "which is no .safetensors file beside the list"),
        (3, "which is no .safetensors file beside the list"),
        ("two.safetensors", "found no file 'two.safetensors' beside the list"),
        ("fifo.safetensors", "found no file 'fifo.safetensors' beside the list"),
        ("nul\0.safetensors", "found "),
        ("bad.safetensors", "found the shard 'bad.safetensors' to be damaged"),
        ("long.safetensors", "in the shard 'long.safetensors': found a header of"),
        (["one.safetensors"], "found no .safetensors.index.json file that can be read"),
    ],
)
def test_a_list_of_shards_names_files_beside_itself(tmp_path, shard, found):
    folder = tmp_path / "net"
    folder.mkdir()
    for place in (tmp_path, folder):
        write(place / "one.safetensors", {"0.weight": TENSORS["0.weight"]})
    os.mkfifo(folder / "fifo.safetensors")
    (folder / "bad.safetensors").write_bytes(b"\x08" + bytes(7) + b"[1,2,3] ")
    safetensors(folder / "long.safetensors", b" " * (limits.MAX_HEADER + 1))
    index = listed(folder, {"0.weight": "one.safetensors", "2.weight": shard})
    refuse(lambda: opened(index), "trained: ", found)


def test_a_list_of_shards_agrees_with_them(tmp_path):
    write(tmp_path / "one.safetensors", TENSORS)
    write(tmp_path / "two.safetensors", TENSORS)
    both = dict.fromkeys(TENSORS, "one.safetensors")
    assert open_source(listed(tmp_path, both), "trained").tensors.keys() == TENSORS.keys()
    refuse(lambda: opened(listed(tmp_path, both | {"x": "one.safetensors"})), "found 'x' in the")
    refuse(lambda: opened(listed(tmp_path, {"0.weight": "one.safetensors"})), "found '2.weight' in")
    twice = both | {"2.weight": "two.safetensors"}  # each of them holds both
    refuse(lambda: opened(listed(tmp_path, twice)), "listed for it, and not both")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"weight_map": 3}', "[" * 100_000])
def test_a_list_of_shards_is_a_json_object(tmp_path, text):
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(text)
    refuse(lambda: opened(index), "trained: ", "found ")


def test_a_long_list_of_shards_is_answered_at_once(tmp_path):
    for count, found in (
        (50_000, "found no file '0.safetensors'"),
        (150_000, "found a list of shards of more than 4194304 bytes"),
    ):
        index = listed(tmp_path, {f"t{i}": f"{i}.safetensors" for i in range(count)})
        start = time.process_time()
        refuse(lambda index=index: opened(index), found)
        assert time.process_time() - start < 2


@pytest.mark.parametrize("extension", EXTENSIONS[:3])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damaged_files_are_weights_or_one_error(tmp_path, extension, data):
    damaged, message = damaged_file(tmp_path, extension, TENSORS, data), ""
    try:
        assert all(np.isfinite(values).all() for values in opened(damaged))
    except ValueError as error:
        message = str(error)
    assert re.fullmatch(r"((trained|initial|inputs): .*found .*; .*)?", message, re.DOTALL)
