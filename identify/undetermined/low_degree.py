"""Degrees 1 and 2: two sample sets that satisfy the same equations (paper, 4.1, 4.2).

A set counts only if it satisfies the equations of both layers to rounding and everything that the
caller stated of the samples: their number, norms and margins. Weights that satisfy the equations
less well have no second data set, though their degree shows no more than the moments.
"""

from __future__ import annotations

import numpy as np

from identify.equations.activation import Polynomial
from identify.equations.own_equations import rounding_level, total_residual
from identify.equations.pose import Problem
from identify.findings import Recovery, Witness
from identify.options import Options
from identify.recovery.norms import sign_equivalence
from identify.sample_sets import DIFFERENT, SampleSet, clear_distance, set_distance
from identify.tensor.interpolation import Interpolation
from identify.undetermined.moments import Moments, moments_of
from identify.undetermined.stated import LEAST, Adapter, satisfies

CLEARLY = 0.1
"""Distance of two sets at which no farther one is looked for."""

DRAWS, HOPELESS = 60, 8
"""Sets drawn, and drawn in vain before the search is given up."""


def witness_pair(
    problem: Problem, interpolation: Interpolation, options: Options
) -> tuple[Recovery, Witness] | None:
    """Return two different sample sets that satisfy the equations of a degree 1 or 2 activation.

    One is a recovery that claims nothing, the other its witness; None where none was found that
    satisfies the equations to rounding (a single sample can be determined, too).
    """
    rng = np.random.default_rng(options.seed)
    moments = moments_of(problem, interpolation)
    if _least_miss(problem, moments, options.seed) > rounding_level(problem.evaluations, LEAST):
        return None
    adapter, degree = Adapter(problem, options), problem.evaluations.activation.degree
    found: list[SampleSet] = []
    best: tuple[float, SampleSet, SampleSet] | None = None
    for count in range(DRAWS):
        if count == HOPELESS and not found:
            break
        more = count % 3 if adapter.bound else 0
        drawn = moments.draw(options.n_samples or moments.fewest + more, rng)
        candidate = None if drawn is None else adapter.adapted(drawn, rng)
        if candidate is None or not satisfies(problem, options, candidate):
            continue
        for other in found:
            if len(other[0]) != len(candidate[0]):
                continue
            distance = clear_distance(other, candidate, degree)
            if distance >= DIFFERENT and (best is None or distance > best[0]):
                best = distance, other, candidate
        if best is not None and best[0] >= CLEARLY:
            break
        found.append(candidate)
    return None if best is None else _described(problem, best[1], best[2], options)


def why_no_pair(problem: Problem, interpolation: Interpolation, options: Options) -> str:
    """Return a sentence that says why :func:`witness_pair` returned None."""
    allowed = rounding_level(problem.evaluations, LEAST)
    miss = _least_miss(problem, moments_of(problem, interpolation), options.seed)
    if miss <= allowed:
        return "No second sample set that keeps what was stated was found, and none is excluded."
    return (
        f"Sets with these moments miss the weights' equations by {miss:.2g}, where rounding would "
        f"explain {allowed:.1g}: degree {problem.evaluations.activation.degree} shows only the "
        "moments, so no set is singled out, but no second data set was found that satisfies these "
        "weights to rounding."
    )


def _least_miss(problem: Problem, moments: Moments, seed: int) -> float:
    """Return how well sets with the moments satisfy the equations, whatever was stated of them."""
    rng = np.random.default_rng(seed)
    drawn = [moments.draw(moments.fewest + count % 3, rng) for count in range(HOPELESS)]
    fits = [total_residual(problem.evaluations, *one) for one in drawn if one is not None]
    return min(fits, default=0.0)


def _described(
    problem: Problem, first: SampleSet, second: SampleSet, options: Options
) -> tuple[Recovery, Witness]:
    evaluations, factor = problem.evaluations, float(np.exp(problem.log_b))
    residuals = [total_residual(evaluations, *candidate) for candidate in (first, second)]
    sign = sign_equivalence(evaluations.activation)
    what = "the set itself: this is one of infinitely many sets that satisfy the equations"
    recovery = Recovery(
        x=first[0],
        b=first[1] * factor,
        error_bound=np.full(len(first[0]), np.inf),
        norm_known=options.margin is not None,
        residual=residuals[0],
        equivalences=(what, *((sign,) if sign else ())),
    )
    distance = set_distance(first[0], second[0])
    return recovery, Witness(second[0], second[1] * factor, residuals[1], distance)


def determined_part(activation: Polynomial) -> str:
    """Return a sentence that says what the equations of degree 1 or 2 do determine."""
    if activation.degree == 1:
        return "A linear activation shows the data only through the sum of b_i x_i (section 4.1)."
    if activation.is_power:
        return (
            "A quadratic activation shows the data only through the moment matrix, the sum of "
            "b_i x_i x_i^T (section 4.2)."
        )
    return (
        "An activation of degree 2 shows the data only through the moments: the sums of b_i x_i "
        "x_i^T and, where it has a linear term, of b_i x_i."
    )
