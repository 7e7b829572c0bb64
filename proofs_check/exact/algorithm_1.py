"""Algorithm 1 in floating point, for the gradient of a two-layer network with activation t^3.

arXiv 2602.08723, sections 5.2 and 5.3. For f(x) = grad_theta sum_j a_j (w_j.x)^3 every component
is a cubic form, f_p(x) = C_p[x, x, x] for a symmetric tensor C_p, and

    J = 3 C[x, x, .],   Hess f_p = 6 C_p[x, ., .],   S(x_i) = -12 lambda_i sum_p r_p C_p[x_i, ., .]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt

import numpy as np

from proofs_check.exact.arrays import Floats

DAMPING = 1e-2
"""Weights move to the minimiser of |r|^2 + DAMPING |change|^2; this never increases L."""


@dataclass(frozen=True, slots=True)
class CubicProblem:
    """What is to be reconstructed: theta as a combination of the f(x_i).

    Attributes:
        C: (P, d, d, d), symmetric in the last three.
        theta: (P,) of norm 1.
        start: (k, d) first candidates.
    """

    C: Floats
    theta: Floats
    start: Floats

    def features(self, x: Floats) -> Floats:
        """f(x_1), ..., f(x_k) as rows."""
        cubes = np.einsum("ia,ib,ic->iabc", x, x, x).reshape(len(x), -1)
        return cubes @ self.C.reshape(len(self.C), -1).T

    def loss(self, x: Floats, weights: Floats) -> float:
        """L."""
        r = self.residual(x, weights)
        return float(r @ r)

    def residual(self, x: Floats, weights: Floats) -> Floats:
        """R = theta - sum_i lambda_i f(x_i)."""
        return self.theta - weights @ self.features(x)

    def gradient(self, x: Floats, weights: Floats) -> Floats:
        """The derivatives of L in x, (k, d): -2 lambda_i J_i^T r."""
        form = np.tensordot(self.residual(x, weights), self.C, 1)
        return -6 * weights[:, None] * np.einsum("abc,ib,ic->ia", form, x, x)

    def jacobians(self, x: Floats) -> Floats:
        """J_1, ..., J_k, (k, P, d)."""
        return 3 * np.einsum("pabc,ib,ic->ipa", self.C, x, x)

    def splitting_matrices(self, x: Floats, weights: Floats) -> Floats:
        """S(x_1), ..., S(x_k)."""
        form = np.tensordot(self.residual(x, weights), self.C, 1)
        return -12 * weights[:, None, None] * np.einsum("abc,ic->iab", form, x)

    def third_derivative(self, x: Floats, weights: Floats, radius: float) -> float:
        """Bound the third derivative of L in all x_i no farther from x than the radius."""
        # D^3 L[u, u, u] = 6 r'.r'' + 2 r.r''' with r' = -sum lambda_i J_i u_i and so on; for unit u
        # |r'|^2 <= sum (lambda_i |J_i|)^2, while r'' and r''' are at most their largest term
        C, lam = float(np.linalg.norm(self.C)), np.abs(weights)
        Q = 6 * _norms(np.einsum("pabc,ic->ipab", self.C, x))
        J = _norms(self.jacobians(x))
        J_near, Q_near = J + radius * Q + 3 * radius**2 * C, Q + 6 * radius * C
        r = np.linalg.norm(self.residual(x, weights)) + radius * lam @ J_near
        first, second = np.linalg.norm(lam * J_near), np.max(lam * Q_near)
        return float(6 * first * second + 2 * r * 6 * C * np.max(lam))


def _norms(stack: Floats) -> Floats:
    """The Frobenius norm of each array of a stack."""
    return np.linalg.norm(stack.reshape(len(stack), -1), axis=1)


@dataclass(frozen=True, slots=True)
class SplitRecord:
    """One splitting step.

    Attributes:
        count: How many samples were split.
        before: L before.
        after: L after.
        expected: The second-order decrease, -(eta^2 / 2) sum lambda_min(S).
        promised: count * eps_H * eta^2 / 4.
        rho: Bound of the third derivative along the segment.
        eta: Step size.
        steps: Steps of Phase I so far.
    """

    count: int
    before: float
    after: float
    expected: float
    promised: float
    rho: float
    eta: float
    steps: int


@dataclass(slots=True)
class AlgorithmRun:
    """A run of Algorithm 1.

    Attributes:
        problem: What was reconstructed.
        initial: L at the start.
        x: The candidates, at the end those returned.
        weights: Their weights.
        eps: Threshold of the gradient.
        eps_H: sqrt(rho eps).
        splits: The splitting steps.
        steps: Steps of Phase I.
        smallest_step: The smallest step size of Phase I.
        ended: Whether no sample was left to split.
    """

    problem: CubicProblem
    initial: float
    x: Floats
    weights: Floats
    eps: float
    eps_H: float
    splits: list[SplitRecord] = field(default_factory=list)
    steps: int = 0
    smallest_step: float = np.inf
    ended: bool = False

    @property
    def idle_splits(self) -> int:
        """Splitting steps that Phase I followed with no step: the gradient was small at once."""
        times = [*(record.steps for record in self.splits), self.steps]
        return sum(later == earlier for earlier, later in pairwise(times))


def cubic_problem(seed: int, d: int, width: int, samples: int, candidates: int) -> CubicProblem:
    """A random network and unit samples, with fewer candidates than samples."""
    rng = np.random.default_rng(seed)
    W, a = rng.standard_normal((width, d)), rng.standard_normal(width)
    by_a = np.einsum("jb,jc,jd->jbcd", W, W, W)
    by_W = np.einsum("j,jb,jc,ed->jebcd", a, W, W, np.eye(d)).reshape(-1, d, d, d)
    by_W = by_W + by_W.transpose(0, 2, 3, 1) + by_W.transpose(0, 3, 1, 2)
    x = rng.standard_normal((samples + candidates, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    problem = CubicProblem(np.concatenate([by_a, by_W]), np.zeros(width * (d + 1)), x[samples:])
    features = problem.features(x)
    scale = float(np.mean(np.linalg.norm(features, axis=1)))
    theta = rng.uniform(-1, 1, samples) @ features[:samples]
    return CubicProblem(problem.C / scale, theta / np.linalg.norm(theta), x[samples:])


def run_algorithm(
    problem: CubicProblem, eps: float, rho: float, *, every: bool, limit: int = 3000
) -> AlgorithmRun:
    """Return the run of descent and splitting until no lambda_min(S) < -sqrt(rho eps) is left.

    Phase I ends at a gradient of norm ``eps``; ``rho`` is taken for the bound of the third
    derivative, and the records say whether it is one. ``every`` splits all samples found at once,
    with a smaller step, else the worst one only. ``limit`` bounds the steps of Phase I.
    """
    features = problem.features(problem.start)
    weights: Floats = np.linalg.lstsq(features.T, problem.theta, rcond=None)[0].astype(np.float64)
    initial = problem.loss(problem.start, weights)
    run = AlgorithmRun(problem, initial, problem.start, weights, eps, sqrt(rho * eps))
    while not run.ended and run.steps < limit:
        _descend(run, limit)
        if run.steps < limit:
            _split(run, rho, every)
    return run


def _descend(run: AlgorithmRun, limit: int) -> None:
    """Phase I: steps eta_g with L(x - eta_g g) <= L - (eta_g / 2) |g|^2, then the weights."""
    problem, step = run.problem, 1.0
    while run.steps < limit:
        g = problem.gradient(run.x, run.weights)
        square = float(np.sum(g**2))
        if square <= run.eps**2:
            return
        level, step = problem.loss(run.x, run.weights), 2 * step
        while problem.loss(run.x - step * g, run.weights) > level - step / 2 * square:
            step /= 2
        run.x = run.x - step * g
        F = problem.features(run.x)
        r = problem.residual(run.x, run.weights)
        damped = F @ F.T + DAMPING * np.eye(len(F))
        run.weights = run.weights + np.linalg.solve(damped, F @ r)
        run.steps += 1
        run.smallest_step = min(run.smallest_step, step)


def _split(run: AlgorithmRun, rho: float, every: bool) -> None:
    """Phase II, with the step 3 / (4 sqrt(2 s)) sqrt(eps / rho) for s binary splits at once."""
    problem, x, weights = run.problem, run.x, run.weights
    values, vectors = np.linalg.eigh(problem.splitting_matrices(x, weights))
    found = np.flatnonzero(values[:, 0] < -run.eps_H)
    run.ended = len(found) == 0
    if run.ended:
        return
    chosen = found if every else np.array([np.argmin(values[:, 0])])
    s = len(chosen)
    eta = 3 / (4 * sqrt(2 * s)) * sqrt(run.eps / rho)
    rest = np.setdiff1d(np.arange(len(x)), chosen)
    move = eta * vectors[chosen, :, 0]
    half = weights[chosen] / 2
    run.weights = np.concatenate([weights[rest], half, half])
    start = np.concatenate([x[rest], x[chosen], x[chosen]])
    run.x = np.concatenate([x[rest], x[chosen] + move, x[chosen] - move])
    run.splits.append(
        SplitRecord(
            count=s,
            before=problem.loss(x, weights),
            after=problem.loss(run.x, run.weights),
            expected=-(eta**2) / 2 * float(np.sum(values[chosen, 0])),
            promised=s * run.eps_H * eta**2 / 4,
            rho=problem.third_derivative(start, run.weights, eta),
            eta=eta,
            steps=run.steps,
        )
    )
