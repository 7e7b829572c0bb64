"""What the findings say, section by section, in sentences."""

from __future__ import annotations

import numpy as np

from identify.findings import CLAIM, Course, Findings, Partial, RankReport, Recovery, Witness
from identify.rendering.words import claimed, number, plain

STILL = 1e-6
"""A sample is said to move where a free direction turns it at a higher rate."""


def rank_rows(rank: RankReport) -> list[tuple[str, str, str, str]]:
    """Tabulate the rank conditions: test, rank found, rank needed, outcome."""
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


def ranked(report: Findings) -> bool:
    """Whether rank conditions are part of the argument: of ReLU networks none are looked at."""
    return report.rank is not None or report.activation != "relu"


def rank_sentences(rank: RankReport | None) -> list[str]:
    """Say what the rank conditions gave."""
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
    """Say what was recovered, how far it can be trusted, and up to what it is known."""
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
        only = "; ".join(text.rstrip(".") for text in plain(recovery.equivalences))
        sentences.append(f"The samples are known only up to: {only}.")
    return sentences


def witness_sentences(witness: Witness) -> list[str]:
    """Say what the second data set is."""
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
    """Say what is determined where the tensor is not."""
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


def course_rows(course: Course) -> list[tuple[str, str]]:
    """Name what a fitted course shows of the training, with its value."""
    rows = [("Decay factor", "1, no decay" if course.decay == 1 else f"{course.decay:.6f}")]
    if lag_shows(course):
        rows += [
            ("Lag, share of training", number(course.lag)),
            ("Steps, at least", f"{0.5 / course.lag:.0f}"),
            ("With momentum 0.9", f"{9.5 / course.lag:.0f}"),
        ]
    else:
        rows.append(("Lag, share of training", "below the miss"))
    return [*rows, ("Miss of the end", number(course.miss))]


def lag_shows(course: Course) -> bool:
    """Whether the lag stands above what the miss of the fit leaves of it."""
    return course.lag > max(10 * course.miss**2, 1e-7)


def course_sentences(course: Course) -> list[str]:
    """Say which training was found: decay, inertia, and how the residuals went."""
    values = "; ".join(f"{name.lower()}: {value}" for name, value in course_rows(course))
    first, last = np.abs(course.residuals[0]), np.abs(course.residuals[-1])
    top = float(first.max(initial=0.0)) or 1.0
    went = ", ".join(
        f"{i + 1}: {a / top:.2f} to {b / top:.2f}"
        for i, (a, b) in enumerate(zip(first, last, strict=True))
    )
    return [
        f"{values[0].upper()}{values[1:]}.",
        (
            "Residuals at start and end, relative to the largest at the start and to a fall that "
            f"all share, which the pace absorbs: {went}."
        ),
    ]
