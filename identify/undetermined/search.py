"""The search for sets of samples that satisfy the equations to rounding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from identify.arrays import FloatArray
from identify.equations.own_equations import relative_residual, rounding_level
from identify.equations.pose import Problem
from identify.options import Options
from identify.sample_sets import SampleSet
from identify.undetermined.candidates import Candidate, candidates
from identify.undetermined.margins import with_margin
from identify.undetermined.sample_equations import SampleEquations, equations_of_samples
from identify.undetermined.work import Work

ROUNDING = 1e-11
"""Relative residual up to which a set satisfies equations whose weights are stored to 53 bits."""

SAME = 1e-8
"""Error of the equations up to which a second solution of them is a second data set."""

MAX_UNKNOWNS = 400
"""Largest number of unknowns that are fitted."""

STARTS, FEW, MANY_UNKNOWNS = 8, 3, 60
"""Random starts per number of samples, and from this number of unknowns; twice as many where the
number is given."""

LARGER = 3
"""Where the number is not given: how many more samples than the fewest possible are tried."""


@dataclass(frozen=True, slots=True)
class Search:
    """The equations, what counts as a solution of them, and the work left.

    Attributes:
        problem: The equations.
        options: What the caller knows.
        system: The equations in (x, b).
        rounding: Relative residual up to which a set satisfies the equations.
        work: What further fits and walks may cost.
        rng: Source of the starts and directions.
    """

    problem: Problem
    options: Options
    system: SampleEquations
    rounding: float
    work: Work
    rng: np.random.Generator

    def shown(self, X: FloatArray, b: FloatArray) -> SampleSet | None:
        """Return a set in the full space and final scale; None where it cannot have the margin."""
        samples = self.system.samples(X, b)
        margin, weights = self.options.margin, self.problem.weights
        if margin is None or self.system.free_b or self.options.unit_norm:
            return samples
        activation = self.problem.evaluations.activation
        return with_margin(samples, activation, weights.a, weights.W, margin)

    def exact(self, X: FloatArray, b: FloatArray) -> bool:
        """Return whether every sample carries weight, and a set fits to rounding.

        It has to satisfy the weights' own equations and the constraints.
        """
        if not self.system.alive(X, b):
            return False
        samples = self.shown(X, b)
        if samples is None:
            return False
        constraints = self.system.residual(X, b)[len(self.system.forms.target) :]
        if np.abs(constraints).max(initial=0.0) > self.rounding:
            return False
        return relative_residual(self.problem.evaluations, *samples) <= self.rounding

    def level(self, spare: int) -> float:
        """Return the size of the error that the equations are known to carry; inf if nothing tests.

        In kkt, and for a power activation in known-init, the equations that hold whatever the data
        show it: every set of samples misses the others by as much. In known-init they are otherwise
        tested by a fit only, which says nothing where no equation is ``spare`` beyond the unknowns.
        """
        if self.problem.data_free is not None:
            return max(self.rounding, self.problem.data_free)
        if self.problem.setting == "known-init" and spare <= 0:
            return np.inf
        return self.rounding

    def sizes(self, floor: float) -> list[int]:
        """Return the numbers of samples to try, in order, none that is too large to fit.

        ``floor`` is the relative residual that the tensor itself leaves.
        """
        width = self.system.dimension + self.system.free_b
        if self.options.n_samples is not None:
            found = [self.options.n_samples]
        else:
            fewest = self._fewest(max(self.rounding, 2 * floor, SAME))
            found = list(range(fewest, fewest + 1 + LARGER))
        return [n for n in found if n * width <= MAX_UNKNOWNS]

    def _fewest(self, floor: float) -> int:
        """Return the fewest samples whose span can carry the right-hand sides."""
        if self.problem.equations.by_value:
            return 1
        values = np.linalg.svd(self.problem.equations.right_side, compute_uv=False)
        tails = np.sqrt(np.cumsum(values[::-1] ** 2)[::-1]) / np.linalg.norm(values)
        return max(1, int(np.sum(tails > floor)))

    def fits(self, n: int, starts: int) -> Iterator[Candidate]:
        """Yield fits of n samples from random starts."""
        setting = self.problem.setting
        fitted = candidates(self.system, setting, n, self.rng, self.work)
        for candidate in islice(fitted, starts):
            self.options.report("candidate", candidate.residual)
            yield candidate

    def first(self, n: int) -> Candidate | None:
        """Return an exact fit of n samples, with the right signs if possible; else the closest."""
        closest: Candidate | None = None
        exact: Candidate | None = None
        starts = STARTS if n * self.system.dimension < MANY_UNKNOWNS else FEW
        for fit in self.fits(n, starts if self.options.n_samples is None else 2 * starts):
            if self.exact(fit.X, fit.b):
                exact = exact or fit
                if fit.consistent:
                    return fit
            elif np.isfinite(fit.residual) and (closest is None or fit.residual < closest.residual):
                closest = fit
        return exact or closest

    def missed(self, found: Candidate) -> float:
        """Return the relative residual of a fit, with what no set of samples explains."""
        return float(np.hypot(found.residual, self.system.forms.outside))


def new_search(problem: Problem, options: Options) -> Search:
    """Begin a search with all the work it may cost."""
    system = equations_of_samples(problem, options)
    return Search(
        problem=problem,
        options=options,
        system=system,
        rounding=rounding_level(problem.evaluations, ROUNDING),
        work=Work(),
        rng=np.random.default_rng(options.seed),
    )
