"""Weight files as the tests write them, and how a refusal is checked."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import strategies as st

A = np.array([1.0, -2.0, 0.5])
W = np.array([[1.0, 2.0], [3.0, -4.0], [0.25, 8.0]])

DOUBLE, SINGLE, HALF, BRAIN = 2.0**-53, 2.0**-24, 2.0**-11, 2.0**-8
"""Unit roundoffs."""

EXTENSIONS = (".npz", ".safetensors", ".pt", ".pth")
FILE_REMEDY = "pass a .npz, .safetensors, .pt or .pth file"


def refuse(call, *fragments: str) -> ValueError:
    """Require one ValueError that says all of this."""
    with pytest.raises(ValueError, match=re.escape(fragments[0])) as caught:
        call()
    for fragment in fragments:
        assert fragment in str(caught.value)
    assert not isinstance(caught.value, UnicodeError)
    return caught.value


def write(path: Path, tensors: dict) -> Path:
    """Save tensors in the format of the extension."""
    if path.suffix == ".npz":
        np.savez(path, **{name: np.asarray(value) for name, value in tensors.items()})
    elif path.suffix == ".safetensors":
        safetensors.torch.save_file({k: torch.as_tensor(v) for k, v in tensors.items()}, path)
    else:
        torch.save({k: torch.as_tensor(v) for k, v in tensors.items()}, path)
    return path


def damaged_file(folder: Path, extension: str, tensors: dict, data: st.DataObject) -> Path:
    """A file of these tensors in which up to four bytes are drawn anew."""
    path = folder / f"net{extension}"
    if not path.exists():
        write(path, tensors)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = folder / f"damaged{extension}"
    damaged.write_bytes(content)
    return damaged
