"""Files built to hurt: headers that lie, bombs, many tensors, markup in names, deep nesting."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from identify import synthesize_kkt, verify_identifiability

MARKUP = "[bold red]<script>alert(1)</script>\x1b[2J{{7*7}}\n\r\t"


def valid_files(folder: Path) -> dict[str, Path]:
    """Write one small network in every format, and its certificate."""
    point = synthesize_kkt(np.eye(4)[:2], [1, -1], 3)
    tensors = {"a": point.a, "W": point.W}
    paths = {name: folder / name for name in ("net.npz", "net.safetensors", "net.pt", "old.pth")}
    np.savez(paths["net.npz"], a=point.a, W=point.W)
    save_file(tensors, paths["net.safetensors"])
    as_torch = {name: torch.from_numpy(value) for name, value in tensors.items()}
    torch.save(as_torch, paths["net.pt"])
    torch.save(as_torch, paths["old.pth"], _use_new_zipfile_serialization=False)
    report = verify_identifiability(point.a, point.W, certify=True)
    assert report.certificate is not None
    paths["certificate.json"] = folder / "certificate.json"
    report.certificate.to_json(paths["certificate.json"])
    return paths


def built_weights(suffix: str) -> Iterator[bytes]:
    """Weights files of one format, each malformed."""
    yield from (b"", b"\0" * 100, b"<html>", pickle.dumps({"a": [1.0]}), b"PK\x03\x04" * 50)
    if suffix == ".npz":
        yield from map(_npz, _HEADERS)
        yield _zip({f"t{k}.npy": b"\x93NUMPY" for k in range(20000)})
        yield _zip({"a.npy": bytes(400_000_000)})
        yield _zip({f"{MARKUP}.npy": _npy("(2,)", bytes(16)), "W.npy": _npy("(2, 9)", bytes(8))})
    elif suffix == ".safetensors":
        for shape in ([10**9], [10**9, 10**9], [-1], [0], [2**63]):
            yield _safetensors({"a": _entry(shape, [0, 8]), "W": _entry([2, 2], [0, 32])}, 64)
        yield _safetensors({f"t{k}": _entry([1], [0, 8]) for k in range(60000)}, 8)
        yield _safetensors({MARKUP: _entry([1], [0, 8])}, 8)
        yield struct.pack("<Q", 2**62) + b"{}"
        yield struct.pack("<Q", 90_000_000) + b"[" * 90_000
        yield struct.pack("<Q", 100_000) + b'{"a":' * 20_000
    else:
        yield from _torch_files()


def _torch_files() -> Iterator[bytes]:
    big = torch.ones(1).expand(10**5, 10**5)
    for content in (
        {"a": torch.ones(10**5), "W": big},
        {f"t{k}": torch.ones(1) for k in range(3000)},
        {MARKUP: torch.ones(2, 2)},
        {"a": "text"},
        [[torch.ones(1)]],
        {"a": torch.full((3,), torch.nan), "W": torch.ones(3, 2)},
    ):
        data = io.BytesIO()
        torch.save(content, data)
        yield data.getvalue()
    yield _zip({"archive/data.pkl": b"\x80\x02" + b"(" * 100_000 + b"."})
    yield _zip({"archive/data.pkl": pickle.dumps({"a": print}), "archive/version": b"3\n"})
    yield _zip({"archive/data.pkl": bytes(300_000_000), "archive/version": b"3\n"})
    yield b"\x80\x02" + b"]" * 200_000 + b"."
    yield b"\x80\x04" + b"\x8e" + struct.pack("<Q", 2**40) + b"x"


_HEADERS = (
    "(1000000000,)",
    "(1000000000, 1000000000)",
    "(-1,)",
    "(2**99,)",
    "(1e9,)",
    "(" * 3000,
    "(" + "1," * 30000 + ")",
    "__import__('os').system('true')",
)


def _npz(shape: str) -> bytes:
    return _zip({"a.npy": _npy(shape, bytes(64)), "W.npy": _npy("(2, 2)", bytes(32))})


def _npy(shape: str, data: bytes) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    if len(header) > 65535:
        return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header + data
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def _zip(entries: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


def _entry(shape: list[int], offsets: list[int]) -> dict[str, object]:
    return {"dtype": "F64", "shape": shape, "data_offsets": offsets}


def _safetensors(header: dict[str, object], size: int) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def built_certificates(_: str) -> Iterator[bytes]:
    """Certificate files, each malformed or of other claims."""
    start = '{"format": "identify-certificate 1", "kind": "polynomial", '
    yield from (b"", b"null", b"[]", b"{}", b"NaN", b"\xff\xfe", b"{" * 10**6, b"[" * 4_000_000)
    yield b"[" + b"{}," * 1_300_000 + b"{}]"
    yield b"[" + b"1," * 2_000_000 + b"1]"
    yield b"1" * 4_000_000
    yield b" " * (5 * 2**20)
    yield (start + '"weights": ' + "9" * 100_000 + "}").encode()
    for value in ('"x"', "1.5", "1e999", "Infinity", '"0x1p+99999"', '"0x1.0p+0"', "null", "true"):
        for field in ("weights", "rank", "samples", "kind", "prime", "basis", "radius"):
            yield (start + f'"{field}": {value}}}').encode()
    yield (start + json.dumps(MARKUP) + ": 1, " + json.dumps(MARKUP) + ": 2}").encode()
    nested = '{"setting": ' * 900 + "1" + "}" * 900
    yield (start + f'"samples": {nested}}}').encode()
    yield (start + f'"kind": "relu", "weights": {json.dumps(MARKUP)}}}').encode()
