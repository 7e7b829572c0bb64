"""The report in sentences, and the wording the page shares with it."""

from __future__ import annotations

import textwrap

import numpy as np

from identify.arrays import BoolArray, FloatArray
from identify.findings import CLAIM, Findings, Partial, RankReport, Recovery, Verdict, Witness

WIDTH = 100

OTHER_MODELS = {
    "kkt": "Others remain: if the initial weights can be had or guessed (a public checkpoint, a "
    "known seed, step 0 of the training), pass them as init=.",
    "known-init": "Others remain: another activation, other initial weights, or weights trained to "
    "a stationary point (no init).",
    "random-features": "Others remain: another activation, or a first layer that was trained too "
    "(init=(a0, W0)).",
}
"""What a rejected model leaves to try."""

STILL = 1e-6
"""A sample is said to move where a free direction turns it at a higher rate."""

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


def render_text(report: Findings) -> str:
    """Render the report as an argument: verdict, reasons, numbers.

    Args:
        report: The report.

    Returns:
        Plain text of at most 100 columns, without a final newline.
    """
    head = [
        (
            f"{report.verdict.value} (setting: {printable(report.setting)}; evidence: "
            f"{printable(report.evidence)})"
        ),
        MEANING[report.verdict],
        (
            f"What is known: {describe(SETTING, report.setting)}. The evidence is "
            f"{describe(EVIDENCE, report.evidence)}."
        ),
        (
            f"The network has {report.n_neurons} neurons with activation "
            f"{printable(report.activation)}; the relative residual of the equations is "
            f"{number(report.residual)}."
        ),
    ]
    head[2:2] = outlook(report)
    reasons = [f"{i}. {printable(reason)}" for i, reason in enumerate(report.reasons, 1)]
    sections = {
        "Reasons": reasons or ["None were recorded."],
        "Rank conditions": rank_sentences(report.rank),
        "Recovery": recovery_sentences(report.recovery),
    }
    if report.witness is not None:
        sections["Witness"] = witness_sentences(report.witness)
    if report.partial is not None:
        sections["What is determined all the same"] = partial_sentences(report.partial)
    lines = _wrap(head, "", "")
    if report.hypotheses:
        rests = [f"- {printable(hypothesis)}" for hypothesis in report.hypotheses]
        lines += ["", "This rests on", *_wrap(rests, "  ", "    ")]
    for title, sentences in sections.items():
        lines += ["", title, *_wrap(sentences, "  ", "     " if title == "Reasons" else "  ")]
    return "\n".join([*lines, "", f"seed {report.seed}"])


def outlook(report: Findings) -> list[str]:
    """Say what a verdict without a guarantee leaves open.

    Args:
        report: The report.

    Returns:
        Sentences; none for other verdicts.
    """
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


def rank_rows(rank: RankReport) -> list[tuple[str, str, str, str]]:
    """Tabulate the two rank conditions.

    Args:
        rank: The rank report.

    Returns:
        Rows (test, rank found, rank needed, outcome).
    """
    symmetric = "not computed" if rank.symmetric_rank is None else str(rank.symmetric_rank)
    undecided = "not decided" if rank.symmetric_rank is None else "fails"
    if rank.by_value:
        holds = "holds" if rank.symmetric_holds else undecided
        return [("Value", symmetric, str(rank.symmetric_dimension), holds)]
    return [
        ("Gram", str(rank.rank), str(rank.N), "holds" if rank.holds else "fails"),
        (
            "Symmetric",
            symmetric,
            str(rank.symmetric_dimension),
            "holds" if rank.symmetric_holds else undecided,
        ),
    ]


def rank_sentences(rank: RankReport | None) -> list[str]:
    """Say what the rank conditions gave.

    Args:
        rank: The rank report, or None.

    Returns:
        Sentences.
    """
    if rank is None:
        return ["Not looked at: the decision fell before them."]
    *gram_row, last = rank_rows(rank)
    sentences = [
        (
            f"The samples are seen in a space of dimension r = {rank.row_space} "
            f"(input dimension d = {rank.dimension})."
        ),
        *(
            f"Gram test {gram[3]}: rank(K) = {gram[1]} against N = {gram[2]} "
            f"(N = {rank.N_ambient} with d in place of r)."
            for gram in gram_row
        ),
        f"{last[0]} test {last[3]}: rank {last[1]} against {last[2]}.",
        (
            f"Singular values at or below the tolerance {number(rank.tolerance)} were not counted; "
            f"the noise per equation is {number(rank.noise)} and the condition number is "
            f"{number(rank.condition)}."
        ),
    ]
    if rank.exact_rank is not None:
        sentences.append(f"In exact arithmetic the rank is at least {rank.exact_rank}.")
    return sentences


