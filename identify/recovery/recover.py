"""From the determined tensor to samples: pencil, coefficients, refinement, path, bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from identify.arrays import Float64, FloatArray
from identify.equations.bias import bias_rate
from identify.equations.pose import Problem
from identify.findings import Recovery
from identify.options import Options
from identify.recovery import hypotheses
from identify.recovery.bounds import equation_error, sample_bounds
from identify.recovery.fit import Fit
from identify.recovery.flow.ordinary import applies, ordinary
from identify.recovery.flow.sentences import explained
from identify.recovery.hidden import assumed
from identify.recovery.levenberg import LARGE
from identify.recovery.norms import (
    Scaled,
    constant_norms,
    keep_norms,
    margin_norms,
    stated_twice,
    unit_norms,
)
from identify.recovery.pencil import range_basis
from identify.recovery.static import Solved, static_samples
from identify.recovery.verdict import CHANCE, Recovered, chance_of_fit, count_contradiction, judge
from identify.tensor.interpolation import Interpolation

_WELL, _FOLLOWED = 1e-6, 1e-3
"""Relative residuals at which nothing is left to be explained: of the equations at one point, and
at the end of a computed path, which knows more than a flow (targets, steps one by one)."""

_UNEXPLAINED = 0.02
"""A flow that misses by more leaves something unmodelled, and nothing is claimed: three samples in
one plane passed for two at .04, trainings at the largest rates that converge missed by .012."""


def recover(problem: Problem, interpolation: Interpolation, options: Options) -> Recovered:
    """Recover the samples from tensors of degree at least 3, and decide what is known of them."""
    rng, stated = np.random.default_rng(options.seed), options.n_samples
    equations = problem.equations
    tensor = interpolation.tensors[equations.activation.degree]
    # gradients span the samples alone, points need not
    r = equations.points.shape[1]
    basis = range_basis(tensor, rng) if equations.by_value else np.eye(r)
    contradiction = count_contradiction(basis.shape[1], stated)
    if contradiction is not None:
        return contradiction
    solved = static_samples(problem, interpolation, basis, rng, options)
    if not _explained(solved) and applies(problem):
        solved = _followed(problem, options, solved)
    return _concluded(solved, interpolation, options, rng)


def recover_by_flow(
    problem: Problem, interpolation: Interpolation, options: Options
) -> Recovered | None:
    """Recover the samples of an ordinary training whose tensor is not determined, or None."""
    if not applies(problem) or count_contradiction(problem.space.dimension, options.n_samples):
        return None
    solved = _of_flow(problem, options, None)
    if solved is None:
        return None
    return _concluded(solved, interpolation, options, np.random.default_rng(options.seed))


def _explained(solved: Solved) -> bool:
    """Whether the equations are met to what noise and a computed path leave."""
    right = solved.problem.equations.right_side
    noise = solved.problem.evaluations.rounding * np.sqrt(right.size)
    well = _WELL if solved.along is None else _FOLLOWED
    return bool(solved.fit.residual <= max(well * np.linalg.norm(right), 2 * noise))


def _followed(problem: Problem, options: Options, static: Solved) -> Solved:
    """Follow the flow where its normal matrix fits and it explains more."""
    if static.fit.x.size > LARGE:
        return replace(static, sentences=(*static.sentences, _NOT_FOLLOWED))
    return _of_flow(problem, options, static) or static


def _of_flow(problem: Problem, options: Options, static: Solved | None) -> Solved | None:
    """Follow every neuron, from the samples found so far or from a search."""
    start = None if static is None else static.fit
    with np.errstate(all="ignore"):
        found = ordinary(problem, options, start)
    scale = float(np.linalg.norm(problem.equations.right_side))
    if found is None or (static is not None and found.fit.residual > 0.5 * static.fit.residual):
        return None
    return Solved(
        problem=found.problem,
        fit=found.fit,
        signed=True,
        excess=False,
        along=hypotheses.of_flow(problem, found.fit.residual / scale, found.used),
        sentences=explained(found),
        flow=found,
    )


def _concluded(
    solved: Solved, interpolation: Interpolation, options: Options, rng: np.random.Generator
) -> Recovered:
    """Bound the samples, fix their norms and judge."""
    problem, fit, flow, stated = solved.problem, solved.fit, solved.flow, options.n_samples
    scale = float(np.linalg.norm(problem.equations.right_side))
    residual = fit.residual / scale
    error = equation_error(problem, fit, along_path=solved.along is not None)
    followed = flow is None or flow.course.miss <= _UNEXPLAINED
    counted = stated is not None or chance_of_fit(interpolation, fit, residual) <= CHANCE
    bound = np.full(len(fit.x), np.inf)
    if counted and followed and not solved.excess:
        degree = problem.equations.activation.degree
        left = None if solved.along else interpolation.tensors.get(degree)
        inside = None if flow is None else flow.inside
        bound = sample_bounds(
            problem, fit, error, rng, tensor=left, counted=stated is not None, inside=inside
        )
    scaled = _scaled(problem, fit, options, bound, signed=solved.signed)
    recovery = Recovery(
        x=scaled.x,
        b=scaled.b * np.exp(problem.log_b),
        error_bound=scaled.error_bound,
        norm_known=scaled.norm_known,
        residual=residual,
        equivalences=scaled.equivalences,
    )
    verdict, more = judge(
        problem,
        interpolation,
        fit,
        recovery,
        stated,
        excess=solved.excess,
        searched=flow is not None and flow.searched,
    )
    rests_on = assumed(problem, fit, error, stated=stated is not None)
    said = (
        solved.along or hypotheses.of_setting(problem),
        *hypotheses.of_samples(problem, options, rests_on, error / scale),
    )
    left = () if followed else (_LEFT,)
    sentences = (*solved.sentences, *left, scaled.reason, *more)
    course = None if flow is None else flow.course
    on_course = solved.along is not None
    return Recovered(verdict, sentences, recovery, said, rests_on, course, error, on_course)


def _scaled(
    problem: Problem, fit: Fit, options: Options, bound: Float64[FloatArray, " n"], *, signed: bool
) -> Scaled:
    """Lift to the full space and fix the norms."""
    activation, x = problem.equations.activation, fit.x @ problem.space.basis.T
    if problem.weights.bias:
        return constant_norms(activation, x, fit.b, bound, rate=_rate_of_bias(problem))
    if problem.equations.free_b:
        return keep_norms(activation, x, fit.b, bound, output_seen=signed)
    if options.margin is None:
        return unit_norms(activation, x, fit.b, bound, given=bool(options.unit_norm))
    error = float(np.nan_to_num(problem.data_free or 0.0))
    scaled = margin_norms(
        problem.weights, activation, x, fit.b, bound, margin=options.margin, output_error=error
    )
    if scaled.consistent and options.unit_norm:
        return stated_twice(unit_norms(activation, x, fit.b, bound, given=True), scaled)
    if scaled.consistent:
        return scaled
    reason = (
        "The signs of b and of Phi at the samples disagree, so these are no active samples of a "
        "max-margin problem and no margin fixes their norms; they are shown with norm 1."
    )
    return replace(unit_norms(activation, x, fit.b, bound, given=False), reason=reason)


def _rate_of_bias(problem: Problem) -> float:
    """Return by how much the rate of the bias may differ from that of the weights, as it shows."""
    found = bias_rate(problem.weights, problem.equations.activation)
    return 0.0 if found is None else abs(found[0] - 1) + 3 * found[1]


_NOT_FOLLOWED = (
    f"The training was not followed in time, which takes hours with more than {LARGE} unknowns: "
    "the samples rest on the equations at one point of it."
)
_LEFT = (
    f"That is more than {_UNEXPLAINED:g}: more samples than dimensions of their span, a step too "
    "large or layers of unequal decay would leave so much, and nothing is claimed."
)
