"""ReLU networks of any depth: from two checkpoints to the samples of the training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from identify.arrays import FloatArray
from identify.checkpoints.analysis import analysed
from identify.checkpoints.layer_change import LayerChange
from identify.checkpoints.linear_layers import LinearLayer, as_network
from identify.checkpoints.pairs import open_pairs
from identify.equations.span import ROOM
from identify.equations.weights import Weights
from identify.options import Options, check_options
from identify.rendering.neurons import neurons_of
from identify.report import IdentifiabilityReport
from identify.training import UNKNOWN, Shown, Training, contradictions


def verify_network(
    trained: object,
    initial: object,
    *,
    n_samples: int | None = None,
    training: Training | None = None,
    device: str | None = None,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> IdentifiabilityReport:
    """Decide whether a ReLU network's weights determine its training samples, and recover them.

    The network is a Sequential of Linear and ReLU, of any depth and number of outputs, with or
    without biases, trained with any loss by an optimiser that is linear in the gradients.

    Args:
        trained: The network after training: a path, a state dict or a torch module.
        initial: The same network before training, likewise.
        n_samples: Number of samples if known; the gap of the spectrum tells otherwise.
        training: What is known of how the network was trained; it is tested against the weights,
            and the number of targets is that of the samples. Nothing else rests on it.
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
    from identify.relu.recovery.counting import counted
    from identify.relu.recovery.recover import recover_relu

    known = UNKNOWN if training is None else training
    options = check_options(Options(n_samples, seed=seed, training=known), "known-init")
    after, before = as_network(trained, "trained"), as_network(initial, "initial")
    if len(after) < 2:
        raise ValueError("trained: found 1 linear layer; pass a network of two or more")
    pair = open_pairs(trained, initial, names=[after[0].name], inputs=after[0].name)[0]
    bias = after[0].bias is not None and bool(after[0].bias.any() or before[0].bias is not None)
    W, W0 = (_rows(layers[0], with_bias=bias) for layers in (after, before))
    change = counted(analysed(pair)[0], W, W0)
    outcome = recover_relu(
        W,
        W0,
        change,
        bias_trained=bias,
        n_samples=options.n_samples,
        seed=seed,
        device=device,
        progress=progress,
    )
    said = contradictions(known, _shown(change, after[-1], before[-1]), options.n_samples)
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
    )


def verify_relu(weights: Weights, options: Options) -> IdentifiabilityReport:
    """Decide for a two-layer ReLU network without biases; a ValueError names an unusable option."""
    if weights.a0 is None or weights.W0 is None:
        raise ValueError(
            "activation: found 'relu' without an initial first layer; pass init=(a0, W0)"
        )
    for name, given in (("unit_norm", options.unit_norm), ("certify", options.certify or None)):
        if given is not None:
            raise ValueError(f"{name}: found {given} with activation='relu'; leave it out")
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
        seed=options.seed,
        progress=options.progress,
    )


def _shown(change: LayerChange, last: LinearLayer, start: LinearLayer) -> Shown:
    """Return what the first and the last layer show of the training."""
    W, W0 = last.weight, start.weight
    both, both0 = W.sum(axis=0), W0.sum(axis=0)
    square = float(both0 @ both0)
    rho = float(both @ both0) / square if square > 0 else 1.0
    moved = float(np.linalg.norm(W - rho * W0))
    common = None
    if len(W) > 1 and moved > 0 and W.shape[1] > 1:
        common = float(np.linalg.norm(both - rho * both0)) / (moved * np.sqrt(len(W)))
    return Shown(
        decay=change.decay,
        samples=change.rank,
        room=None if change.rank is not None else change.effective_dimension - ROOM,
        outputs=len(W),
        common=common,
    )


def _rows(layer: LinearLayer, *, with_bias: bool) -> FloatArray:
    if not with_bias or layer.bias is None:
        return layer.weight
    return np.hstack([layer.weight, layer.bias[:, None]])