def recovery_sentences(recovery: Recovery | None, *, equivalences: bool = True) -> list[str]:
    """Say what was recovered and how far it can be trusted.

    Args:
        recovery: The recovery, or None.
        equivalences: Whether to say what the samples are only known up to.

    Returns:
        Sentences.
    """
    if recovery is None:
        return ["No samples were recovered."]
    n, sure = len(recovery.x), claimed(recovery)
    sentences = [
        (
            f"{n} samples of dimension {recovery.x.shape[1]} were recovered; {int(sure.sum())} of "
            f"them are claimed: their error bound is below {CLAIM:g} of their norm."
        )
    ]
    if sure.any():
        bound = recovery.error_bound[sure]
        sentences.append(
            f"Among the claimed samples the error bound is {number(bound.max())} at worst and "
            f"{number(np.median(bound))} in the median."
        )
    known = "are determined" if recovery.norm_known else "are not determined"
    sentences.append(
        f"The norms of the samples {known}. The samples satisfy the weights' equations with "
        f"relative residual {number(recovery.residual)}."
    )
    if equivalences and recovery.equivalences:
        only = "; ".join(printable(text).rstrip(".") for text in recovery.equivalences)
        sentences.append(f"The samples are known only up to: {only}.")
    return sentences


def witness_sentences(witness: Witness) -> list[str]:
    """Say what the second data set is.

    Args:
        witness: The witness.

    Returns:
        Sentences.
    """
    return [
        (
            f"A second data set of {len(witness.x)} samples satisfies the same equations with "
            f"relative residual {number(witness.residual)}."
        ),
        (
            f"With every sample scaled to norm 1, its distance from the first is "
            f"{number(witness.distance)}, modulo permutation and sign."
        ),
    ]


def partial_sentences(partial: Partial) -> list[str]:
    """Say what is determined where the tensor is not.

    Args:
        partial: What is known.

    Returns:
        Sentences.
    """
    sentences = [
        (
            f"{partial.determined_functionals} of the {partial.functionals} independent linear "
            "functions of the tensor are determined."
        )
    ]
    if not len(partial.motion):
        return sentences
    sentences.append(
        f"Near the set that was fitted {partial.free} independent directions leave the equations "
        "unchanged to first order or within their own residual."
    )
    moving = ", ".join(
        f"{i + 1} ({number(rate)})" for i, rate in enumerate(partial.motion) if rate > STILL
    )
    if moving:
        sentences.append(
            f"Samples they turn, and the rate along a direction of length 1: {moving}."
        )
    held = ", ".join(str(i + 1) for i in np.flatnonzero(partial.pinned))
    if held:
        sentences.append(
            f"Samples that stay there and, where others were found, occur in every set: {held}."
        )
    return sentences


def claimed(recovery: Recovery) -> BoolArray:
    """Mark the samples something is claimed about.

    Args:
        recovery: The recovery.

    Returns:
        Where the error bound is finite and below a tenth of the sample's norm, (n,).
    """
    return relative_bound(recovery) < CLAIM


def relative_bound(recovery: Recovery) -> FloatArray:
    """Divide each error bound by the norm of its sample.

    Args:
        recovery: The recovery.

    Returns:
        Relative bounds, ``inf`` where nothing is known, (n,).
    """
    norm = np.linalg.norm(recovery.x, axis=1)
    relative = np.full(len(norm), np.inf)
    known = np.isfinite(recovery.error_bound) & np.isfinite(norm) & (norm > 0)
    relative[known] = recovery.error_bound[known] / norm[known]
    return relative


def describe(words: dict[str, str], key: str) -> str:
    """Look a key up, falling back on the key itself.

    Args:
        words: Key to description.
        key: The key.

    Returns:
        The description.
    """
    return words.get(key, printable(key))


def number(value: float) -> str:
    """Write a number with three significant digits.

    Args:
        value: The number.

    Returns:
        For instance ``0.0123``, ``1.2e-10``, ``inf`` or ``undefined``.
    """
    if np.isnan(value):
        return "undefined"
    mantissa, mark, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else mantissa


def printable(text: str) -> str:
    """Remove control characters, so that a report cannot steer the terminal that prints it.

    Args:
        text: Any text.

    Returns:
        The text on one line.
    """
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def _wrap(sentences: list[str], first: str, rest: str) -> list[str]:
    lines: list[str] = []
    for sentence in sentences:
        lines += textwrap.wrap(sentence, WIDTH, initial_indent=first, subsequent_indent=rest)
    return lines
