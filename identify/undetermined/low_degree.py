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
from identify.sample_sets import SampleSet, clear_distance, set_distance
from identify.tensor.interpolation import Interpolation
from identify.undetermined.candidates import absorbed
from identify.undetermined.compressed import MAX_ENTRIES, direction_outside, forms_size
from identify.undetermined.margins import with_margin
from identify.undetermined.moments import Moments, moments_of
from identify.undetermined.sample_equations import FAINT, SampleEquations, equations_of_samples
from identify.undetermined.solving import solve
from identify.undetermined.work import Work

LEAST = 1e-8
"""Relative residual up to which a set satisfies the equations in any case."""

KEPT = 1e-8
"""Relative error up to which a norm or a margin is the one that was stated."""

DIFFERENT, CLEARLY = 0.01, 0.1
"""Distance from which two sets count as different, and at which no farther one is looked for."""

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
    solver, degree = _Solver(problem, options), problem.evaluations.activation.degree
    found: list[SampleSet] = []
    best: tuple[float, SampleSet, SampleSet] | None = None
    for count in range(DRAWS):
        if count == HOPELESS and not found:
            break
        more = count % 3 if solver.bound else 0
        drawn = moments.draw(options.n_samples or moments.fewest + more, rng)
        candidate = None if drawn is None else solver.adapted(drawn, rng)
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


def satisfies(problem: Problem, options: Options, candidate: SampleSet) -> bool:
    """Return whether a set fits to rounding, keeps what was stated, and has no faint sample."""
    x, b = candidate
    norms, evaluations = np.linalg.norm(x, axis=1), problem.evaluations
    if not (np.isfinite(x).all() and np.isfinite(b).all() and norms.min() > 0):
        return False
    weight = np.abs(b) * norms**evaluations.activation.degree
    if weight.min() <= FAINT * weight.max() or options.n_samples not in {None, len(x)}:
        return False
    if options.unit_norm and np.abs(norms - 1).max() > KEPT:
        return False
    if problem.setting == "kkt":
        weights = problem.weights
        margins = np.sign(b) * (evaluations.activation(x @ weights.W.T) @ weights.a)
        if margins.min() <= 0:
            return False
        if options.margin is not None and np.abs(margins / options.margin - 1).max() > KEPT:
            return False
    return total_residual(evaluations, x, b) <= rounding_level(evaluations, LEAST)


class _Solver:
    """Makes sets with the right moments keep what is known of the samples besides."""

    def __init__(self, problem: Problem, options: Options) -> None:
        self.problem, self.options = problem, options
        power = problem.equations.activation.is_power
        self.bound = bool(options.unit_norm) and (not power or options.margin is not None)
        self.system: SampleEquations | None = None
        self.work = Work()

    def adapted(self, drawn: SampleSet, rng: np.random.Generator) -> SampleSet | None:
        """Scale to the margin, or solve for norms, and margins, from a set."""
        problem, options = self.problem, self.options
        if not self.bound:
            if options.margin is None:
                return drawn
            weights, activation = problem.weights, problem.evaluations.activation
            return with_margin(drawn, activation, weights.a, weights.W, options.margin)
        if self.system is None:
            if forms_size(problem, wider=True) > MAX_ENTRIES:
                return None
            self.system = equations_of_samples(problem, options)
        system = self.system
        X, b = drawn[0] @ system.forms.basis * system.forms.sigma, drawn[1]
        if not system.free_b:
            X, b = absorbed(system, X, b)
        X, b, _ = solve(system, X, b, self.work)
        x, b = system.samples(X, b)
        if system.forms.wide:  # no neuron sees which direction outside the row space it is
            old = system.forms.basis[:, -1]
            x += np.outer(x @ old, direction_outside(problem.space.basis, rng) - old)
        return x, b


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
