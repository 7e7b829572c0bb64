"""Sample splitting: the expansion of the loss, the best split, the splitting matrix.

arXiv 2602.08723, sections 5.2 and 5.3, appendices B.1 and B.2. Letters as in
``exact.reconstruction_loss``; J_i is the P x d matrix of first derivatives of f at x_i, and the
share of an offspring is lambda_i^[j] / lambda_i.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import sympy
from flint import fmpq, fmpq_mat

from proofs_check.docket import Docket
from proofs_check.exact.formulas import Scalar
from proofs_check.exact.polynomial_map import (
    PolynomialMap,
    bilinear,
    gradient,
    hessian,
    random_problem,
    random_split,
    variables,
)
from proofs_check.exact.reconstruction_loss import Split, flat, loss, residual, splitting_matrix
from proofs_check.exact.smooth_problem import SmoothProblem, block, smooth_problem, vanishes
from proofs_check.ledger import ClaimVerdict, claim

SEED = 5
t = sympy.Symbol("t", real=True)


@cache
def split_problem(
    counts: tuple[int, ...], d: int, P: int
) -> tuple[SmoothProblem, list, list, Any, Any]:
    """A problem of which each sample i gets counts[i] offspring, all of them still at x_i.

    Returns:
        The problem before, the parent and the share of each offspring (the last share of a sample
        is 1 minus the others), and gradient and Hessian of the loss after, with its own samples.
    """
    before = smooth_problem(len(counts), d, P)
    parents = [i for i, count in enumerate(counts) for _ in range(count)]
    shares = list(sympy.symbols(f"s:{len(parents)}"))
    for i in range(len(counts)):
        *others, last = (n for n, parent in enumerate(parents) if parent == i)
        shares[last] = 1 - sum(shares[n] for n in others)
    weights = [share * before.weights[i] for share, i in zip(shares, parents, strict=True)]
    after = replace(smooth_problem(len(parents), d, P, "y"), weights=weights)
    start = [before.x[i][k] for i in parents for k in range(d)]
    there = dict(zip(after.coordinates, start, strict=True))
    return before, parents, shares, after.gradient.subs(there), after.hessian.subs(there)


@claim(
    "gradient-and-hessian",
    where="B.1, proof of Lemma B.1",
    statement=(
        "With J := ∇_x f: ∇_{x_i} L = -2 λ_i ∇f^T r = -2 J_i^T r, ∇^2_{x_i} L = T(x_i) + S(x_i), "
        "T(x_i, x_j) = 2 λ_i λ_j J_i^T J_j off the diagonal; for offspring at x_i the gradient is "
        "λ^[j]/λ times that of x_i, the blocks are (λ^[j]/λ)^2 T + (λ^[j]/λ) S and "
        "(λ_i^[j] λ_r^[s] / λ_i λ_r) T(x_i, x_r)."
    ),
    corrected=(
        "All of it with ∇_{x_i} L = -2 λ_i J_i^T r; -2 J_i^T r belongs to J_i = ∇_x (λ_i f), the "
        "definition of appendix B.2."
    ),
    recorded=ClaimVerdict.CORRECTED,
    hypotheses=("f twice differentiable", "sum_j λ_i^[j] = λ_i"),
)
def gradient_and_hessian(docket: Docket) -> None:
    """L = |r|^2 and dr = -sum_i lambda_i J_i dx_i; the second derivative of r in x_i, x_j is 0.

    Two offspring of one sample are two different samples, so their block is T too. The product
    J^T r in the display uses both definitions of J at once.
    """
    problem = smooth_problem(2, 2, 3)
    for i in range(2):
        docket.symbolic(
            f"gradient in x_{i + 1} for every f from R^2 to R^3",
            vanishes(
                problem.gradient[2 * i : 2 * i + 2, :]
                + 2 * problem.weights[i] * problem.J(i).T * problem.r
            ),
        )
    before, parents, shares, first, second = split_problem((2, 3), 2, 2)
    T = {
        (i, j): 2 * before.weights[i] * before.weights[j] * before.J(i).T * before.J(j)
        for i in range(2)
        for j in range(2)
    }
    S = [before.S(i) for i in range(2)]
    docket.symbolic(
        "Hessian of L for every f from R^2 to R^2 and two samples",
        [
            vanishes(block(before.hessian, i, j, 2) - T[i, j] - (S[i] if i == j else 0 * S[i]))
            for i, j in T
        ],
    )
    docket.symbolic(
        "gradient after splitting into 2 and 3 offspring that have not moved",
        [
            vanishes(
                first[2 * n : 2 * n + 2, :] - shares[n] * before.gradient[2 * i : 2 * i + 2, :]
            )
            for n, i in enumerate(parents)
        ],
    )
    docket.symbolic(
        "the 25 blocks of the Hessian there",
        [
            vanishes(
                block(second, n, m, 2)
                - shares[n] * shares[m] * T[i, j]
                - (shares[n] * S[i] if n == m else 0 * S[i])
            )
            for n, i in enumerate(parents)
            for m, j in enumerate(parents)
        ],
    )
    docket.refute(
        "f(x) = x, weight 2: the derivative is -4, not -2", missing_weight, theta=1, weight=2, x=0
    )


def missing_weight(theta: Scalar, weight: Scalar, x: Scalar) -> bool:
    """Whether -2 J r is not the derivative of L for f(x) = x."""
    r = theta - weight * x
    return loss([theta], [weight], [[t]]).diff(t).subs(t, x) != -2 * r


@claim(
    "E15",
    where="5.2, definition of S(x_i)",
    statement="S(x_i) = -2 λ_i sum_p r_p ∇^2 f_p(x_i) with r_p = θ - sum_i λ_i f_p(x_i).",
    corrected="r_p = θ_p - sum_i λ_i f_p(x_i); then S(x_i) = ∇^2_{x_i} L - 2 λ_i^2 J_i^T J_i.",
    recorded=ClaimVerdict.CORRECTED,
)
def residual_entry(docket: Docket) -> None:
    """Theta is a vector and f_p a number. The same slip stands in Lemma B.2.

    Any fixed entry of theta in place of the vector gives another matrix, which is not the part of
    the Hessian that S is used for.
    """
    rng = np.random.default_rng(SEED)
    outcomes = []
    for _ in range(20):
        f, theta, weights, x = random_problem(rng, k=2, d=2, P=3, degree=3)
        H = hessian(f.loss_polynomial(theta, weights), flat(x))
        for i, S in enumerate(f.splitting_matrices(theta, weights, x)):
            J = fmpq_mat([gradient(f_p, x[i]) for f_p in f.components])
            own = fmpq_mat([row[2 * i : 2 * i + 2] for row in H.tolist()[2 * i : 2 * i + 2]])
            outcomes.append(own == S + 2 * weights[i] ** 2 * J.transpose() * J)
    docket.exact(
        "diagonal blocks of the Hessian of L, for 20 cubic maps from R^2 to R^3 and two samples",
        outcomes,
        seed=SEED,
    )
    docket.refute(
        "f(x) = (x^2, x^3), theta = (1, 2), x = 1, weight 2: S = 8, but 32 with theta_1 and 0 with "
        "theta_2 in every component",
        single_entry_fails,
        theta=(1, 2),
        weight=2,
        x=1,
    )


def single_entry_fails(theta: tuple, weight: Scalar, x: Scalar) -> bool:
    """Whether S = L'' - 2 lambda^2 |f'|^2 for f = (x^2, x^3), and no entry of theta gives it."""
    f = [t**2, t**3]
    truth = loss(theta, [weight], [f]).diff(t, 2) - 2 * weight**2 * sum(s.diff(t) ** 2 for s in f)
    hessians = [[[s.diff(t, 2)]] for s in f]
    S = splitting_matrix(weight, residual(theta, [weight], [f]), hessians)[0][0]
    readings = [
        splitting_matrix(weight, residual([entry] * 2, [weight], [f]), hessians)[0][0]
        for entry in theta
    ]
    wrong = all((reading - S).subs(t, x) != 0 for reading in readings)
    return wrong and sympy.expand(truth - S) == 0


