"""The seed of an initialisation, found by drawing the network again with each of them.

Weights drawn with another seed are uncorrelated with the trained ones: over N entries their cosine
is about 1 / sqrt(N). Those with the right seed keep one near rho |W_0| / |W_T|.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from identify.arrays import FloatArray
from identify.checkpoints.layers import stored_layers
from identify.checkpoints.pairs import open_pairs
from identify.checkpoints.sources import open_source

if TYPE_CHECKING:
    from torch.nn import Module

_CHANCE, _LEAST = 12.0, 0.05
"""The right seed exceeds this many standard deviations of a wrong one's cosine, and this cosine."""

_ENTRIES = 1 << 18
"""Entries compared at most: a wrong cosine is then within .002 of 0."""


@dataclass(frozen=True, slots=True)
class SeedSearch:
    """The cosine between trained and initial weights for each seed.

    Attributes:
        seeds: The seeds tried, (k,).
        cosines: The cosine for each, (k,).
        seed: The one that stands out, None if none does.
    """

    seeds: tuple[int, ...]
    cosines: FloatArray
    seed: int | None


def find_seed(
    factory: Callable[[], Module],
    trained: object,
    seeds: Iterable[int] = range(1000),
    *,
    progress: Callable[[int], None] | None = None,
) -> int | None:
    """Find the seed with which a network was initialised: ``torch.manual_seed(seed); factory()``.

    The factory is run once a seed. Confirm the answer with ``read_changes``: the spectrum of the
    change has a gap for the right initial weights alone, if the optimiser was linear.

    Args:
        factory: Builds the network as before training.
        trained: The network after training: a path, a state dict or a torch module.
        seeds: The seeds to try.
        progress: Called with the number of seeds tried.

    Returns:
        The seed, or None where none stands out.

    Raises:
        ValueError: If the network does not fit the trained weights, or has no weight matrix.
    """
    return search_seeds(factory, trained, seeds, progress=progress).seed


def search_seeds(
    factory: Callable[[], Module],
    trained: object,
    seeds: Iterable[int],
    *,
    progress: Callable[[int], None] | None = None,
) -> SeedSearch:
    """Return the cosine for each seed besides the one that stands out."""
    import torch

    seeds = tuple(seeds)
    if not seeds:
        raise ValueError("seeds: found none; pass at least one")
    cosines = np.zeros(len(seeds))
    with torch.random.fork_rng(devices=[]):
        pairs = open_pairs(trained, factory())
        pair = max(pairs, key=lambda pair: pair.shape[0] * pair.shape[1])
        rows = slice(0, max(1, _ENTRIES // pair.shape[1]))
        after = pair.trained(rows)[:, : pair.shape[1]].ravel()
        for k, seed in enumerate(seeds):
            torch.manual_seed(seed)
            layer = stored_layers(open_source(factory(), "factory"))[pair.name]
            before = layer.rows(rows)[:, : pair.shape[1]].ravel()
            sizes = np.linalg.norm(before) * np.linalg.norm(after)
            cosines[k] = float(before @ after / sizes) if sizes > 0 else 0.0
            if progress is not None:
                progress(k + 1)
    order = np.argsort(-cosines, kind="stable")
    first, second = cosines[order[0]], cosines[order[1]] if len(seeds) > 1 else 0.0
    stands_out = first > max(_CHANCE / np.sqrt(after.size), _LEAST, 2 * abs(second))
    return SeedSearch(seeds, cosines, seeds[int(order[0])] if stands_out else None)


def load_factory(text: str) -> Callable[[], Module]:
    """Import ``module:factory``; this runs the module, which is the caller's own code."""
    module, colon, name = text.partition(":")
    if not (module and colon and name):
        raise ValueError(f"--model: found {text!r}; pass module:factory")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        factory = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"--model: found {text!r}: {error}; pass module:factory") from error
    if not callable(factory):
        raise ValueError(f"--model: found {text!r}, which cannot be called; pass module:factory")
    return cast("Callable[[], Module]", factory)


def parse_seeds(text: str) -> range:
    """Read ``0:1000`` or a single seed."""
    first, colon, last = text.partition(":")
    try:
        seeds = range(int(first), int(last)) if colon else range(int(first), int(first) + 1)
    except ValueError:
        seeds = range(0)
    if not seeds or seeds[0] < 0:
        raise ValueError(f"--init-seeds: found {text!r}; pass first:last with 0 <= first < last")
    return seeds
