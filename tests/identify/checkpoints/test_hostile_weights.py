"""Weight files that attack: nothing in them runs, and every one is one error."""

from __future__ import annotations

import io
import os
import pickle
import re
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from weight_cases import EXTENSIONS, A, W, damaged_file, refuse, write

from identify.checkpoints import limits
from identify.equations.weights import read_weights


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
    damaged, message = damaged_file(tmp_path, extension, {"a": A, "W": W}, data), ""
    try:
        found = read_weights(damaged)
    except ValueError as error:
        message = str(error)
    else:
        assert np.isfinite(found.W).all()
    assert re.fullmatch(r"(.*: found .*; .*)?", message, re.DOTALL)
