"""From a first layer to samples and a verdict, in sentences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.checkpoints.layer_change import LayerChange
from identify.findings import CLAIM, Assumed, Recovery, Verdict
from identify.relu.recovery.blocks import Duals
from identify.relu.recovery.deflation import find_duals
from identify.relu.recovery.end_game import ReluSamples, joint_samples
from identify.relu.recovery.half_spaces import DEEP
from identify.relu.recovery.hypotheses import independence, of_layer
from identify.relu.recovery.problem import pose_first_layer
from identify.relu.recovery.refusals import drowned, unreadable, why_none


@dataclass(frozen=True, slots=True)
class ReluOutcome:
    """What a ReLU network's first layer shows.

    Attributes:
        verdict: The verdict.
        reasons: Full sentences, in the order the decision was taken.
        hypotheses: What verdict and bounds rest on.
        recovery: The samples, or None.
        assumed: The numbers among the hypotheses, or None where nothing was taken apart.
        duals: The duals that were found, with the rows each silences, or None.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    hypotheses: tuple[str, ...]
    recovery: Recovery | None
    assumed: Assumed | None = None
    duals: Duals | None = None


def recover_relu(
    trained: FloatArray,
    initial: FloatArray,
    change: LayerChange,
    *,
    bias_trained: bool,
    n_samples: int | None = None,
    seed: int = 0,
    device: str | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> ReluOutcome:
    """Recover the samples from the first layer before and after training.

    Args:
        trained: Weights after training, (h, d), or (h, d + 1) with the bias as the last column.
        initial: Weights before, likewise.
        change: What training did to them.
        bias_trained: Whether the layer has a bias that changed.
        n_samples: Number of samples if known.
        seed: Draws the starts.
        device: Where the search runs.
        progress: Called with the step under way and the share of samples found.

    Returns:
        Verdict, reasons, hypotheses and samples.

    Source: the heads of the files of this room.
    """
    refusal = unreadable(change, bias_trained)
    if refusal is not None:
        return ReluOutcome(Verdict.UNDECIDED, (*change.reasons, refusal), (), None)
    assert change.rank is not None
    assert change.noise is not None
    assert change.decay is not None
    span = f"The change has {change.rank} independent directions above the noise."
    if n_samples is not None and n_samples != change.rank:
        why = (
            f"{n_samples} samples were stated; with linearly dependent or traceless samples "
            "nothing is taken apart."
        )
        return ReluOutcome(Verdict.UNDECIDED, (*change.reasons, span, why), (), None)
    layer = pose_first_layer(
        trained, initial, change.decay, change.basis, change.noise, has_bias=change.has_bias
    )
    refusal = drowned(layer)
    if refusal is not None:
        return ReluOutcome(Verdict.UNDECIDED, (*change.reasons, span, refusal), (), None)
    found = find_duals(
        layer,
        seed=seed,
        device=device,
        progress=None if progress is None else lambda k: progress("samples", k / layer.n),
    )
    samples = joint_samples(layer, found)
    return _concluded(change, found, samples, stated=n_samples is not None)


def _concluded(
    change: LayerChange, found: Duals, samples: ReluSamples, *, stated: bool
) -> ReluOutcome:
    n = change.rank or 0
    reasons = (*change.reasons, _how_many(found, n))
    if not len(samples.x):
        return ReluOutcome(Verdict.UNDECIDED, (*reasons, why_none(found)), (), None)
    norms = np.linalg.norm(samples.x, axis=1)
    sure = samples.bound < CLAIM * norms
    verdict = Verdict.UNDECIDED
    if samples.complete and sure.all() and samples.deep <= DEEP:
        verdict = Verdict.GLOBALLY_IDENTIFIABLE
        reasons += ("Every sample's gates agree with the neurons it left alone.",)
    elif sure.any():
        verdict = Verdict.PARTIALLY_IDENTIFIABLE
    if samples.deep > DEEP:
        reasons += (_hidden(samples.deep),)
    reasons += _what_gates_bound(samples)
    if not sure.all():
        reasons += (
            (
                f"{int(np.sum(~sure))} samples are shown and not claimed: their gates contradict "
                "the neurons they left alone, false duals may have spoilt them, or noise and gates "
                f"bound them no better than {CLAIM:g} of their norm."
            ),
        )
    recovery = Recovery(
        x=samples.x,
        b=samples.strength,
        error_bound=samples.bound,
        norm_known=change.has_bias,
        residual=_residual(change),
        equivalences=("the order of the samples", *(() if change.has_bias else (_NORMS,))),
    )
    assumed = independence(change, stated=stated)
    hypotheses = of_layer(assumed, found, samples)
    return ReluOutcome(verdict, reasons, hypotheses, recovery, assumed, found)


def _residual(change: LayerChange) -> float:
    h, d = change.shape
    size = float(np.linalg.norm(change.singular_values))
    return float(change.noise or 0.0) * float(np.sqrt(h * d)) / size


def _how_many(found: Duals, n: int) -> str:
    if not found.v:
        return f"Of {n} samples none was found by itself."
    zeros = [float(silent.mean()) for silent in found.silent]
    return (
        f"Of {n} samples {len(found.v)} were found, each by the neurons it left exactly alone, "
        f"{min(zeros):.0%} to {max(zeros):.0%} of them; every direction that these exclude rests "
        "on more than one neuron."
    )


def _what_gates_bound(samples: ReluSamples) -> tuple[str, ...]:
    said: list[str] = []
    if samples.together:
        said.append(
            f"{samples.together} samples are so alike that their columns are not told apart: their "
            "span is known, and they are shown where their own or their common silent neurons put "
            "them."
        )
    if samples.doubtful:
        said.append(
            f"{samples.doubtful} samples lie so near each other that the neurons that tell them "
            "apart may be accidents: their duals may be combinations. The others do not depend on "
            "that."
        )
    if samples.missing == 1:
        said.append(
            "One sample's column was not found. It is shown as the direction orthogonal to all "
            "duals, and not claimed: were one of these a combination with it, it would be spoilt. "
            "Each of the others lies in a plane with it, where its gates bound it."
        )
    elif samples.missing:
        said.append(
            f"The columns of {samples.missing} samples were not found: they are not shown, only "
            "their span is known, and what it leaves of the others is bounded by their gates."
        )
    return tuple(said)


def _hidden(share: float) -> str:
    return (
        f"On {share:.1%} of the neurons a sample is farther off than its gates moved, and they "
        "moved: a sample that is a combination of those shown hides behind it."
    )


_NORMS = "a positive factor each: without a bias nothing fixes the norms; shown with norm 1"
