"""The words and numbers that every rendering of a report shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identify.arrays import BoolArray, FloatArray
from identify.findings import CLAIM, Findings, Recovery, Verdict

OTHER_MODELS = {
    "kkt": "Others remain: if the initial weights can be had or guessed (a public checkpoint, a "
    "known seed, step 0 of the training), pass them as init=.",
    "known-init": "Others remain: another activation, other initial weights, or weights trained to "
    "a stationary point (no init).",
    "random-features": "Others remain: another activation, or a first layer that was trained too "
    "(init=(a0, W0)).",
}
"""What a rejected model leaves to try."""

MEANING = {
    Verdict.GLOBALLY_IDENTIFIABLE: "Whoever holds these weights can compute the training samples "
    "behind them: under what is assumed below, the equations have no other solution, up to the "
    "equivalences listed with the recovery.",
    Verdict.LOCALLY_IDENTIFIABLE: "Near the recovered samples the weights allow no other "
    "solution; different samples farther away are not excluded.",
    Verdict.PARTIALLY_IDENTIFIABLE: "The weights determine some of the samples, or some functions "
    "of them, and leave the rest open; the reasons name which.",
    Verdict.NOT_IDENTIFIABLE: "A second, different data set satisfies the same equations, so the "
    "weights do not determine the samples.",
    Verdict.UNDECIDED: "Nothing is guaranteed in either direction, which is no evidence that the "
    "samples are safe; the reasons name the limit that was hit.",
    Verdict.MODEL_REJECTED: "The weights do not satisfy the equations of the claimed setting: it "
    "is not under this model that they tell about their training samples. This is no evidence that "
    "the samples are safe.",
}
SETTING = {
    "kkt": "the trained weights alone, taken as a stationary point: of the max-margin problem, "
    "which only the samples on the margin enter, or of a loss with weight decay",
    "known-init": "the trained weights together with the initial weights they started from",
    "random-features": "the trained output weights over a frozen first layer",
}
EVIDENCE = {
    "proved-exact": "a proof in exact arithmetic",
    "proved-ball": "a proof in ball arithmetic, rounding included",
    "numerical": "a floating-point computation, not a proof",
}


def outlook(report: Findings) -> list[str]:
    """Say what a verdict without a guarantee leaves open; nothing for others."""
    if report.verdict is Verdict.MODEL_REJECTED:
        return [OTHER_MODELS[report.setting]] if report.setting in OTHER_MODELS else []
    if report.verdict is not Verdict.UNDECIDED or report.recovery is None:
        return []
    recovery = report.recovery
    return [
        (
            f"{len(recovery.x)} candidate samples are shown all the same: they satisfy the "
            f"weights' equations to {number(recovery.residual)} and may well be the training "
            "samples; only the guarantee is missing."
        )
    ]


def claimed(recovery: Recovery) -> BoolArray:
    """Mark the samples whose bound is finite and below a tenth of their norm, (n,)."""
    return relative_bound(recovery) < CLAIM


def relative_bound(recovery: Recovery) -> FloatArray:
    """Divide each error bound by the norm of its sample, (n,); inf where nothing is known."""
    norm = np.linalg.norm(recovery.x, axis=1)
    relative = np.full(len(norm), np.inf)
    known = np.isfinite(recovery.error_bound) & np.isfinite(norm) & (norm > 0)
    relative[known] = recovery.error_bound[known] / norm[known]
    return relative


def title(verdict: Verdict) -> str:
    """Write a verdict as a heading."""
    return verdict.value.replace("_", " ").capitalize()


def wording(words: dict[str, str], key: str) -> str:
    """Look a key up, falling back on the key itself."""
    return words.get(key, printable(key))


def number(value: float) -> str:
    """Write a number with three digits: ``0.0123``, ``1.2e-10``, ``inf`` or ``undefined``."""
    if np.isnan(value):
        return "undefined"
    mantissa, mark, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else mantissa


def printable(text: str) -> str:
    """Put text on one line without control characters, which could steer a terminal."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def plain(sentences: Sequence[str]) -> list[str]:
    """Make each sentence printable."""
    return [printable(sentence) for sentence in sentences]
