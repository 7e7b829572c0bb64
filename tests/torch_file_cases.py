"""Contents of torch files that several tests use."""

from __future__ import annotations

import io

import torch
from weight_cases import A, W

NAMED = {"a": torch.tensor(A), "W": torch.tensor(W)}


def saved(content: object) -> bytes:
    data = io.BytesIO()
    torch.save(content, data)
    return data.getvalue()


class Fraction:
    """A class of the caller's."""

    def __init__(self, above: int, below: int) -> None:
        self.parts = above, below

    def __reduce__(self):
        return Fraction, self.parts
