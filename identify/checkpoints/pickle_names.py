"""The names that pickles of torch files use, and where the numbers of a tensor lie in such a file.

The names are those that ``torch.load(weights_only=True)`` allows by itself; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

WIDTHS = {
    **dict.fromkeys(("bool", "int8", "uint8"), 1),
    **dict.fromkeys(("int16", "uint16", "float16", "bfloat16"), 2),
    **dict.fromkeys(("int32", "uint32", "float32"), 4),
    **dict.fromkeys(("int64", "uint64", "float64", "complex64"), 8),
    "complex128": 16,
}
"""Bytes of one number, by the name of its dtype."""

_STORED = {
    "Bool": "bool",
    "Char": "int8",
    "Byte": "uint8",
    "Short": "int16",
    "Int": "int32",
    "Long": "int64",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Float": "float32",
    "Double": "float64",
    "ComplexFloat": "complex64",
    "ComplexDouble": "complex128",
}
STORAGES = {
    f"torch.{place}{name}Storage": dtype
    for place in ("", "cuda.")
    for name, dtype in _STORED.items()
} | {"torch.storage.UntypedStorage": "uint8"}
TENSORS = {
    "torch._utils._rebuild_tensor": 4,
    "torch._utils._rebuild_tensor_v2": 6,
    "torch._utils._rebuild_tensor_v3": 7,
}
"""What makes a tensor of a storage, and how many arguments it takes at least."""

PARAMETERS = frozenset({
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
})
DICTIONARIES = frozenset({"collections.OrderedDict", "collections.Counter"})
VALUES = frozenset({
    "_codecs.encode",
    "builtins.complex",
    "builtins.set",
    "torch.Size",
    "torch.device",
    "torch.serialization._get_layout",
})
OTHERS = frozenset({
    "torch._tensor._rebuild_from_type_v2",
    "torch.nn.parameter.Parameter",
    "torch.Tensor",
}) | {
    f"torch._utils._rebuild_{what}"
    for what in (
        "device_tensor_from_cpu_tensor",
        "device_tensor_from_numpy",
        "meta_tensor_no_storage",
        "qtensor",
        "sparse_tensor",
        "wrapper_subclass",
    )
}
"""What torch makes other things of than tensors that lie in the file row by row."""

_MODULES = frozenset({"torch", "torch.cuda", "torch.sparse", "torch.cuda.sparse", "torch.storage"})


def names_data(name: str) -> bool:
    """Whether torch may know this name as no code: its dtypes and types are told by the module."""
    known = TENSORS.keys() | PARAMETERS | DICTIONARIES | VALUES | OTHERS
    return name in known or name.rpartition(".")[0] in _MODULES


@dataclass(frozen=True, slots=True)
class Storage:
    """Numbers of a file: the name they have there, their dtype and how many there are."""

    key: str
    dtype: str
    count: int

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.count * WIDTHS[self.dtype]


@dataclass(frozen=True, slots=True)
class Layout:
    """A tensor: its dtype, its shape, and the storage that its numbers are taken from."""

    dtype: str
    shape: tuple[int, ...]
    storage: Storage

    @property
    def count(self) -> int:
        """How many numbers it has, those that are the same one in the storage counted anew."""
        return prod(self.shape)
