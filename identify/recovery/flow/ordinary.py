"""Ordinary training: the samples whose flow leads from the initial weights to the given ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identify.arrays import BoolArray, Float64, FloatArray
from identify.equations.pose import Problem
from identify.equations.span import seen_records
from identify.equations.system import Equations
from identify.findings import Course
from identify.options import Options
from identify.recovery.fit import Fit
from identify.recovery.flow.bounds import flow_bounds
from identify.recovery.flow.ends import Ends
from identify.recovery.flow.flow import Drive
from identify.recovery.flow.last_fit import LastFit, last_fit
from identify.recovery.flow.linearised import (
    as_samples,
    linearised,
    mean_equations,
    sample_fit,
)
from identify.recovery.flow.search import Found, same_samples, search

MOST = 40
"""Largest number of samples that are searched from random starts."""

_TRUSTED = 0.02
"""The samples of a determined tensor are taken where they miss its own equations by less: training
hardly moved it, and its decomposition is unique. Otherwise two families have to find them."""

_SETTLED = 5e-3
"""Where samples of the tensor still miss by more along the flow once they are fitted to it, a
search may find others: right ones miss by 1e-6 to 2e-3 unless rates were as large as training
bears."""

_BETTER = 0.5
"""What a search finds is taken where it misses by less than this share."""

_EXPLAINED = 0.05
"""No samples are shown whose flow misses by more."""


@dataclass(frozen=True, slots=True)
class Ordinary:
    """Samples that rest on a flow.

    Attributes:
        problem: The equations at the mean of the paths.
        fit: The samples in them.
        inside: Bounds on their distance from the truth in the row space.
        course: How the training went.
        used: Number of neurons that the flow was fitted to.
        searched: Whether a search found them, rather than the tensor of weights that hardly moved.
        starts: Number of descents of the search, 0 without one.
        halved: Whether each of its families had half of the neurons to itself.
    """

    problem: Problem
    fit: Fit
    inside: Float64[FloatArray, " n"]
    course: Course
    used: int
    searched: bool
    starts: int
    halved: bool


def applies(problem: Problem) -> bool:
    """Whether weights can be read as the end of a flow: the span of the samples shows."""
    return not problem.scaled and seen_records(problem) is not None


def ordinary(problem: Problem, options: Options, start: Fit | None) -> Ordinary | None:
    """Find samples by their flow, from those of a static fit or by a search, or None."""
    ends, noise = _ends(problem), problem.space.noise
    scale = float(np.linalg.norm(problem.equations.right_side))
    last, found, confirmed = None, None, np.ones(problem.space.dimension, bool)
    first = None if start is None else _drive(ends, start)
    if first is not None and start is not None and start.residual < _TRUSTED * scale:
        last = last_fit(ends, first, noise=noise)
    if (last is None or last.miss > _SETTLED) and problem.space.dimension <= MOST:
        found, searched = _searched(ends, problem, options)
        confirmed = found.confirmed
        if last is not None and (searched is None or searched.miss > _BETTER * last.miss):
            confirmed, found = same_samples(last.drive.z, found.drive.z), None
        else:
            last = searched
    if last is None or not last.miss < _EXPLAINED:
        return None
    return _read(problem, ends, last, found, confirmed, options)


def _searched(ends: Ends, problem: Problem, options: Options) -> tuple[Found, LastFit | None]:
    """Search from starts that share nothing; None where no flow leads near the weights."""
    found = search(
        ends,
        noise=problem.space.noise,
        seed=options.seed,
        lag=options.training.lag or 0.0,
        progress=lambda e: options.report("training flow", e),
    )
    if found.miss > _EXPLAINED:
        return found, None
    return found, last_fit(ends, found.drive, noise=problem.space.noise)


def _ends(problem: Problem) -> Ends:
    weights, basis = problem.weights, problem.space.basis
    assert weights.a0 is not None
    assert weights.W0 is not None
    a0, U0, a, U = weights.a0, weights.W0 @ basis, weights.a, weights.W @ basis
    return Ends(a0, U0, a, U, problem.equations.activation, problem.decay)


def _drive(ends: Ends, start: Fit) -> Drive:
    """Return constant residual functions for a static fit."""
    c = start.b[:, None]
    if not ends.activation.is_power:
        return Drive(start.x, c)
    size = np.linalg.norm(start.x, axis=1, keepdims=True)
    return Drive(start.x / size, c * size**ends.activation.degree)


def _read(
    problem: Problem,
    ends: Ends,
    last: LastFit,
    found: Found | None,
    confirmed: BoolArray,
    options: Options,
) -> Ordinary:
    noise, rng = problem.space.noise, np.random.default_rng(options.seed)
    inside, _ = flow_bounds(linearised(last, noise), noise, rng)
    fit, equations = _along_paths(ends, last)
    times = np.linspace(0, 1, 11)
    course = Course(
        decay=problem.decay,
        lag=last.drive.lag,
        miss=last.miss,
        times=times,
        residuals=last.flow.basis(times) @ last.drive.c.T,
        confirmed=confirmed,
    )
    return Ordinary(
        problem=replace(problem, equations=equations),
        fit=fit,
        inside=np.where(confirmed, inside, np.inf),
        course=course,
        used=len(last.used),
        searched=found is not None,
        starts=0 if found is None else found.starts,
        halved=found is not None and found.halved,
    )


def _along_paths(ends: Ends, last: LastFit) -> tuple[Fit, Equations]:
    """Return the samples, and the equations of all neurons; those left out say nothing."""
    sigma = ends.activation
    drive = as_samples(last.drive, sigma.degree, power=sigma.is_power)
    used = mean_equations(last.flow, drive, np.ones(len(last.used)))
    points, scale = (ends.U0 + ends.U) / 2, np.zeros(len(ends.a0))
    right = np.zeros_like(points)
    points[last.used], scale[last.used] = used.points, used.scale
    right[last.used] = used.right_side
    equations = replace(used, points=points, scale=scale, right_side=right)
    return sample_fit(equations, drive), equations
