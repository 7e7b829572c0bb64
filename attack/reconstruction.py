"""The public call: a network in, candidates for its training samples out."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import torch
from torch import Tensor

from attack.descent.checkpoint import Checkpoint
from attack.descent.config import ReconstructionConfig
from attack.descent.loop import Progress, reconstruct_map
from attack.descent.result import Reconstruction
from attack.descent.setting import LabelledMap
from attack.descent.state import initial_candidates
from attack.maps.protocol import Map
from attack.maps.subspace import SubspaceMap, span_of_first_layer
from attack.metrics.truth import Truth
from attack.network.activations import Activation, ReLU, softplus_schedule
from attack.networks import (
    CHANGES,
    OBJECTIVES,
    KernelEquations,
    LayeredNetwork,
    ModuleNetwork,
    Objective,
)
from attack.reading import Source, read_network
from identify.findings import Recovery

Start: TypeAlias = Recovery | tuple[Tensor, Tensor]
"""Samples (k, d) and signed multipliers (k,)."""


def reconstruct(
    model: Source,
    objective: Objective,
    config: ReconstructionConfig | None = None,
    *,
    init: Source | None = None,
    activation: Activation | None = None,
    equations: KernelEquations | None = None,
    labels: Tensor | None = None,
    start: Start | None = None,
    truth: Truth | None = None,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Reconstruction:
    """Reconstruct training samples from weights by Algorithm 1 (arXiv 2602.08723, section 5.2).

    Args:
        model: The trained network: a ``Victim``, a list of ``Layer`` with ``activation``, a
            ``torch.nn.Sequential`` of linear layers with one activation, for which gradients are
            written out, or any module from (k, d) to (k, C), for which ``torch.func`` takes them.
        objective: What the weights are taken to be a sum of; see ``attack.maps.objectives``.
        config: Settings; ``ReconstructionConfig.HAIM_MNIST`` for None.
        init: The network before training, for "ntk" and "random-features"; that of a ``Victim`` is
            known.
        activation: For lists of layers.
        equations: Variants of "ntk".
        labels: (k,), of the candidates: -1 and 1 for "kkt", class numbers for "multiclass"; as many
            of each for None. The other objectives take none.
        start: Where to start from, for instance ``report.recovery``; its multipliers are signed.
            Random candidates as the config says for None.
        truth: True samples, for the metric in the history only.
        progress: Called with every record of the history.
        checkpoint: Where the run saves itself and continues from.

    Returns:
        The candidates in the space of the samples, with history and events.

    Raises:
        ValueError: If the arguments do not fit together or the checkpoint is of another run.
        RuntimeError: If the loss diverges.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"objective: found {objective!r}; pass one of {OBJECTIVES}")
    config, equations = config or ReconstructionConfig.HAIM_MNIST, equations or KernelEquations()
    network = read_network(model, init, activation, config.torch_dtype)
    if objective in CHANGES and network.initial is None:
        raise ValueError(f"init: found None; pass the network before training for {objective!r}")
    map_at = maps_of(network, objective, config, equations)
    x, weights, labels = _start(network, objective, config, labels, start)
    if not equations.subspace:
        basis, f = None, map_at
    else:
        basis = _basis(network)
        x, f = x @ basis.T, _restricted(map_at, basis)
        truth = None if truth is None else replace(truth, basis=basis)
    result = reconstruct_map(
        f, x, weights, config, labels=labels, truth=truth, progress=progress, checkpoint=checkpoint
    )
    if objective == "kkt":
        result = replace(result, b=result.b * result.labels)
    return result if basis is None else replace(result, x=result.x @ basis)


def maps_of(
    network: LayeredNetwork | ModuleNetwork,
    objective: Objective,
    config: ReconstructionConfig,
    equations: KernelEquations,
) -> LabelledMap:
    """From steps taken and labels to the map, with what the config puts in place of relu."""
    if isinstance(network, ModuleNetwork):
        return lambda _, labels: network.map(objective, labels, equations)

    def map_at(step: int, labels: Tensor) -> Map:
        sigma = network.activation
        if sigma == ReLU() and config.relu == "sigmoid":
            sigma = ReLU(config.sharpness)
        elif sigma == ReLU() and config.relu == "softplus":
            sigma = softplus_schedule(step)
        return network.map(objective, labels, sigma, equations)

    return map_at


def _start(
    network: LayeredNetwork | ModuleNetwork,
    objective: Objective,
    config: ReconstructionConfig,
    labels: Tensor | None,
    start: Start | None,
) -> tuple[Tensor, Tensor, Tensor]:
    like, d = network.example, network.dimension
    if start is None:
        x, weights = (t.to(like) for t in initial_candidates(config, d))
    else:
        x, weights = _given(start, like, d)
        weights = weights * (len(x) if config.mean else 1)
    k = torch.arange(len(x), device=like.device)
    if objective == "kkt" and start is not None and labels is None:
        labels = torch.where(weights < 0, -1, 1)
        weights = weights.abs()
    if labels is None:
        classes = network.classes if objective == "multiclass" else 1
        labels = 1 - 2 * (k % 2) if objective == "kkt" else k % classes
    return x, weights, torch.as_tensor(labels, device=like.device)


def _given(start: Start, like: Tensor, d: int) -> tuple[Tensor, Tensor]:
    x, b = (start.x, start.b) if isinstance(start, Recovery) else start
    x, b = (torch.as_tensor(t).to(like) for t in (x, b))
    if x.dim() != 2 or x.shape[1] != d or b.shape != x.shape[:1]:
        shapes = f"{tuple(x.shape)} and {tuple(b.shape)}"
        raise ValueError(f"start: found shapes {shapes}; pass (k, {d}) and (k,)")
    return x, b


def _basis(network: LayeredNetwork | ModuleNetwork) -> Tensor:
    if isinstance(network, ModuleNetwork) or network.initial is None:
        raise ValueError(
            "equations.subspace: found True; pass the layers of the network before and after "
            "training, whose difference spans the space"
        )
    return span_of_first_layer(network.initial, network.trained)


def _restricted(map_at: LabelledMap, basis: Tensor) -> LabelledMap:
    return lambda step, labels: SubspaceMap(map_at(step, labels), basis)
