"""ReLU networks of any depth: from two checkpoints to the samples of the training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from identify.arrays import FloatArray
from identify.certificate import Certificate
from identify.checkpoints.analysis import analysed
from identify.checkpoints.layer_change import LayerChange
from identify.checkpoints.linear_layers import LinearLayer
from identify.checkpoints.network_pairs import NetworkPair, pair_networks
from identify.checkpoints.pairs import MatrixPair
from identify.equations.span import ROOM
from identify.equations.weights import Weights
from identify.findings import Verdict
from identify.options import Options, check_options
from identify.rendering.neurons import neurons_of
from identify.report import IdentifiabilityReport
from identify.training import UNKNOWN, Shown, Training, contradictions

if TYPE_CHECKING:
    from identify.relu.recovery.recover import ReluOutcome


def verify_network(
    trained: object,
    initial: object,
    *,
    n_samples: int | None = None,
    training: Training | None = None,
    certify: bool = False,
    device: str | None = None,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> IdentifiabilityReport:
    """Decide whether a ReLU network's weights determine its training samples, and recover them.

    The network is a Sequential of Linear and ReLU, of any depth and number of outputs, with or
    without biases, trained with any loss by an optimiser that is linear in the gradients. First
    layers that did not change are gone through: the first that did shows features, and the inputs
    follow from them.

    Args:
        trained: The network after training: a path, a state dict or a torch module.
        initial: The same network before training, likewise; layers are matched by their place, and
            those behind the first that changed may be others.
        n_samples: Number of samples if known; the gap of the spectrum tells otherwise.
        training: What is known of how the network was trained; it is tested against the weights,
            and the number of targets is that of the samples. Nothing else rests on it.
        certify: Also prove, in ball arithmetic, where the samples are that left alone the rows
            found; see ``report.certificate``.
        device: Where the search runs, "cpu" by default.
        seed: Draws the starts of the search.
        progress: Called with the step under way and the share of the samples found.

    Returns:
        The report.

    Raises:
        ValueError: If a checkpoint is no such network or the two do not fit each other.

    Source: the change of the first layer is C X with the zeros of C on half-spaces; see
    ``identify/relu/recovery``.
    """
    known = UNKNOWN if training is None else training
    options = check_options(Options(n_samples, seed=seed, training=known), "known-init")
    networks = pair_networks(trained, initial)
    first = None if networks.changed is None else _first_changed(networks, networks.changed)
    outcome, after = _outcome(networks, first, options, device, progress), networks.trained
    certificate = _certificate(networks, first, outcome) if certify else None
    said = contradictions(known, _shown(networks, first), options.n_samples)
    residual = np.nan if outcome.recovery is None else outcome.recovery.residual
    return IdentifiabilityReport(
        verdict=outcome.verdict,
        evidence="numerical",
        setting="known-init",
        reasons=(*outcome.reasons, *said),
        rank=None,
        residual=residual,
        recovery=outcome.recovery,
        witness=None,
        neurons=neurons_of(np.linalg.norm(after[1].weight, axis=0), after[0].weight),
        activation="relu",
        n_neurons=sum(len(layer.weight) for layer in after[:-1]),
        seed=seed,
        hypotheses=outcome.hypotheses,
        assumed=outcome.assumed,
        certificate=certificate,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _FirstChanged:
    """The first layer that changed, with its bias as the last column where it has one."""

    W: FloatArray
    W0: FloatArray
    change: LayerChange
    bias_trained: bool


def _first_changed(networks: NetworkPair, pair: MatrixPair) -> _FirstChanged:
    from identify.relu.frozen.counting import counted_features
    from identify.relu.recovery.counting import counted

    k = networks.frozen
    after, before = networks.trained[k], networks.initial[k]
    bias = after.bias is not None and bool(after.bias.any() or before.bias is not None)
    W, W0 = (_rows(layer, with_bias=bias) for layer in (after, before))
    count = counted_features if k else counted
    return _FirstChanged(W, W0, count(analysed(pair)[0], W, W0), bias)


def _outcome(
    networks: NetworkPair,
    first: _FirstChanged | None,
    options: Options,
    device: str | None,
    progress: Callable[[str, float], None] | None,
) -> ReluOutcome:
    """Take the first layer that changed apart, and go down from there to the inputs."""
    from identify.relu.fading import fading
    from identify.relu.recovery.recover import ReluOutcome, recover_relu

    if first is None or networks.changed is None:
        reasons = (*networks.notes, networks.refusal)
        return ReluOutcome(Verdict.UNDECIDED, reasons, (), None)
    outcome = recover_relu(
        first.W,
        first.W0,
        first.change,
        bias_trained=first.bias_trained,
        n_samples=options.n_samples,
        seed=options.seed,
        device=device,
        progress=progress,
    )
    if networks.frozen:
        from identify.relu.frozen.layers import FrozenLayer
        from identify.relu.frozen.recover import inputs_behind

        layers = networks.trained[: networks.frozen]
        frozen = [FrozenLayer(layer.weight, layer.bias, layer.precision) for layer in layers]
        outcome = inputs_behind(outcome, frozen, seed=options.seed)
    faded = fading(first.change, first.W0, networks.changed.precision)
    more = () if faded is None else (faded,)
    return replace(outcome, reasons=(*networks.notes, *outcome.reasons, *more))


def _certificate(
    networks: NetworkPair, first: _FirstChanged | None, outcome: ReluOutcome
) -> Certificate:
    from identify.certifying.silent_rows import certify_silent_rows

    if first is None or outcome.recovery is None:
        return Certificate((), ("Nothing was recovered that could be proved.",))
    if networks.frozen:
        return Certificate((), ("What lies behind frozen layers stays numerical.",))
    return certify_silent_rows(first.W, first.W0, first.change, outcome)


def verify_relu(weights: Weights, options: Options) -> IdentifiabilityReport:
    """Decide for a two-layer ReLU network without biases; a ValueError names an unusable option."""
    if weights.a0 is None or weights.W0 is None:
        raise ValueError(
            "activation: found 'relu' without an initial first layer; pass init=(a0, W0)"
        )
    if options.unit_norm is not None:
        raise ValueError(
            f"unit_norm: found {options.unit_norm} with activation='relu'; leave it out"
        )
    if options.training != UNKNOWN:
        raise ValueError(f"training: found {options.training} with activation='relu'; leave it out")
    check_options(options, weights.setting)
    dtype = np.float64 if weights.precision < 2.0**-50 else np.float32
    after, before = (
        {"0.weight": W.astype(dtype), "2.weight": a[None].astype(dtype)}
        for a, W in ((weights.a, weights.W), (weights.a0, weights.W0))
    )
    return verify_network(
        after,
        before,
        n_samples=options.n_samples,
        training=options.training,
        certify=options.certify,
        seed=options.seed,
        progress=options.progress,
    )


def _shown(networks: NetworkPair, first: _FirstChanged | None) -> Shown:
    """Return what the layer that was taken apart and the last one show of the training."""
    last = networks.trained[-1].weight
    found = Shown(outputs=len(last))
    if first is None:
        return found
    change, count = first.change, len(networks.trained)
    if len(networks.initial) == count and networks.initial[-1].weight.shape == last.shape:
        found = replace(found, common=_common_part(last, networks.initial[-1].weight))
    room = None if change.rank is not None else change.effective_dimension - ROOM
    return replace(found, decay=change.decay, samples=change.rank, room=room)


def _common_part(W: FloatArray, W0: FloatArray) -> float | None:
    """Return the share of the last layer's change that all outputs have in common."""
    both, both0 = W.sum(axis=0), W0.sum(axis=0)
    square = float(both0 @ both0)
    rho = float(both @ both0) / square if square > 0 else 1.0
    moved = float(np.linalg.norm(W - rho * W0))
    if not (len(W) > 1 and moved > 0 and W.shape[1] > 1):
        return None
    return float(np.linalg.norm(both - rho * both0)) / (moved * np.sqrt(len(W)))


def _rows(layer: LinearLayer, *, with_bias: bool) -> FloatArray:
    if not with_bias or layer.bias is None:
        return layer.weight
    return np.hstack([layer.weight, layer.bias[:, None]])
