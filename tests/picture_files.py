"""Files of pictures in the published formats, and how bad ones are to be refused."""

import re
import struct

import numpy as np
import pytest

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 28, 28), dtype=np.uint8)
LABELS = (np.arange(40) % 10).astype(np.uint8)


def idx(array: np.ndarray) -> bytes:
    """The bytes of an idx-ubyte file."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def refuse(call, *fragments: str) -> None:
    """Require one ValueError on one line that says all of this."""
    with pytest.raises(ValueError, match=re.escape(fragments[0])) as caught:
        call()
    for fragment in fragments:
        assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)
