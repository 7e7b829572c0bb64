"""Torch files that are refused, and before torch is imported where it would be of no use."""

from __future__ import annotations

import io
import pickle
import struct
import subprocess
import sys
import zipfile

import pytest
import torch
from torch_file_cases import NAMED, Fraction, saved
from weight_cases import refuse

from identify.equations.weights import read_weights


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
