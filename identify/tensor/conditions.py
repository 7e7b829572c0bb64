"""Both rank conditions as numbers and as sentences."""

from __future__ import annotations

import numpy as np

from identify.equations.pose import Problem
from identify.findings import RankReport
from identify.tensor.features import form_dimension
from identify.tensor.interpolation import Interpolation
from identify.tensor.least_squares import Solution
from identify.tensor.rank import EXACT_LIMIT, exact_feature_rank


def rank_report(
    problem: Problem, interpolation: Interpolation, *, certify: bool
) -> tuple[RankReport, list[str]]:
    """Compare both ranks with what they have to reach; ``certify`` proves the Gram rank exactly."""
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
    exact, unproved = None, None
    if certify:
        unproved = _unproved(problem)
    if certify and unproved is None:
        exact = exact_feature_rank(
            problem.evaluations.points, space.basis, equations.activation.degree - 1
        )
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
        exact_rank=exact,
        by_value=equations.by_value,
    )
    more = [] if unproved is None else [unproved]
    return report, [*_sentences(problem, interpolation, report), *more]


def _unproved(problem: Problem) -> str | None:
    """Say why no rank is proved in exact arithmetic, or return None where it is."""
    equations, r = problem.equations, problem.space.dimension
    asked = "certify=True proves nothing here, the rank stays numerical:"
    if equations.by_value:
        return f"{asked} exact ranks are computed for gradients, and only values of P are seen."
    if not equations.activation.is_power:
        return (
            f"{asked} exact ranks are computed for a power activation, and {equations.activation} "
            "has several degrees."
        )
    size = form_dimension(r, equations.activation.degree - 1)
    if size > EXACT_LIMIT:
        return f"{asked} {size} features are more than the {EXACT_LIMIT} that are ranked exactly."
    return None


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
    if report.exact_rank is not None:
        sentences.append(
            f"In exact arithmetic the feature matrix of the weights as stored has rank at least "
            f"{report.exact_rank} (modulo 2^31 - 1)."
        )
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
