"""Sets of degrees 1 and 2 that keep what the caller stated: number, norms and margins."""

from __future__ import annotations

import numpy as np

from identify.equations.own_equations import rounding_level, total_residual
from identify.equations.pose import Problem
from identify.options import Options
from identify.sample_sets import SampleSet
from identify.undetermined.candidates import absorbed
from identify.undetermined.compressed import MAX_ENTRIES, direction_outside, forms_size
from identify.undetermined.margins import with_margin
from identify.undetermined.sample_equations import FAINT, SampleEquations, equations_of_samples
from identify.undetermined.solving import solve_for_samples
from identify.undetermined.work import Work

LEAST = 1e-8
"""Relative residual up to which a set satisfies the equations in any case."""

KEPT = 1e-8
"""Relative error up to which a norm or a margin is the one that was stated."""


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


class Adapter:
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
        X, b, _ = solve_for_samples(system, X, b, self.work)
        x, b = system.samples(X, b)
        if system.forms.wide:  # no neuron sees which direction outside the row space it is
            old = system.forms.basis[:, -1]
            x += np.outer(x @ old, direction_outside(problem.space.basis, rng) - old)
        return x, b
