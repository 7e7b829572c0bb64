"""Side by side with what else there is, on the same data, in one process.

    uv run --group peers python benchmarks/peers.py [PART ...]

Parts: ``pipeline, ...`` (the paper's theorem taken literally: dense monomials of all dimensions,
SVD, polarization),
``tensors`` (TensorLy on the exact tensor), ``haim`` (a first-order step by plain autograd),
``lanczos`` (a splitting step one by one), ``dictionaries`` (scikit-learn on the change of a ReLU
layer), ``shadows`` (LiRA with few shadow models), ``kernels`` (share of the machine's own
matrix-product rate). Times are the processor's, medians over turns that take all in turn, with the
range of the ratios. ``benchmarks/results/peers.json`` keeps every part as it was last measured.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from attack_twins import machine
from peers_algebra import FEW, LARGE, MANY, pipeline, tensors
from peers_learning import dictionaries, shadows
from peers_steps import haim, kernels, lanczos

from identify.files import draft_of

RESULTS = Path(__file__).parent / "results" / "peers.json"
SEED = 0
PARTS: dict[str, Callable[[int], Any]] = {
    "pipeline, n = d / 4": lambda seed: pipeline(seed, FEW),
    "pipeline, n = d / 2": lambda seed: pipeline(seed, MANY),
    "pipeline, large": lambda seed: pipeline(seed, LARGE),
    "tensors": tensors,
    "haim": haim,
    "lanczos": lanczos,
    "dictionaries": dictionaries,
    "shadows": shadows,
    "kernels": kernels,
}


def versions() -> dict[str, str]:
    """The versions that the figures are of."""
    return {name: version(name) for name in ("numpy", "scipy", "torch", "tensorly", "scikit-learn")}


def main(names: list[str]) -> None:
    """Measure the parts named, or all, one thread each; keep the others' figures."""
    torch.set_num_threads(1)
    for name, part in PARTS.items():
        if names and name not in names:
            continue
        figures = part(SEED)
        print(name, json.dumps(figures, indent=1), flush=True)
        record = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"parts": {}}
        where = {"machine": machine("cpu"), "versions": versions(), "seed": SEED}
        record["parts"][name] = where | {"figures": figures}
        with draft_of(RESULTS) as draft:
            draft.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
