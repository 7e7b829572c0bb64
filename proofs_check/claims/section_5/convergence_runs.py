"""Runs of Algorithm 1, measured against Theorem 5.1.

arXiv 2602.08723, section 5.3. The algorithm is in ``proofs_check.exact.algorithm_1``.
"""

from __future__ import annotations

from functools import cache
from math import floor, log10

import numpy as np
import sympy

from proofs_check.claims.appendix_b.phase_2 import cap, shown
from proofs_check.docket import Docket
from proofs_check.exact.algorithm_1 import AlgorithmRun, cubic_problem, run_algorithm
from proofs_check.exact.arrays import Floats
from proofs_check.ledger import ClaimVerdict, claim

SEEDS = range(6)
EPS, RHO = 1e-4, 100.0
ROUNDING = 1e-12
"""Relative: eta is a product of a few floating-point numbers."""


@cache
def runs() -> list[AlgorithmRun]:
    """Six problems, from one candidate, with one split at a time and with all at once."""
    problems = [cubic_problem(seed, d=4, width=20, samples=5, candidates=1) for seed in SEEDS]
    return [
        run_algorithm(problem, EPS, RHO, every=every, limit=1000)
        for problem in problems
        for every in (False, True)
    ]


@claim(
    "splits-within-bound",
    where="5.3, Theorem 5.1",
    statement="The algorithm makes at most L_0 / (ε_H η^2/4) splitting steps.",
    gist="real runs stay far below the number of splits allowed",
    recorded=ClaimVerdict.SUPPORTED,
    hypotheses=(f"η = ({shown(cap(sympy.Symbol('s')))}) √(ε/ρ) for s splits at once (split-all)",),
)
def splits_within_bound(docket: Docket) -> None:
    """Algorithm 1 on cubic networks, the decrease and the third derivative recorded at each split.

    The bound is far from sharp: real runs need a few splits. For |lambda_min(S)| < (8/3) eps_H the
    gradient that a single split adds, eta |lambda_min(S)| / sqrt 2, is below eps. Phase I may then
    do nothing, and the next split or the end follows at once (copies).
    """
    found = runs()
    records = [record for run in found for record in run.splits]
    decreases = [record.before - record.after for record in records]
    gains = [gain / record.promised for gain, record in zip(decreases, records, strict=True)]
    ratios = [run.initial / run.splits[0].promised / len(run.splits) for run in found if run.splits]
    docket.numerical(
        f"12 runs, 4-20-1 networks of seeds 0 to 5, 5 samples, eps = 1e-4, rho = 100: "
        f"{len(ratios)} split, at most {max(len(run.splits) for run in found)} times; the bound is "
        f"at least 10^{floor(log10(min(ratios)))} times larger",
        [ratio >= 1 for ratio in ratios],
        seed=SEEDS[0],
    )
    docket.numerical(
        f"{len(records)} splitting steps: eta is {shown(cap(sympy.Symbol('s')))} sqrt(eps/rho)",
        [
            abs(record.eta - float(cap(record.count)) * (EPS / RHO) ** 0.5) < ROUNDING * record.eta
            for record in records
        ],
        seed=SEEDS[0],
    )
    docket.numerical(
        f"{len(records)} splitting steps: rho bounds the third derivative along the segment",
        [record.rho <= RHO for record in records],
        seed=SEEDS[0],
    )
    docket.numerical(
        "the decrease differs from the second-order one by the corrected remainder (E9) at most",
        [
            abs(gain - record.expected) <= RHO * (2 * record.count) ** 1.5 * record.eta**3 / 6
            for gain, record in zip(decreases, records, strict=True)
        ],
        seed=SEEDS[0],
    )
    docket.numerical(
        f"the decrease is at least s eps_H eta^2 / 4, here at least {min(gains):.1f} times that; "
        f"{sum(run.idle_splits for run in found)} steps were followed by none of Phase I",
        [gain >= 1 for gain in gains],
        seed=SEEDS[0],
    )
    docket.numerical(
        "steps of Phase I, no more than 2 L_0 / (eta_g eps^2) with the smallest eta_g of the run",
        [run.steps <= 2 * run.initial / (run.smallest_step * EPS**2) for run in found],
        seed=SEEDS[0],
    )


@claim(
    "stationary-on-exit",
    where="5.3, Theorem 5.1",
    statement="The algorithm ends at an ε-second-order stationary point.",
    gist="real runs end at points that are second-order stationary",
    recorded=ClaimVerdict.SUPPORTED,
    hypotheses=("it ends; Phase I is slow where two candidates of opposite sign approach",),
)
def stationary_on_exit(docket: Docket) -> None:
    """At the end |grad_x L| <= eps and lambda_min(S(x_i)) >= -eps_H; Lemma B.2 does the rest.

    Gradient and Hessian are taken as differences of L, not by the formulas that the run used.
    """
    ended = [run for run in runs() if run.ended]
    exact, small, bounded = [], [], []
    for run in ended:
        problem, size = run.problem, run.x.size
        slope, H = differences(run)
        S = problem.splitting_matrices(run.x, run.weights)
        J = (run.weights[:, None, None] * problem.jacobians(run.x)).swapaxes(0, 1)
        J = J.reshape(-1, size)
        formula = 2 * J.T @ J + block_diagonal(S)
        exact.append(
            np.allclose(slope, problem.gradient(run.x, run.weights).ravel(), rtol=0, atol=1e-7)
            and np.allclose(H, formula, rtol=0, atol=1e-6)
        )
        small.append(bool(np.linalg.norm(slope) <= EPS + 1e-7))
        bounded.append(bool(np.linalg.eigvalsh(H)[0] >= -run.eps_H))
    docket.numerical(
        f"{len(ended)} of 12 runs end within 1000 steps; there the differences are J^T r and "
        "2 J^T J + blockdiag(S) to 1e-7 and 1e-6",
        exact,
        seed=SEEDS[0],
    )
    docket.numerical("there |grad_x L| <= eps", small, seed=SEEDS[0])
    docket.numerical("there lambda_min(H) >= -sqrt(rho eps)", bounded, seed=SEEDS[0])


def block_diagonal(blocks: Floats) -> Floats:
    """The matrix with the blocks on its diagonal."""
    k, d, _ = blocks.shape
    return np.einsum("ij,iab->iajb", np.eye(k), blocks).reshape(k * d, k * d)


def differences(run: AlgorithmRun, h: float = 1e-4) -> tuple[Floats, Floats]:
    """Central first and second differences of L in all coordinates."""
    size = run.x.size
    units = h * np.eye(size).reshape(size, *run.x.shape)

    def L(*moves: Floats) -> float:
        return run.problem.loss(run.x + sum(moves), run.weights)

    slope = np.array([L(u) - L(-u) for u in units]) / (2 * h)
    second = [[L(u, v) - L(u, -v) - L(-u, v) + L(-u, -v) for v in units] for u in units]
    return slope, np.array(second) / (4 * h**2)
