"""When the change of a first layer says nothing about single samples, and why."""

from __future__ import annotations

import numpy as np

from identify.checkpoints.layer_change import LayerChange
from identify.relu.recovery.blocks import Duals
from identify.relu.recovery.deflation import ZEROS
from identify.relu.recovery.problem import FirstLayer

SIGNAL = 1e3
"""Least ratio of the change to its noise: below, as in bfloat16 files, zeros cannot be told."""

_ROOM = 2
"""So many neurons per sample at least: half of them are silent, and n - 1 must be covered."""


def unreadable(change: LayerChange, bias_trained: bool) -> str | None:
    """Say why a change is no sum over samples that can be taken apart, None if it may be."""
    if change.rank is None or change.noise is None or change.decay is None:
        return (
            "The change of the first layer shows no gap, so that the number of samples is unknown "
            "and nothing is taken apart."
        )
    if bias_trained and not change.has_bias:
        return (
            "The bias of the first layer did not change as its weights did (another decay, or "
            "frozen): the gates are not known in the coordinates of the samples."
        )
    h, d = change.shape
    if change.rank >= min(change.effective_dimension, d):
        return (
            f"The {change.rank} independent records fill the {change.effective_dimension} columns "
            "that moved: more may have been used, and combinations look like samples."
        )
    if h < _ROOM * change.rank:
        return (
            f"{h} neurons are too few for {change.rank} samples: each sample's silent neurons, "
            "about half, have to outnumber the other samples."
        )
    return None


def drowned(layer: FirstLayer) -> str | None:
    """Say that the noise hides the zeros, None if they can be told."""
    ratio = float(np.sqrt(np.mean(layer.M**2))) / layer.noise
    if ratio >= SIGNAL:
        return None
    return (
        f"The change of the weights is {ratio:.0f} times its noise, less than {SIGNAL:.0f}: zeros "
        "cannot be told from small numbers (rounding to bfloat16, or updates near the rounding)."
    )


def why_none(found: Duals) -> str:
    """Say why no sample was found."""
    if found.fewest_zeros > 0:
        return (
            f"The sparsest columns found have {found.fewest_zeros:.0%} zeros, fewer than "
            f"{ZEROS:.0%}: gates flipped too often during training, or two samples are too alike."
        )
    return f"No column with zeros on a half-space was found in {found.rounds} rounds of search."