@claim(
    "preserves-value",
    where="5.2, sample splitting",
    statement="The augmented objective has the value of L when all off-springs coincide with x_i.",
    recorded=ClaimVerdict.PROVED,
    hypotheses=("sum_j λ_i^[j] = λ_i",),
)
def preserves_value(docket: Docket) -> None:
    """sum_j lambda_i^[j] f(x_i) = lambda_i f(x_i)."""
    for counts in ((2,), (1, 2), (3, 2, 4)):
        k, P = len(counts), 3
        theta, weights = sympy.symbols(f"theta:{P}"), sympy.symbols(f"lambda:{k}")
        features = [sympy.symbols(f"f{i}_:{P}") for i in range(k)]
        parts = [list(sympy.symbols(f"l{i}_:{n - 1}")) for i, n in enumerate(counts)]
        before = loss(theta, weights, features)
        rest = [weight - sum(part) for weight, part in zip(weights, parts, strict=True)]
        repeated = [f for f, n in zip(features, counts, strict=True) for _ in range(n)]
        after = [[*part, last] for part, last in zip(parts, rest, strict=True)]
        docket.symbolic(
            f"samples with {counts} offspring, all weights and values of f symbols",
            sympy.expand(loss(theta, flat(after), repeated) - before) == 0,
        )
    docket.exact(
        "f(x) = theta = 1: value 0, and 1 for two offspring of weight 1 each, of another sum",
        [loss([1], [1], [[1]]) == 0, loss([1], [1, 1], [[1], [1]]) == 1],
    )


