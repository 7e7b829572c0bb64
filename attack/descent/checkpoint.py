"""Checkpoints: written whole or not at all, and read as tensors and plain values only."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from identify.files import draft_of

UNREADABLE = (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a run saves itself.

    Attributes:
        path: File; a run that finds it continues from it.
        every: Blocks between two savings.
    """

    path: Path
    every: int = 1

    def save(self, state: dict[str, Any]) -> None:
        """Replace the file by a new one in one step, so that a kill leaves the old or the new."""
        with draft_of(self.path) as draft:
            torch.save(state, draft)

    def load(self, identity: dict[str, Any], device: torch.device) -> dict[str, Any] | None:
        """The state saved by a run of the same problem, or None.

        Args:
            identity: Config and start of this run, as plain values and tensors.
            device: Where the tensors go.

        Returns:
            What ``save`` was given, or None if there is no file.

        Raises:
            ValueError: If the file is of another run or cannot be read.
        """
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, map_location=device, weights_only=True)
            saved = state["identity"]
        except UNREADABLE as error:
            raise ValueError(
                f"checkpoint: {self.path} cannot be read ({error}); delete it or pass another path"
            ) from error
        for name, value in identity.items():
            if not _equal(saved.get(name), value):
                raise ValueError(
                    f"checkpoint: {self.path} is of a run with another {name}; delete it, or pass "
                    "another path or the run's own settings"
                )
        return state


def _equal(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and bool((a == b).all())
    return type(a) is type(b) and a == b
