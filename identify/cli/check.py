"""``identify check``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from identify.arrays import FloatArray
from identify.checker.check import check_certificate, weights_needed
from identify.checker.file_format import read_certificate
from identify.checkpoints.linear_layers import LinearLayer, as_network
from identify.equations.weights import read_states, read_weights


@dataclass(frozen=True)
class Check:
    """Prove a certificate anew from the weights it speaks of; nothing of the search is used."""

    certificate: Annotated[Path, tyro.conf.Positional]
    """A file written by identify verify --certificate."""
    weights: Annotated[Path, tyro.conf.Positional]
    """The weights, in the file or files that verify was given."""
    init: Path | None = None
    """The same network before training, in a checkpoint of its own."""
    a: str | None = None
    """Name of the output weights in the file, where they are not called a."""
    w: str | None = None
    """Name of the first layer, where it is not called W."""
    a0: str | None = None
    """Name of the initial output weights, where they are not called a0."""
    w0: str | None = None
    """Name of the initial first layer, where it is not called W0."""

    def run(self) -> None:
        """Read both, prove and print what is proved."""
        from rich.console import Console

        content = read_certificate(self.certificate)
        needed = weights_needed(content)
        found = self._layers() if "trained" in needed else self._arrays()
        if not set(needed) <= set(found):
            lacking = ", ".join(sorted(set(needed) - set(found)))
            raise ValueError(f"weights: found no {lacking}, which the certificate speaks of")
        said = check_certificate(content, {name: found[name] for name in needed})
        print_line = Console().print
        for sentence in ("Proved anew, from the certificate and the weights alone.", *said):
            print_line(sentence, markup=False, highlight=False, soft_wrap=True)

    def _arrays(self) -> dict[str, FloatArray]:
        if self.init is not None:
            weights = read_states(self.weights, self.init)
        else:
            weights = read_weights(self.weights, a=self.a, w=self.w, a0=self.a0, w0=self.w0)
        every = {"a": weights.a, "W": weights.W, "a0": weights.a0, "W0": weights.W0}
        return {name: values for name, values in every.items() if values is not None}

    def _layers(self) -> dict[str, FloatArray]:
        if self.init is None:
            found = self._arrays()
            if "W0" not in found:
                raise ValueError("weights: found no initial weights; pass --init")
            return {"trained": found["W"], "initial": found["W0"]}
        after, before = as_network(self.weights, "weights")[0], as_network(self.init, "init")[0]
        return {"trained": _rows(after), "initial": _rows(before)}


def _rows(layer: LinearLayer) -> FloatArray:
    if layer.bias is None:
        return layer.weight
    return np.hstack([layer.weight, layer.bias[:, None]])