@claim(
    "lemma-b1",
    where="B.1, Lemma B.1",
    statement=(
        "The loss after x_i^[j] = x_i + η δ_i^[j] with sum_j λ_i^[j] δ_i^[j] = 0 has no term in η, "
        "and its term in η^2 is (η^2/2) sum_i sum_j (λ_i^[j]/λ_i) δ_i^[j]^T S(x_i) δ_i^[j]."
    ),
    recorded=ClaimVerdict.PROVED,
    hypotheses=("sum_j λ_i^[j] = λ_i, λ_i not 0", "the remainder is E9"),
)
def expansion(docket: Docket) -> None:
    """Both terms follow from gradient and Hessian at the coinciding offspring.

    sum_j share_j delta_j = 0 removes the gradient, which is share_j times the same vector, and all
    of T: sum_j sum_s share_j share_s delta_j^T T delta_s = 0. What remains is S.
    """
    before, parents, shares, first, second = split_problem((2, 3), 2, 2)
    deltas: list[Any] = [sympy.Matrix(sympy.symbols(f"d{n}_:2")) for n in range(len(parents))]
    for last, others in ((1, (0,)), (4, (2, 3))):  # every split has this form, by scaling
        deltas[last] = -sum((shares[n] * deltas[n] for n in others), sympy.zeros(2, 1))
        for n in others:
            deltas[n] *= shares[last]
    step = sympy.Matrix.vstack(*deltas)
    S = [before.S(i) for i in range(2)]
    expected = sum(
        (share * delta.T * S[i] * delta)[0]
        for share, delta, i in zip(shares, deltas, parents, strict=True)
    )
    docket.symbolic(
        "first and second derivative in eta for every f from R^2 to R^2, 2 and 3 offspring",
        [
            vanishes(first.T * step),
            sympy.expand((step.T * second * step)[0] - expected) == 0,
        ],
    )
    rng = np.random.default_rng(SEED)
    outcomes = []
    for _ in range(60):
        f, theta, weights, x = random_problem(rng, k=3, d=2, P=3, degree=3)
        splits = [random_split(rng, 2, count) for count in (2, 3, 5)]
        after = f.expansion(theta, weights, x, splits)
        second_order = sum(
            (
                form(S, split)
                for S, split in zip(f.splitting_matrices(theta, weights, x), splits, strict=True)
            ),
            start=fmpq(0),
        )
        outcomes.append(
            after[0,] == loss(theta, weights, [f(x_i) for x_i in x])
            and after[1,] == 0
            and after[2,] == second_order / 2
        )
    docket.exact(
        "coefficients of the loss as a polynomial in eta: 60 cubic maps from R^2 to R^3, three "
        "samples with 2, 3 and 5 offspring",
        outcomes,
        seed=SEED,
    )
    f = PolynomialMap(variables(1), 1)
    drift = f.expansion([1], [1], [[0]], [[(1, [1])]])
    docket.exact(
        "f(x) = x, S = 0, one offspring, delta = 1: without sum_j lambda^[j] delta^[j] = 0 the "
        "loss is (1 - eta)^2",
        [drift[1,] == -2, drift[2,] == 1],
    )


def form(S: fmpq_mat, split: Split) -> Scalar:
    """sum_j share_j delta_j^T S delta_j."""
    return sum((share * bilinear(delta, S, delta) for share, delta in split), start=fmpq(0))
