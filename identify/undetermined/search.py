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
from identify.sample_sets import SampleSet, clear_distance
from identify.undetermined.candidates import Candidate, candidates, consistent
from identify.undetermined.local import LocalView
from identify.undetermined.second_sets import with_margin
from identify.undetermined.system import System, build_system
from identify.undetermined.walking import solve, tangents, walk, weights_alive
from identify.undetermined.work import Work

ROUNDING = 1e-11
"""Relative residual up to which a set satisfies equations whose weights are stored to 53 bits."""

SAME = 1e-8
"""Error of the equations up to which a second solution of them is a second data set."""

CLEAR = 1e-6
"""Singular value of the Jacobian, equations and samples scaled to 1, that is clear of rounding."""

DIFFERENT = 0.01
"""Distance from which two sets count as different."""

FAR = 0.5
"""Distance at which a walk has gone far enough."""

MAX_UNKNOWNS = 400
"""Largest number of unknowns that are fitted."""

STARTS, FEW, MANY_UNKNOWNS = 8, 3, 60
"""Random starts per number of samples, and from this number of unknowns; twice as many where the
number is given."""

LARGER = 3
"""Where the number is not given: how many more samples than the fewest possible are tried."""


@dataclass(frozen=True, slots=True)
class Others:
    """Exact sets besides a first one.

    Attributes:
        sets: Those that are clearly different from it, as shown, the one walked to first.
        reached: Number of random starts that led to an exact set, the first one or another.
    """

    sets: list[SampleSet]
    reached: int


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
    system: System
    rounding: float
    work: Work
    rng: np.random.Generator

    def shown(self, X: FloatArray, b: FloatArray) -> SampleSet | None:
        """Return a set in the full space and in its final scale.

        Args:
            X: Samples in the coordinates of the system, (n, q).
            b: Coefficients, (n,).

        Returns:
            Samples (n, d) and coefficients (n,), or None where the margin given cannot be had.
        """
        samples = self.system.samples(X, b)
        margin, weights = self.options.margin, self.problem.weights
        if margin is None or self.system.free_b or self.options.unit_norm:
            return samples
        activation = self.problem.evaluations.activation
        return with_margin(samples, activation, weights.a, weights.W, margin)

    def exact(self, X: FloatArray, b: FloatArray) -> bool:
        """Say whether a set satisfies the weights' own equations and the constraints to rounding.

        Args:
            X: Samples in the coordinates of the system, (n, q).
            b: Coefficients, (n,).

        Returns:
            Whether it does and every sample carries weight.
        """
        if not (np.isfinite(X).all() and weights_alive(self.system, X, b)):
            return False
        samples = self.shown(X, b)
        if samples is None:
            return False
        constraints = self.system.residual(X, b)[len(self.system.forms.target) :]
        if np.abs(constraints).max(initial=0.0) > self.rounding:
            return False
        return relative_residual(self.problem.evaluations, *samples) <= self.rounding

    def level(self, spare: int) -> float:
        """Return the size of the error that the equations are known to carry.

        In kkt, and for a power activation in known-init, the equations that hold whatever the data
        show it: every set of samples misses the others by as much. In known-init they are otherwise
        tested by a fit only, which says nothing where no equation is spare.

        Args:
            spare: Number of equations beyond the unknowns of an exact fit.

        Returns:
            Relative size; inf where nothing tests them.
        """
        if self.problem.data_free is not None:
            return max(self.rounding, self.problem.data_free)
        if self.problem.setting == "known-init" and spare <= 0:
            return np.inf
        return self.rounding

    def sizes(self, floor: float) -> list[int]:
        """Return the numbers of samples to try, in order.

        Args:
            floor: Relative residual that the tensor itself leaves.

        Returns:
            The number given, or the fewest possible and some more; none that is too large to fit.
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
        """Fit n samples from random starts.

        Args:
            n: Number of samples.
            starts: Number of starts.

        Yields:
            The fits.
        """
        setting = self.problem.setting
        fitted = candidates(self.system, setting, n, self.rng, self.work)
        for candidate in islice(fitted, starts):
            self.options.report("candidate", candidate.residual)
            yield candidate

    def first(self, n: int) -> Candidate | None:
        """Return an exact fit of n samples, with the right signs if possible; else the closest.

        Args:
            n: Number of samples.

        Returns:
            The fit, or None where none ended.
        """
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

    def fewest(self, found: Candidate, least: int) -> Candidate:
        """Look for a set of fewer samples, from an exact set without one of its samples.

        Args:
            found: An exact fit.
            least: Number of samples below which there is none.

        Returns:
            The smallest fit that was reached, exact or within ``SAME`` of the equations.
        """
        close: Candidate | None = None
        for i in range(len(found.X) if len(found.X) > least else 0):
            kept = np.arange(len(found.X)) != i
            X, b, residual = solve(self.system, found.X[kept], found.b[kept], self.work)
            if not (np.isfinite(X).all() and weights_alive(self.system, X, b)):
                continue
            agree = consistent(self.system, self.problem.setting, X, b)
            smaller = Candidate(X, b, residual, agree)
            if self.exact(X, b):
                return self.fewest(smaller, least)
            if self.missed(smaller) <= SAME:
                close = close or smaller
        return close or found

    def missed(self, found: Candidate) -> float:
        """Return the relative residual of a fit, with what no set of samples explains.

        Args:
            found: A fit.

        Returns:
            Norm of the residual relative to the right-hand sides.
        """
        return float(np.hypot(found.residual, self.system.forms.outside))

    def others(self, found: Candidate, view: LocalView) -> Others:
        """Look for further exact sets: by walking along the null space, then from other starts.

        Args:
            found: An exact fit.
            view: The first order there.

        Returns:
            What was met.
        """
        system, setting = self.system, self.problem.setting

        def allowed(X: FloatArray, b: FloatArray) -> bool:
            keeps_signs = not found.consistent or consistent(system, setting, X, b)
            return keeps_signs and self.exact(X, b)

        sets = []
        directions = tangents(system, view, found.X, found.b, self.rng, loose=CLEAR)
        if len(directions):
            start = (found.X, found.b)
            X, b, distance = walk(
                system, start, directions, goal=FAR, allowed=allowed, work=self.work
            )
            self.options.report("walk", distance)
            if distance >= DIFFERENT:
                sets.append((X, b))
        origin, reached = system.samples(found.X, found.b), 0
        for fit in self.fits(len(found.X), 2 * STARTS):
            if not allowed(fit.X, fit.b):
                continue
            reached += 1
            other = system.samples(fit.X, fit.b)
            if clear_distance(origin, other, system.activation.degree) >= DIFFERENT:
                sets.append((fit.X, fit.b))
                if not len(directions):
                    break
        shown = [shown for X, b in sets if (shown := self.shown(X, b)) is not None]
        return Others(shown, reached)


def new_search(problem: Problem, options: Options) -> Search:
    """Begin a search.

    Args:
        problem: The equations.
        options: What the caller knows.

    Returns:
        The search.
    """
    system = build_system(problem, options)
    return Search(
        problem=problem,
        options=options,
        system=system,
        rounding=rounding_level(problem.evaluations, ROUNDING),
        work=Work(),
        rng=np.random.default_rng(options.seed),
    )
