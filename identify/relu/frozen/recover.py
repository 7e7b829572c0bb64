"""From what a trained layer read to the inputs of the network, with verdict and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from identify.arrays import FloatArray
from identify.findings import CLAIM, Recovery, Verdict
from identify.relu.frozen.active_rows import one_layer_down
from identify.relu.frozen.composed import layers_down
from identify.relu.frozen.layers import FrozenLayer, Known
from identify.relu.recovery.recover import ReluOutcome

_LARGE = 0.05
"""Of features that are not claimed, those above this share of the largest are taken for active."""


def inputs_behind(
    outcome: ReluOutcome, frozen: Sequence[FrozenLayer], *, seed: int = 0
) -> ReluOutcome:
    """Carry recovered features down through frozen layers.

    Args:
        outcome: What the first trained layer shows, its features as samples.
        frozen: The layers below it, the first one first.
        seed: Draws the starts where several layers are solved at once.

    Returns:
        The same of the inputs: a sample is claimed where its features are and determine it.

    Source: the heads of the files of this room.
    """
    behind = (
        f"The first {len(frozen)} linear layers did not change: what is taken apart below is the "
        "first one that did, and its samples are features."
        if len(frozen) > 1
        else "The first layer did not change: what is taken apart below is the second one, and its "
        "samples are features."
    )
    if outcome.recovery is None:
        return replace(outcome, reasons=(behind, *outcome.reasons))
    features = outcome.recovery
    found = [
        _down(frozen, Known(x, float(bound), scaled=features.norm_known), seed)
        for x, bound in zip(features.x, features.error_bound, strict=True)
    ]
    x = np.array([known.point for known in found])
    bound = np.array([known.radius for known in found])
    recovery = _recovery(features, x, bound, scaled=found[0].scaled)
    had = features.error_bound < CLAIM * np.linalg.norm(features.x, axis=1)
    fits = np.array([known.why != "against" for known in found])
    sure = bound < CLAIM * np.linalg.norm(x, axis=1)
    local = any(known.local for known in found)
    reasons = (behind, *outcome.reasons, *_reasons(found, had, sure))
    return replace(
        outcome,
        verdict=_verdict(outcome.verdict, sure, had & fits, local=local),
        reasons=reasons,
        recovery=recovery,
        hypotheses=(*outcome.hypotheses, _FROZEN, *((_GENERAL,) if local else ())),
    )


def _down(frozen: Sequence[FrozenLayer], known: Known, seed: int) -> Known:
    """Layer by layer as long as active rows suffice, then all that is left at once."""
    if not np.isfinite(known.radius):  # not claimed: what its larger features say is shown
        phi = np.maximum(known.point, 0)
        guess = replace(known, point=phi, radius=_LARGE * float(np.max(phi, initial=0.0)))
        return replace(_down(frozen, guess, seed), radius=np.inf, why="features")
    for k in reversed(range(len(frozen))):
        below = one_layer_down(frozen[k], known)
        if k and below.why:
            if below.why == "open":
                return layers_down(frozen[: k + 1], known, seed=seed)
            return replace(below, point=np.zeros(frozen[0].weight.shape[1]))
        known = below
    return known


def _recovery(features: Recovery, x: FloatArray, bound: FloatArray, *, scaled: bool) -> Recovery:
    equivalences = features.equivalences
    if scaled and not features.norm_known:
        equivalences = equivalences[:1]
    return replace(features, x=x, error_bound=bound, norm_known=scaled, equivalences=equivalences)


def _verdict(above: Verdict, sure: np.ndarray, had: np.ndarray, *, local: bool) -> Verdict:
    if sure.all() and above is Verdict.GLOBALLY_IDENTIFIABLE:
        return Verdict.LOCALLY_IDENTIFIABLE if local else above
    return Verdict.PARTIALLY_IDENTIFIABLE if had.any() else Verdict.UNDECIDED


def _reasons(found: Sequence[Known], had: np.ndarray, sure: np.ndarray) -> tuple[str, ...]:
    """Say how the inputs follow from their features, and which do not."""
    reasons: list[str] = []
    done = [known for known, is_sure in zip(found, sure, strict=True) if is_sure]
    if done:
        rows = [known.active for known in done]
        how = "the layers below together" if done[0].local else "least squares on them"
        reasons.append(
            f"{len(done)} inputs follow from their features: {min(rows)} to {max(rows)} frozen "
            f"neurons are certainly on, and {how} determine all {done[0].unknowns} unknowns."
        )
    for why, sentence in _LOST.items():
        lost = [
            known
            for known, was, is_sure in zip(found, had, sure, strict=True)
            if was and not is_sure and known.why == why
        ]
        if lost:
            rows, determined = [k.active for k in lost], [k.determined for k in lost]
            reasons.append(
                sentence.format(
                    count=len(lost),
                    rows=f"{min(rows)} to {max(rows)}",
                    determined=f"{min(determined)} to {max(determined)}",
                    unknowns=lost[0].unknowns,
                )
            )
    return tuple(reasons)


_LOST = {
    "against": "{count} sets of features are none that the frozen layers give for any input: these "
    "are not claimed.",
    "open": "{count} inputs are not determined, though their features are: {rows} frozen neurons "
    "are certainly on, which determine {determined} of {unknowns} unknowns. Shown is the shortest "
    "input that they allow.",
    "few": "{count} inputs are not computed, though their features are known: a frozen layer has "
    "fewer active neurons ({rows}) than inputs, and no more than twice the {unknowns} unknowns of "
    "all layers together.",
    "unsolved": "{count} inputs are not computed, though their features are known: no start of the "
    "descent through all frozen layers reached them.",
    "": "{count} inputs are bounded no better than a tenth of their norm, or a gate of the frozen "
    "layers lies within the bound: these are not claimed.",
}
"""Why inputs whose features are claimed are not claimed themselves."""

_FROZEN = (
    "The frozen layers computed in the type they are stored in, with ReLU behind each and nothing "
    "else between them (no dropout, no augmentation after the input)."
)
_GENERAL = (
    "The frozen weights are in general position: then no two inputs have the same features where "
    "more than twice as many neurons are on as there are unknowns."
)
