"""What a run found."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from attack.descent.state import Event, Record


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """What a run found.

    Attributes:
        x: (k, d).
        weights: (k,); for ``config.mean``, of the sum divided by the number at the start.
        b: (k,) signed multipliers of the sum itself, lambda_i y_i where the map has labels.
        labels: (k,), each candidate's, handed down from its parent.
        origin: (k,), index of the start candidate it descends from; -1 for an inserted atom.
        identity: (k,), its number in ``events``.
        history: Loss, k and metric, block by block.
        events: Splits, merges, removals and insertions, in their order.
        steps: Taken.
        residual: |target - sum_i b_i f(x_i)| / |target| at the end.
        seed: Of the run.
        seconds: Of the run, with those before a resumption.
    """

    x: Tensor
    weights: Tensor
    b: Tensor
    labels: Tensor
    origin: Tensor
    identity: Tensor
    history: tuple[Record, ...]
    events: tuple[Event, ...]
    steps: int
    residual: float
    seed: int
    seconds: float
