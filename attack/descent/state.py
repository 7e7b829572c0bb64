"""The state of a run: candidates, the optimiser's memory, history and events, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from attack.descent.config import ReconstructionConfig
from attack.descent.iterate import Iterate


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the history.

    Attributes:
        step: Steps taken.
        loss: ||target - sum_i lambda_i f(x_i)||^2, without priors.
        k: Number of candidates.
        metric: For each true sample, if they are given, that of its nearest candidate.
        splits: So far.
        merges: Merges and removals so far.
    """

    step: int
    loss: float
    k: int
    metric: tuple[float, ...]
    splits: int
    merges: int

    @property
    def mean_metric(self) -> float | None:
        """Over the true samples; None where they are not known."""
        return sum(self.metric) / len(self.metric) if self.metric else None


@dataclass(frozen=True, slots=True)
class Event:
    """A change of the candidates; numbers are identities, never reused.

    Attributes:
        step: When.
        kind: What.
        parents: Who it happened to; none for an insertion.
        children: Who came of it; none for a removal.
        before: Loss before the phase.
        after: Loss after it.
        eta: Step of a split, else 0.
    """

    step: int
    kind: Literal["split", "merge", "remove", "insert"]
    parents: tuple[int, ...]
    children: tuple[int, ...]
    before: float
    after: float
    eta: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """All that a run knows.

    Attributes:
        iterate: Samples, multipliers and memory.
        labels: (k,), handed down from the start.
        origin: (k,), index of the start candidate, -1 for an inserted atom.
        identity: (k,), number of each candidate.
        fresh: The next number.
        step: Steps taken.
        last: Step of the last phase II.
        history: Block by block.
        events: In their order.
        batch: Candidates handled at once; None for all.
        seconds: Used.
        finished: Whether a stopping rule holds.
    """

    iterate: Iterate
    labels: Tensor
    origin: Tensor
    identity: Tensor
    fresh: int
    step: int = 0
    last: int = 0
    history: tuple[Record, ...] = ()
    events: tuple[Event, ...] = ()
    batch: int | None = None
    seconds: float = 0.0
    finished: bool = False

    @property
    def x(self) -> Tensor:
        """(k, d)."""
        return self.iterate.x

    @property
    def weights(self) -> Tensor:
        """(k,)."""
        return self.iterate.weights

    def chosen(self, x: Tensor, weights: Tensor, parents: Tensor) -> State:
        """New candidates that take over all but sample and multiplier from their parents."""
        return replace(
            self,
            iterate=self.iterate.descend_from(x, weights, parents),
            labels=self.labels[parents],
            origin=self.origin[parents],
            identity=self.identity[parents],
        )

    def renumbered(self, rows: Sequence[int]) -> State:
        """These rows get new numbers."""
        identity = self.identity.clone()
        for n, row in enumerate(rows):
            identity[row] = self.fresh + n
        return replace(self, identity=identity, fresh=self.fresh + len(rows))

    def count(self, *kinds: str) -> int:
        """The number of events of these kinds."""
        return sum(event.kind in kinds for event in self.events)


def initial_candidates(config: ReconstructionConfig, dimension: int) -> tuple[Tensor, Tensor]:
    """Random x (k, d) and weights (k,), drawn on the CPU in double precision and rounded."""
    generator = torch.Generator().manual_seed(config.seed)
    k, (low, high) = config.candidates, config.weight_range
    x = config.init * torch.randn(k, dimension, generator=generator, dtype=torch.float64)
    weights = low + (high - low) * torch.rand(k, generator=generator, dtype=torch.float64)
    return x.to(config.torch_dtype), weights.to(config.torch_dtype)


def begin(x: Tensor, weights: Tensor, labels: Tensor) -> State:
    """The state before the first step."""
    everyone = torch.arange(len(x), device=x.device)
    return State(Iterate(x, weights), labels, everyone, everyone.clone(), len(x))


def pack(state: State) -> dict[str, Any]:
    """The state as tensors and plain values."""
    names = "labels origin identity fresh step last batch seconds finished"
    return {
        "x": state.x,
        "weights": state.weights,
        "memory": dict(state.iterate.memory),
        "history": [asdict(record) for record in state.history],
        "events": [asdict(event) for event in state.events],
        **{name: getattr(state, name) for name in names.split()},
    }


def unpack(packed: dict[str, Any]) -> State:
    """The inverse of ``pack``."""
    rest = dict(packed)
    iterate = Iterate(rest.pop("x"), rest.pop("weights"), rest.pop("memory"))
    history = tuple(
        Record(**record | {"metric": tuple(record["metric"])}) for record in rest.pop("history")
    )
    events = tuple(Event(**event) for event in rest.pop("events"))
    return State(iterate=iterate, history=history, events=events, **rest)
