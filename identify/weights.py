"""Reads and validates weights; the only file that opens them.

A weight file is untrusted input: every reader parses arrays and nothing else, whatever it cannot
parse is refused with one ValueError, and no reader falls back to a more permissive one. Torch is
imported only to read a ``.pt`` file or to stack torch tensors that the caller passed.
"""

from __future__ import annotations

import os
import re
import stat
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import deserialize

MAX_BYTES = 8 * 2**30
"""Largest weight file and largest declared uncompressed size that is read: 8 GiB."""

_ROUNDOFF = {
    **dict.fromkeys(
        (f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)), 2.0**-53
    ),
    np.dtype(np.longdouble).name: 2.0**-53,
    "float64": 2.0**-53,
    "float32": 2.0**-24,
    "float16": 2.0**-11,
    "bfloat16": 2.0**-8,
}
"""Unit roundoff of every dtype that is accepted, by its name."""

_SAFETENSORS = {
    **{f"F{bits}": (f"<f{bits // 8}", f"float{bits}") for bits in (16, 32, 64)},
    **{f"I{bits}": (f"<i{bits // 8}", f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": (f"<u{bits // 8}", f"uint{bits}") for bits in (8, 16, 32, 64)},
    "BF16": ("<u2", "bfloat16"),
}
_EXPECTED = {
    "a": "the output weights, shape (m,), (1, m) or (m, 1)",
    "W": "the hidden weights, shape (m, d), one row per neuron",
    "a0": "the initial output weights, shape (m,), (1, m) or (m, 1)",
    "W0": "the initial hidden weights, shape (m, d)",
}
_NAMES = {"a": ("a",), "W": ("W", "w"), "a0": ("a0",), "W0": ("W0", "w0")}
_FILES = "pass a .npz, .safetensors, .pt or .pth file of arrays"
_SAVE = "save the weights as plain arrays, as .safetensors or with numpy.savez"


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The weights of Phi(x) = sum_j a_j sigma(<w_j, x>), in float64.

    Attributes:
        a: Output weights, shape (m,).
        W: Hidden weights, shape (m, d), one row per neuron.
        a0: Output weights at initialization, shape (m,), if known.
        W0: Hidden weights at initialization, shape (m, d), if known and not frozen.
        precision: Unit roundoff of the coarsest dtype among the inputs, which sets the noise floor.
    """

    a: NDArray[np.float64]
    W: NDArray[np.float64]
    a0: NDArray[np.float64] | None = None
    W0: NDArray[np.float64] | None = None
    precision: float = 2.0**-53

    @property
    def setting(self) -> str:
        """The front door: "kkt", "known-init" or "random-features"."""
        if self.a0 is None:
            return "kkt"
        return "random-features" if self.W0 is None else "known-init"


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    """An array decoded from a file, with the dtype it was stored in."""

    values: NDArray[Any]
    dtype: str
    shape: tuple[int, ...]


class _RefusedError(Exception):
    """What was found in a weight file and what to do instead."""


def as_weights(a: object, W: object, init: tuple[object, object] | None = None) -> Weights:
    """Validate weights given as arrays.

    Args:
        a: Output weights, shape (m,), (1, m) or (m, 1): numpy array, torch tensor or nested list.
        W: Hidden weights, shape (m, d), likewise.
        init: None, (a0, W0) for the weights at initialization, or (a0, None) where W was frozen.

    Returns:
        The weights, copied to float64.

    Raises:
        ValueError: If an argument is no such thing; names it, what was found and what to pass.
    """
    values = {"a": a, "W": W}
    labels = {"a": "a", "W": "W", "a0": "init: a0", "W0": "init: W0"}
    if init is not None:
        expected = "pass None, (a0, W0), or (a0, None) where W was frozen"
        if not isinstance(init, tuple):
            raise ValueError(f"init: found a {type(init).__name__}; {expected}")
        if len(init) != 2:
            raise ValueError(f"init: found a tuple of length {len(init)}; {expected}")
        if init[0] is None:
            raise ValueError(f"init: found None in place of a0; {expected}")
        values["a0"] = init[0]
        if init[1] is not None:
            values["W0"] = init[1]
    return _assemble(values, labels)


def read_weights(
    path: str | os.PathLike[str],
    *,
    a: str | None = None,
    w: str | None = None,
    a0: str | None = None,
    w0: str | None = None,
) -> Weights:
    """Read weights from a .npz, .safetensors, .pt or .pth file, executing nothing in it.

    Tensors that are not named here are found under the names "a", "W" or "w", "a0", "W0" or "w0";
    a and W are otherwise found by their shapes, where only one choice fits.

    Args:
        path: The file.
        a: Name of the tensor that holds the output weights.
        w: Name of the tensor that holds the hidden weights.
        a0: Name of the tensor that holds the output weights at initialization.
        w0: Name of the tensor that holds the hidden weights at initialization.

    Returns:
        The weights, in float64.

    Raises:
        ValueError: If the file cannot be read, or holds no such weights; names what was found.
    """
    tensors = _open(path)
    names = _choose(tensors, {"a": a, "W": w, "a0": a0, "W0": w0}, f"path: {os.fspath(path)!r}")
    labels = {key: f"{key} (tensor {_quoted(name)})" for key, name in names.items()}
    return _assemble({key: tensors[name] for key, name in names.items()}, labels)


def _assemble(values: Mapping[str, object], labels: Mapping[str, str]) -> Weights:
    # Check the given weights one by one, then against each other.
    arrays: dict[str, NDArray[np.float64]] = {}
    precision = 2.0**-53
    for key, value in values.items():
        arrays[key], roundoff = _numbers(labels[key], value, _EXPECTED[key])
        precision = max(precision, roundoff)
        shape = arrays[key].shape
        vector = key in {"a", "a0"}
        fits = len(shape) == 2 and (not vector or 1 in shape)
        if not (fits or (vector and len(shape) == 1)):
            raise ValueError(f"{labels[key]}: found shape {shape}; pass {_EXPECTED[key]}")
        if not arrays[key].size:
            raise ValueError(f"{labels[key]}: found the empty shape {shape}; pass {_EXPECTED[key]}")
        _check_finite(labels[key], arrays[key])
        if vector:
            arrays[key] = arrays[key].reshape(-1)
    a, W = arrays["a"], arrays["W"]
    if len(a) != len(W):
        turned = " (W looks transposed: pass W.T)" if len(a) == W.shape[1] else ""
        raise ValueError(
            f"{labels['a']}: found {len(a)} output weights, but W of shape {W.shape}; "
            f"pass one output weight per row of W{turned}"
        )
    for key, trained in (("a0", a), ("W0", W)):
        if key in arrays and arrays[key].shape != trained.shape:
            raise ValueError(
                f"{labels[key]}: found shape {arrays[key].shape}; "
                f"pass the shape of {key[0]}, which is {trained.shape}"
            )
    if not a.any() and not W.any():
        raise ValueError("a, W: found every weight 0; pass the weights of a trained network")
    return Weights(a, W, arrays.get("a0"), arrays.get("W0"), precision)


def _numbers(label: str, value: object, expected: str) -> tuple[NDArray[np.float64], float]:
    # Copy a value to a float64 array; also its unit roundoff.
    kind = type(value).__name__
    try:
        array, dtype = _to_numpy(value)
    except Exception as error:
        hint = " (rows of different lengths?)" if isinstance(value, list | tuple) else ""
        raise ValueError(
            f"{label}: found a {kind} that does not convert to an array{hint}; pass {expected}"
        ) from error
    if dtype not in _ROUNDOFF:
        raise ValueError(
            f"{label}: found dtype {dtype} ({kind}); pass {expected}, as real numbers "
            "in float16, bfloat16, float32, float64 or integers"
        )
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise ValueError(f"{label}: found masked entries; pass {expected}, with every entry known")
    with np.errstate(all="ignore"):
        return np.array(array, dtype=np.float64, order="C", subok=False), _ROUNDOFF[dtype]


def _to_numpy(value: Any) -> tuple[NDArray[Any], str]:
    # Turn a value into a numpy array, with the name of the dtype it had.
    if isinstance(value, _Stored):
        return value.values, value.dtype
    if isinstance(value, list | tuple) and value and all(map(_is_torch, value)):
        import torch

        return _to_numpy(torch.stack(list(value)))
    if _is_torch(value):
        tensor = cast(Any, value).detach().cpu()
        dtype = str(tensor.dtype).removeprefix("torch.")
        if dtype not in _ROUNDOFF:
            return np.empty(0), dtype
        return (tensor.float() if dtype == "bfloat16" else tensor).resolve_neg().numpy(), dtype
    array = np.asanyarray(value)
    return array, array.dtype.name


def _is_torch(value: object) -> bool:
    # Whether a value is torch's, told without importing torch.
    return any(str(base.__module__).split(".")[0] == "torch" for base in type(value).__mro__)


def _check_finite(label: str, array: NDArray[np.float64]) -> None:
    # Refuse nan, inf and what overflows float64.
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        where = ", ".join(map(str, wrong[0]))
        raise ValueError(
            f"{label}: found {len(wrong)} of {array.size} values nan or infinite in float64, "
            f"the first at index [{where}]; pass finite numbers"
        )


def _open(path: str | os.PathLike[str]) -> dict[str, Any]:
    # Read every tensor of a file, by name.
    label = f"path: {str(path)!r}"
    try:
        file = Path(path)
        status = file.stat()
    except FileNotFoundError as error:
        raise ValueError(f"{label}: found no such file; {_FILES}") from error
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"{label}: found no readable path ({error}); {_FILES}") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "something that is not a file"
        raise ValueError(f"{label}: found {kind}; {_FILES}")
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise ValueError(f"{label}: found the extension {file.suffix!r}; {_FILES}")
    if not status.st_size:
        raise ValueError(f"{label}: found an empty file; {_FILES}")
    try:
        if status.st_size > MAX_BYTES:
            raise _RefusedError(
                f"found {status.st_size} bytes; pass a file of at most {MAX_BYTES} bytes"
            )
        with file.open("rb") as handle, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return reader(handle)
    except _RefusedError as refused:
        raise ValueError(f"{label}: {refused}") from (refused.__cause__ or refused)
    except Exception as error:
        raise ValueError(
            f"{label}: found no {file.suffix} file that can be read, or a damaged one "
            f"({type(error).__name__}); {_SAVE}"
        ) from error


def _read_npz(handle: BinaryIO) -> dict[str, Any]:
    # Read the arrays of an .npz archive; an array of Python objects is a pickle and is refused.
    tensors: dict[str, Any] = {}
    with zipfile.ZipFile(handle) as archive:
        _check_archive(archive)
        for entry in archive.infolist():
            if not entry.filename.endswith(".npy"):
                continue
            name = entry.filename.removesuffix(".npy")
            if name in tensors:
                raise _RefusedError(f"found two entries named {_quoted(name)}; {_SAVE}")
            with archive.open(entry) as stream:
                try:
                    tensors[name] = np.lib.format.read_array(stream, allow_pickle=False)
                except Exception as error:
                    raise _RefusedError(
                        f"found entry {_quoted(name)} to be damaged, or a pickle of Python "
                        f"objects, which is code; {_SAVE}"
                    ) from error
    return tensors


def _read_safetensors(handle: BinaryIO) -> dict[str, Any]:
    # Read a .safetensors file, bfloat16 included.
    tensors: dict[str, Any] = {}
    for name, entry in deserialize(handle.read()):
        shape = tuple(entry["shape"])
        code, dtype = _SAFETENSORS.get(entry["dtype"], ("", str(entry["dtype"])))
        values = np.empty(0)
        if code:
            values = np.frombuffer(entry["data"], dtype=code).reshape(shape)
        if dtype == "bfloat16":  # the upper half of a float32
            values = (values.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = _Stored(values, dtype, shape)
    return tensors


def _read_torch(handle: BinaryIO) -> dict[str, Any]:
    # Read the tensors of a file saved by torch, also those one level under "state_dict" or "model".
    import torch

    if zipfile.is_zipfile(handle):
        with zipfile.ZipFile(handle) as archive:
            _check_archive(archive)
    handle.seek(0)
    try:
        content = torch.load(handle, map_location="cpu", weights_only=True)
    except Exception as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = (
            f"a reference to {named[1]}, which is code," if named else "no tensors that can be read"
        )
        raise _RefusedError(
            f"found {what} where torch.load(weights_only=True) reads tensors only; "
            "save model.state_dict(), or the weights as .safetensors"
        ) from error
    if not isinstance(content, Mapping):
        raise _RefusedError(f"found a {type(content).__name__}; save a dict of tensors, or {_SAVE}")
    tensors: dict[str, Any] = {}
    levels = [content, *(content.get(key) for key in ("state_dict", "model"))]
    for level in levels:
        for key, value in level.items() if isinstance(level, Mapping) else ():
            if not isinstance(value, torch.Tensor):
                continue
            if value.numel() * 8 > MAX_BYTES:  # an expanded tensor is small in the file
                raise _RefusedError(
                    f"found {_quoted(key)} to be larger than {MAX_BYTES} bytes; {_SAVE}"
                )
            if str(key) in tensors:
                raise _RefusedError(f"found two tensors named {_quoted(key)}; save each one once")
            tensors[str(key)] = value
    return tensors


_READERS: dict[str, Callable[[BinaryIO], dict[str, Any]]] = {
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
    ".pt": _read_torch,
    ".pth": _read_torch,
}


def _check_archive(archive: zipfile.ZipFile) -> None:
    # Refuse a zip archive that unpacks to too much, before anything is unpacked.
    entries = archive.infolist()
    size = sum(entry.file_size for entry in entries)
    if size > MAX_BYTES:
        raise _RefusedError(
            f"found entries of {size} bytes once unpacked; pass a file of at most {MAX_BYTES} bytes"
        )
    if any(e.flag_bits & 1 or e.compress_type not in {0, zipfile.ZIP_DEFLATED} for e in entries):
        raise _RefusedError(f"found entries that are encrypted or not packed by deflate; {_SAVE}")


def _choose(
    tensors: Mapping[str, Any], wanted: Mapping[str, str | None], label: str
) -> dict[str, str]:
    # Choose the tensors that hold a, W, a0 and W0, by name and then by shape.
    found = "no tensors" if not tensors else "the tensors " + _listed(tensors)
    remedy = "name them with --a NAME --w NAME (arguments a=, w=)"
    names: dict[str, str] = {}
    for key, name in wanted.items():
        hits = [n for n in _NAMES[key] if n in tensors] if name is None else [name]
        if len(hits) > 1:
            raise ValueError(f"{label}: found both {hits[0]!r} and {hits[1]!r} for {key}; {remedy}")
        if hits:
            if hits[0] not in tensors:
                raise ValueError(
                    f"{key}: found no tensor {_quoted(hits[0])} among {found}; {remedy}"
                )
            names[key] = hits[0]
    if "W0" in names and "a0" not in names:
        raise ValueError(
            f"a0: found W0 ({_quoted(names['W0'])}) without a0 in {found}; "
            "name it with --a0 NAME (argument a0=)"
        )
    free = {n: tuple(t.shape) for n, t in tensors.items() if n not in names.values()}
    pairs = [
        (one, other)
        for one in ([names["a"]] if "a" in names else free)
        for other in ([names["W"]] if "W" in names else free)
        if one != other and _fit(tuple(tensors[one].shape), tuple(tensors[other].shape))
    ]
    if "a" in names and "W" in names:
        return names
    layers = {
        n for n, shape in free.items() if len(shape) >= 2
    }  # a third layer is no two-layer network
    if len(pairs) != 1 or ("W" not in names and not layers <= set(pairs[0])):
        raise ValueError(
            f"{label}: found {found}, which leave open what is a and what is W; {remedy}"
        )
    return names | dict(zip(("a", "W"), pairs[0], strict=True))


def _fit(a: tuple[int, ...], W: tuple[int, ...]) -> bool:
    # Whether these can be the shapes of the output and the hidden weights of one network.
    return len(W) == 2 and a in {(W[0],), (1, W[0]), (W[0], 1)}


def _quoted(name: object) -> str:
    # Quote a name from a file, at bounded length and with control characters escaped.
    text = str(name)
    return repr(text if len(text) <= 80 else text[:77] + "...")


def _listed(tensors: Mapping[str, Any]) -> str:
    # List names and shapes for an error message.
    shown = [f"{_quoted(name)} {tuple(t.shape)}" for name, t in list(tensors.items())[:20]]
    return ", ".join(shown) + (f" and {len(tensors) - 20} more" if len(tensors) > 20 else "")
