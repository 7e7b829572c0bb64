"""Both rank conditions as numbers and as sentences."""

from __future__ import annotations

import numpy as np

from identify.checker.feature_rank import MOST_FEATURES, FeatureRankClaims
from identify.equations.pose import Problem
from identify.findings import RankReport
from identify.tensor.exact_rank import prove_rank
from identify.tensor.features import form_dimension
from identify.tensor.interpolation import Interpolation
from identify.tensor.least_squares import Solution


def rank_report(
    problem: Problem, interpolation: Interpolation, *, certify: bool
) -> tuple[RankReport, list[str]]:
    """Compare both ranks with what they have to reach; ``certify`` proves them exactly."""
    equations, space = problem.equations, problem.space
    d, r = space.basis.shape
    degrees = equations.activation.support
    shown = interpolation.gram or interpolation.symmetric
    values = np.empty(0) if shown is None else shown.singular_values
    gram, symmetric = interpolation.gram, interpolation.symmetric
    if gram is not None and gram.determined:
        symmetric_rank: int | None = interpolation.symmetric_dimension
    else:
        symmetric_rank = None if symmetric is None else symmetric.rank
    proved = _proved(problem, interpolation) if certify else None
    rank = 0 if shown is None else shown.rank
    report = RankReport(
        dimension=d,
        row_space=r,
        N_ambient=sum(form_dimension(d, k - (not equations.by_value)) for k in degrees),
        N=interpolation.dimension,
        rank=rank,
        singular_values=values,
        tolerance=float("nan") if shown is None else shown.tolerance,
        noise=float("nan") if shown is None else shown.noise,
        condition=float(values[0] / values[rank - 1]) if rank else float("inf"),
        symmetric_dimension=interpolation.symmetric_dimension,
        symmetric_rank=symmetric_rank,
        symmetric_singular_values=np.empty(0) if symmetric is None else symmetric.singular_values,
        exact_rank=None if proved is None else len(proved.rows),
        exact_condition=None if proved is None else proved.condition,
        by_value=equations.by_value,
        proof=proved,
    )
    unproved = certify and proved is None
    more = [_TOO_MANY] if unproved else [] if proved is None else [_exact_sentence(report)]
    return report, [*_sentences(problem, interpolation, report), *more]


def _proved(problem: Problem, interpolation: Interpolation) -> FeatureRankClaims | None:
    """Prove the condition that determines the tensor, the Gram one where none does."""
    if problem.equations.by_value:
        return prove_rank(problem, "value")
    gram = interpolation.gram
    if interpolation.carried_by is None or (gram is not None and gram.determined):
        return prove_rank(problem, "gram")
    return prove_rank(problem, "symmetric")


_TOO_MANY = (
    "certify=True proves no rank here, it stays numerical: there are more than the "
    f"{MOST_FEATURES} features that are ranked exactly."
)


def _exact_sentence(report: RankReport) -> str:
    assert report.proof is not None
    return (
        f"In exact arithmetic the feature matrix of the weights as stored has rank at least "
        f"{report.exact_rank} in the {report.exact_condition} condition (a minor modulo "
        f"{report.proof.prime})."
    )


def _sentences(problem: Problem, interpolation: Interpolation, report: RankReport) -> list[str]:
    sentences = []
    d, r = report.dimension, report.row_space
    if problem.evaluations.gradients is not None:
        tail = " The rest of the spectrum is flat noise." if problem.space.noisy else ""
        what = "the neurons" if problem.setting == "kkt" else "the changes of the neurons"
        sentences.append(
            f"The samples are seen in the {r} of {d} dimensions that {what} span; counts are taken "
            f"there.{tail}"
        )
    if problem.decay != 1:
        sentences.append(
            f"The initial weights decayed by the factor {problem.decay:.6g}: the equations are "
            "those of W and a divided by it."
        )
    gram, symmetric = interpolation.gram, interpolation.symmetric
    if gram is not None:
        sentences.append(_gram_sentence(gram, report))
    elif not problem.equations.by_value:
        sentences.append(
            f"The Gram test needs {report.N} features of {problem.evaluations.points.shape[0]} "
            "neurons, more than are computed."
        )
    if symmetric is not None:
        sentences.append(_symmetric_sentence(problem, symmetric))
    elif gram is None or not gram.determined:
        sentences.append(
            f"The symmetric test has {report.symmetric_dimension} unknowns, more than are computed."
        )
    if interpolation.carried_by is None:
        sentences.append("So the tensor is not determined by these weights.")
    return sentences


def _gram_sentence(gram: Solution, report: RankReport) -> str:
    levels = (
        f"smallest singular value {gram.singular_values[-1]:.2g} against a tolerance of "
        f"{gram.tolerance:.2g}"
    )
    if gram.determined:
        return (
            f"The Gram condition of Theorem 4.1 holds there: rank(K) = {gram.rank} = N ({levels}), "
            "so the tensor is determined, and with it the symmetric condition "
            f"({report.symmetric_dimension} coefficients) holds."
        )
    return f"The Gram condition of Theorem 4.1 fails: rank(K) = {gram.rank} of N = {gram.columns}."


def _symmetric_sentence(problem: Problem, symmetric: Solution) -> str:
    kind = "value" if problem.equations.by_value else "symmetric (gradient)"
    levels = (
        f"smallest singular value {symmetric.singular_values[-1]:.2g} against a tolerance of "
        f"{symmetric.tolerance:.2g}"
    )
    if symmetric.determined:
        return (
            f"The {kind} condition carries it: rank {symmetric.rank} = {symmetric.columns} "
            f"coefficients of the polynomial ({levels}), so the tensor is determined."
        )
    return f"The {kind} condition fails: rank {symmetric.rank} of {symmetric.columns} coefficients."
