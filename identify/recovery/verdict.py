"""What the samples recovered, their bounds and the spare equations allow to be said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identify.arrays import FloatArray
from identify.equations.pose import Problem
from identify.findings import CLAIM, Assumed, Course, Recovery, Verdict
from identify.recovery.fit import Fit
from identify.tensor.interpolation import Interpolation

CHANCE = 1e-6
"""Chance of a meaningless tensor fitting as well, above which the number of samples is not
inferred."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What recovery led to.

    Attributes:
        verdict: The verdict.
        sentences: The reasons for it.
        recovery: The samples, or None.
        hypotheses: What they and their bounds rest on, as sentences.
        assumed: The numbers among them, or None.
        course: How the training went, or None.
        error: Norm that the equations are taken to miss by at most, nan where none was derived.
        along: Whether they rest on a computed course of the training.
    """

    verdict: Verdict
    sentences: tuple[str, ...]
    recovery: Recovery | None
    hypotheses: tuple[str, ...] = ()
    assumed: Assumed | None = None
    course: Course | None = None
    error: float = float("nan")
    along: bool = False


def count_contradiction(n: int, stated: int | None) -> Recovered | None:
    """Return what to say where n samples are seen and another number was stated, else None."""
    if stated is None or stated == n:
        return None
    if stated < n:
        reason = (
            f"The weights span {n} dimensions above the rounding of their type, which {stated} "
            "samples cannot: there are more samples than stated, or noise beside the model."
        )
    else:
        reason = (
            f"Of the {stated} samples stated only {n} directions are seen: samples are dependent, "
            "or differ only outside the row space, or are not active. This decomposition needs "
            "independent samples."
        )
    return Recovered(Verdict.UNDECIDED, (reason,), None)


def chance_of_fit(interpolation: Interpolation, fit: Fit, relative_residual: float) -> float:
    """Return the chance that a tensor of no special form fits n samples this well.

    Sums of n powers have fewer dimensions than all tensors by the coefficients of the forms minus
    the unknowns of the samples; a random tensor comes within a relative distance eps of them with a
    probability of the order eps to that power. It is 1 where no coefficient is spare.
    """
    spare = interpolation.symmetric_dimension - fit.unit.size
    return float(min(1.0, max(relative_residual, 1e-300) ** spare)) if spare > 0 else 1.0


def judge(
    problem: Problem,
    interpolation: Interpolation,
    fit: Fit,
    recovery: Recovery,
    stated: int | None,
    *,
    excess: bool,
    searched: bool = False,
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict and its reasons.

    ``excess``: the polynomial fits much better than n samples do; ``searched``: a search found
    them, which excludes no others.
    """
    n, norms = len(recovery.x), np.linalg.norm(recovery.x, axis=1)
    if stated is None and (reason := _any_number(interpolation, fit, recovery)):
        return Verdict.UNDECIDED, (reason,)
    claimed = int(np.sum(recovery.error_bound < CLAIM * norms))
    if claimed < n or excess or not fit.converged:
        verdict = Verdict.PARTIALLY_IDENTIFIABLE if claimed else Verdict.UNDECIDED
        reason = (
            f"{claimed} of {n} samples are pinned to within {CLAIM:g} of their norm by the "
            "residual and the Jacobian of the equations; nothing is claimed beyond them."
        )
        return verdict, (reason,)
    if searched:
        pinned = f"All {n} samples are pinned; that no others fit is not shown by a search."
        return Verdict.LOCALLY_IDENTIFIABLE, (pinned,)
    return Verdict.GLOBALLY_IDENTIFIABLE, _only_ones(problem, recovery, norms, stated)


def _any_number(interpolation: Interpolation, fit: Fit, recovery: Recovery) -> str | None:
    """Return why the number of samples cannot be inferred; None where it can be."""
    n, chance = len(recovery.x), chance_of_fit(interpolation, fit, recovery.residual)
    if chance <= CHANCE:
        return None
    spare = max(0, interpolation.symmetric_dimension - fit.unit.size)
    return (
        f"The tensor has {spare} coefficients more than {n} samples have unknowns, so {n} "
        f"samples would fit as well by chance ({chance:.1g}): their number cannot be inferred. "
        "Pass n_samples if it is known."
    )


def _only_ones(
    problem: Problem, recovery: Recovery, norms: FloatArray, stated: int | None
) -> tuple[str, ...]:
    """Return why no other set of samples satisfies the equations."""
    n, worst = len(recovery.x), float(np.max(recovery.error_bound / norms))
    among = f"at most {n} samples" if stated is None else f"{n} samples"
    more = [
        f"All {n} samples are pinned, the worst to within {worst:.2g} of its norm.",
        (
            f"Among sets of {among} these are the only ones that satisfy the equations: a set "
            f"of {n} that explains weights of rank {n} is independent, and its decomposition is "
            "unique (Jennrich)."
        ),
    ]
    if problem.setting == "kkt" and stated is None and n < problem.space.basis.shape[0]:
        more.append(
            "A larger set whose members differ only orthogonally to the neurons would leave the "
            "same weights; pass n_samples to exclude it."
        )
    return tuple(more)
